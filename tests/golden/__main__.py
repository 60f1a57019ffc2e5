"""Makes the golden files of the backend in use: see `tests.golden`."""

from __future__ import annotations

import argparse

import keras
import numpy as np

from tests.golden import arrays_path, model_path
from tests.layer_table import ROWS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="replace existing files")
    replace = parser.parse_args().all
    backend = keras.backend.backend()
    for row in ROWS:
        path = model_path(row, backend)
        if path.exists() and not replace:
            continue
        path.parent.mkdir(exist_ok=True)
        keras.utils.set_random_seed(1)
        model = row.model()
        random = np.random.default_rng(1)
        # Initial biases are often zero, which would hide that they are read. Near
        # their initial values, since a gain of 0 would make any layer explode.
        for weight in model.weights:
            if weight.dtype == "float32":
                weight.assign_add(random.normal(scale=0.3, size=weight.shape))
        inputs = random.normal(size=(3, *row.input_shape)).astype("float32")
        model.save(path)
        outputs = model.predict(inputs, verbose=0)
        np.savez(arrays_path(row, backend), inputs=inputs, outputs=outputs)
        print(f"made {path.name} on {backend}")


if __name__ == "__main__":
    main()
