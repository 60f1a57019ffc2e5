"""A model with a layer of ours computes the same after `Model.export`.

Every layer is exported to a TensorFlow SavedModel and to ONNX, loaded by what
serves it (`tf.saved_model`, `onnxruntime`: no Keras), and compared with
`Model.predict`. Every size that may be free is, and is run at two sizes, so that a
size that was baked in at export shows.

Only here shows: an operation that an exporter does not know, and a Python number
where a tensor's size was meant.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64
from tests.layer_table import (
    LAYER_ROWS,
    RECURRENT_CLASSES,
    ROWS,
    STATE_FORMS,
    Row,
    row_id,
)

pytestmark = pytest.mark.slow

Shape = tuple[int | None, ...]

BACKEND = keras.backend.backend()
ONNX_CONVERTER = {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"}
TOLERANCE = 1e-5
# Cells are exported in their layers. ONNX has fewer operations than TensorFlow, and
# a row's options may want another one.
EXPORTED = [row for row in ROWS if not row.is_cell]
OTHERS = [row for row in EXPORTED if not row.is_recurrent]
# On torch recurrent layers have tests of their own; JAX' exporter takes seconds.
ROWS_OF_ONNX = {
    "tensorflow": [*OTHERS, *RECURRENT_CLASSES],
    "jax": LAYER_ROWS,
    "torch": OTHERS,
}
ON_TORCH = BACKEND == "torch"

# Keras on torch exports free sizes with TorchScript, and these are its
# warnings. They are ignored for free sizes only: with every size given Keras
# takes the exporter of torch.export, falls back on TorchScript without a word
# if that fails, and the first of them is what tells.
torchscript_warnings = pytest.mark.filterwarnings(
    "ignore:You are using the legacy TorchScript-based ONNX export",
    "ignore:The feature will be removed:DeprecationWarning",
    "ignore:Constant folding - Only steps=1 can be constant folded:UserWarning",
    # Only those of Keras and torch: the package looks at no size that is traced.
    r"ignore:Converting a tensor to a Python::(keras|torch)\.",
    r"ignore:Iterating over a tensor might cause the trace::keras\.",
    r"ignore:Using len to get tensor shape might cause the trace::keras\.",
    r"ignore:torch.tensor results are registered as constants in the trace::keras\.",
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


def free_model(row: Row) -> tuple[keras.Model, Shape]:
    """A model with the time free where the layer runs over time, and its shape."""
    shape = (None, *row.input_shape[1:]) if row.is_recurrent else row.input_shape
    return nudged(replace(row, input_shape=shape).model()), (None, *shape)


@pytest.mark.xfail(
    ON_TORCH,
    reason=(
        "Keras 3.15.1 on torch exports no SavedModel, Dense included. Free sizes: "
        "it gives torch.export `dynamic_shapes` that do not match the inputs of a "
        "Keras model (UserError). Fixed sizes: it needs torch_xla, whose last "
        "release, 2.9, is built for torch 2.9 (ImportError)."
    ),
    raises=(RuntimeError, ImportError),
    strict=True,
)
def test_keras_itself_exports_dense_to_saved_model(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    check_saved_model(nudged(model), (None, 3), tmp_path)


@pytest.mark.parametrize("row", LAYER_ROWS, ids=row_id)
def test_saved_model(row: Row, tmp_path: Path) -> None:
    if ON_TORCH:
        pytest.skip("Keras exports no SavedModel on torch: see the test above")
    check_saved_model(*free_model(row), tmp_path)


@torchscript_warnings
@pytest.mark.parametrize("row", ROWS_OF_ONNX[BACKEND], ids=row_id)
def test_onnx(row: Row, tmp_path: Path) -> None:
    check_onnx(*free_model(row), tmp_path)


@pytest.mark.xfail(
    reason=(
        "TorchScript writes the loop over time out for the length at export, "
        "which Keras makes 1 where it is free; Keras' GRU then answers wrongly. "
        "Keras refuses it after 3.15: keras-team/keras#23058."
    ),
    strict=True,
)
@torchscript_warnings
@pytest.mark.skipif(not ON_TORCH, reason="part of the test above")
def test_onnx_takes_sequences_of_any_length(tmp_path: Path) -> None:
    check_onnx(*free_model(RECURRENT_CLASSES[0]), tmp_path)


@pytest.mark.parametrize(
    "row", RECURRENT_CLASSES if ON_TORCH else LAYER_ROWS[:1], ids=row_id
)
def test_onnx_with_every_size_given(row: Row, tmp_path: Path) -> None:
    """On torch another exporter, which takes recurrent layers too."""
    model = nudged(row.model(batch_size=2))
    check_onnx(model, (2, *row.input_shape), tmp_path)


@torchscript_warnings
@pytest.mark.skipif(not ON_TORCH, reason="elsewhere the length may be free too")
@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_onnx_takes_batches_of_any_size(row: Row, tmp_path: Path) -> None:
    model = nudged(row.model())
    check_onnx(model, (None, *row.input_shape), tmp_path)


@torchscript_warnings
@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_onnx_of_an_encoder_and_a_decoder(row: Row, tmp_path: Path) -> None:
    """States that come from another layer, whose sizes torch traces as tensors."""
    inputs = keras.Input(row.input_shape)
    _, *states = row.layer(return_state=True)(inputs)
    outputs = row.layer()(inputs, initial_state=states)
    model = nudged(keras.Model(inputs, outputs))
    check_onnx(model, (None, *row.input_shape), tmp_path)


@torchscript_warnings
@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_onnx_of_one_step(row: Row, tmp_path: Path) -> None:
    """The states come in and go out; there is no time axis that could be baked in."""
    pytest.importorskip(ONNX_CONVERTER[BACKEND])
    onnxruntime = pytest.importorskip("onnxruntime")
    layer = row.layer(return_sequences=True, go_backwards=False)
    model = keras.Sequential([keras.Input((None, row.input_shape[-1])), layer])
    x = row.batch(3)
    whole = as_float64(model(x))
    step = keras_modact.one_step(model)
    path = str(tmp_path / "step.onnx")
    signature = [
        keras.InputSpec(shape=tensor.shape, dtype="float32", name=tensor.name)
        for tensor in step.inputs
    ]
    step.export(path, format="onnx", input_signature=[signature], verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    for batch in (3, 2):
        carried = [np.zeros((batch, *s.shape[1:]), "float32") for s in step.inputs[1:]]
        outputs = []
        for t in range(x.shape[1]):
            arrays = [x[:batch, t], *carried]
            y, *carried = session.run(None, dict(zip(names, arrays, strict=True)))
            outputs.append(y)
        served = np.stack(outputs, axis=1)
        np.testing.assert_allclose(served, whole[:batch], rtol=0, atol=1e-6)


@torchscript_warnings
@pytest.mark.skipif(not ON_TORCH, reason="torch makes constants of variables")
def test_no_states_are_baked_in(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = RECURRENT_CLASSES[0].model(batch_size=2, stateful=True)
    model.predict(RECURRENT_CLASSES[0].batch(2), verbose=0)
    with pytest.raises(Exception, match="exports the states that it has now"):
        model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
