"""A model with a layer of ours computes the same after `Model.export`.

Every row is exported to a TensorFlow SavedModel and to ONNX, loaded by what
serves it (`tf.saved_model`, `onnxruntime`: no Keras), and compared with
`Model.predict`. An input size of None is run at two sizes, so that a size
that was baked in at export shows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.layer_table import ROWS, Row, row_id

Shape = tuple[int | None, ...]

BACKEND = keras.backend.backend()
ONNX_CONVERTER = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}
TOLERANCE = 1e-5
SEQUENCE_ROWS = [row for row in ROWS if row.is_recurrent or row.is_cell]

no_saved_model_on_torch = pytest.mark.xfail(
    BACKEND == "torch",
    reason=(
        "Keras 3.15.1 on torch exports no SavedModel, Dense included. Free sizes: "
        "it gives torch.export `dynamic_shapes` that do not match the inputs of a "
        "Keras model (UserError). Fixed sizes: it needs torch_xla, whose last "
        "release, 2.9, is built for torch 2.9 (ImportError)."
    ),
    raises=(RuntimeError, ImportError),
    strict=True,
)
length_is_fixed_on_torch = pytest.mark.xfail(
    BACKEND == "torch",
    reason=(
        "TorchScript writes the loop over time out for the length at export, "
        "which Keras makes 1 where it is free; Keras' GRU then answers wrongly. "
        "Keras refuses it after 3.15: keras-team/keras#23058."
    ),
    strict=True,
)
# Keras on torch exports free sizes with TorchScript, and these are its
# warnings. They are ignored for free sizes only: with every size given Keras
# takes the exporter of torch.export, falls back on TorchScript without a word
# if that fails, and the first of them is what tells.
torchscript_warnings = pytest.mark.filterwarnings(
    "ignore:You are using the legacy TorchScript-based ONNX export",
    "ignore:The feature will be removed:DeprecationWarning",
    "ignore:Constant folding - Only steps=1 can be constant folded:UserWarning",
    "ignore:Converting a tensor to a Python",
    "ignore:Iterating over a tensor might cause the trace",
    "ignore:Using len to get tensor shape might cause the trace",
    "ignore:torch.tensor results are registered as constants in the trace",
)


def nudged(model: keras.Model) -> keras.Model:
    """The model with no weight left at zero, where a lost bias would not show."""
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(scale=0.3, size=variable.shape))
    return model


def batches(shape: Shape) -> list[np.ndarray]:
    """Two inputs of a shape, each with its own size where the shape has None."""
    random = np.random.default_rng(2)
    return [
        random.normal(size=[size or free for size in shape]).astype("float32")
        for free in (2, 5)
    ]


def check_saved_model(model: keras.Model, shape: Shape, folder: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="A SavedModel needs TensorFlow.")
    expected = [model.predict_on_batch(inputs) for inputs in batches(shape)]
    model.export(str(folder / "model"), format="tf_saved_model", verbose=False)
    served = tf.saved_model.load(str(folder / "model"))
    for inputs, outputs in zip(batches(shape), expected, strict=True):
        np.testing.assert_allclose(
            served.serve(inputs), outputs, rtol=TOLERANCE, atol=TOLERANCE
        )


def check_onnx(model: keras.Model, shape: Shape, folder: Path) -> None:
    pytest.importorskip(ONNX_CONVERTER[BACKEND])
    onnxruntime = pytest.importorskip("onnxruntime")
    expected = [model.predict_on_batch(inputs) for inputs in batches(shape)]
    path = str(folder / "model.onnx")
    # On JAX a model that has only predicted counts as "never called", and Keras
    # finds no signature by itself.
    signature = [keras.InputSpec(shape=shape, dtype="float32", name="inputs")]
    model.export(path, format="onnx", input_signature=signature, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    for inputs, outputs in zip(batches(shape), expected, strict=True):
        (served,) = session.run(None, {name: inputs})
        np.testing.assert_allclose(served, outputs, rtol=TOLERANCE, atol=TOLERANCE)


@no_saved_model_on_torch
def test_keras_itself_exports_dense_to_saved_model(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    check_saved_model(nudged(model), (None, 3), tmp_path)


@no_saved_model_on_torch
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_saved_model(row: Row, tmp_path: Path) -> None:
    check_saved_model(nudged(row.model()), (None, *row.input_shape), tmp_path)


@no_saved_model_on_torch
@pytest.mark.parametrize("row", SEQUENCE_ROWS, ids=row_id)
def test_saved_model_takes_sequences_of_any_length(row: Row, tmp_path: Path) -> None:
    free = replace(row, input_shape=(None, row.input_shape[-1]))
    check_saved_model(nudged(free.model()), (None, *free.input_shape), tmp_path)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_onnx_with_every_size_given(row: Row, tmp_path: Path) -> None:
    model = nudged(row.model(batch_size=2))
    check_onnx(model, (2, *row.input_shape), tmp_path)


@torchscript_warnings
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_onnx_takes_batches_of_any_size(row: Row, tmp_path: Path) -> None:
    check_onnx(nudged(row.model()), (None, *row.input_shape), tmp_path)


@length_is_fixed_on_torch
@torchscript_warnings
@pytest.mark.parametrize("row", SEQUENCE_ROWS, ids=row_id)
def test_onnx_takes_sequences_of_any_length(row: Row, tmp_path: Path) -> None:
    free = replace(row, input_shape=(None, row.input_shape[-1]))
    check_onnx(nudged(free.model()), (None, *free.input_shape), tmp_path)
