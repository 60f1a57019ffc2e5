"""What TFLite's interpreter makes of an exported recurrent layer.

It takes the loop, and blocks of steps, with a batch of a stated size, and the loop
written out (`unroll=True`) with a free one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.layer_table import RECURRENT_CLASSES, Row, row_id

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="TFLite is TensorFlow's"
    ),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated"),
]


def converted(model: keras.Model, folder: Path, **kwargs: Any) -> bytes:
    import tensorflow as tf

    model.export(str(folder), format="tf_saved_model", verbose=False, **kwargs)
    return tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()


def check(model: keras.Model, content: bytes) -> None:
    """The interpreter's outputs for a batch of one are the model's."""
    import tensorflow as tf

    shape = (1, *model.input_shape[1:])
    inputs = np.random.default_rng(0).normal(size=shape).astype("float32")
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
    interpreter.invoke()
    outputs = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(outputs, model.predict_on_batch(inputs), atol=1e-6)


@pytest.mark.parametrize("row", RECURRENT_CLASSES[::2], ids=row_id)
@pytest.mark.parametrize("time", [6, 20], ids=["loop", "blocks"])
def test_with_a_batch_of_a_stated_size(row: Row, time: int, tmp_path: Path) -> None:
    if time > 6 and row is not RECURRENT_CLASSES[0]:
        pytest.skip("blocks are the same for all cells")
    shape = (time, row.input_shape[-1])
    model = replace(row, input_shape=shape).model(return_sequences=True)
    spec = keras.InputSpec(shape=(1, *shape), dtype="float32")
    check(model, converted(model, tmp_path, input_signature=[spec]))


def test_written_out_the_batch_may_be_free(tmp_path: Path) -> None:
    model = RECURRENT_CLASSES[0].model(unroll=True)
    check(model, converted(model, tmp_path))


def test_the_converter_refuses_the_loop_with_a_free_batch(tmp_path: Path) -> None:
    """And does not write a file that the interpreter cannot run."""
    model = RECURRENT_CLASSES[0].model()
    with pytest.raises(Exception, match="Select TF ops"):
        converted(model, tmp_path)
