"""Symbolic and eager shapes, static and dynamic axes.

Only here shows: an output shape that is stated and not met; a size of the symbolic
call that is kept for later calls; a sum or mean that reaches over the batch; an
operation that refuses an empty batch; a part that torch.compile leaves to Python.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.gradients import as_float64
from tests.layer_table import ROWS, Row, first_rows, row_id

# Those whose convolution of an empty batch TensorFlow gets wrong, as Keras' own.
CONVOLUTIONS = (
    "MinMaxoutConv",
    "Modulated_convolution",
    "Modulated_channelwise",
    "AdaptiveConv2D",
)
KERAS = tuple(int(part) for part in keras.__version__.split(".")[:2])
FEED_FORWARD_ROWS = [r for r in first_rows() if not (r.is_recurrent or r.is_cell)]


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_symbolic_shapes(row: Row) -> None:
    layer = row.layer()
    symbolic = layer(keras.Input(row.input_shape))
    assert symbolic.shape == (None, *row.output_shape)
    shape = layer.compute_output_shape((3, *row.input_shape))
    assert tuple(shape) == (3, *row.output_shape)


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_a_model_of_free_sizes(row: Row) -> None:
    """Compiled, it gives each sequence of another batch what the layer gave."""
    inputs = keras.Input(row.with_free_axes())
    layer = row.layer()
    model = keras.Model(inputs, layer(inputs))
    x = row.batch()
    whole = as_float64(layer(x))
    assert whole.shape == (3, *row.output_shape)
    np.testing.assert_allclose(
        model.predict(x[2:], verbose=0), whole[2:], rtol=1e-5, atol=1e-6
    )
    shorter = x[..., 1:] if row.channels_first else x[:, 1:]
    np.testing.assert_allclose(
        model.predict(shorter, verbose=0),
        as_float64(layer(shorter)),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("row", FEED_FORWARD_ROWS, ids=row_id)
def test_an_empty_batch(row: Row) -> None:
    if keras.backend.backend() == "tensorflow" and row.name in CONVOLUTIONS:
        pytest.skip("TensorFlow returns the input where it convolves an empty batch")
    layer = row.layer()
    layer(row.batch())
    assert tuple(layer(row.batch(0)).shape) == (0, *row.output_shape)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="is about torch")
@pytest.mark.skipif(KERAS < (3, 15), reason="Keras' own Dense is in pieces before 3.15")
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@pytest.mark.parametrize("row", FEED_FORWARD_ROWS, ids=row_id)
def test_torch_compiles_it_whole(row: Row) -> None:
    """The backend "eager" traces the graph, and takes no time to compile it."""
    import torch

    layer = row.layer()
    x = keras.ops.convert_to_tensor(row.batch())
    expected = layer(x)
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), expected)
