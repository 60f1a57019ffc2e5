"""Marks that tests of several examples carry."""

import keras
import pytest

on_one_backend = pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="tables, pictures and files are the same on every backend: torch tests them",
)
