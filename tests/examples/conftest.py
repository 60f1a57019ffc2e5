"""The examples are scripts beside the package, not part of what is installed."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))


@pytest.fixture
def tiny() -> list[str]:
    """Options that make any example's run take seconds."""
    options = "--units 4 --layers 2 --epochs 2 --samples 12 --test-samples 6"
    return f"{options} --batch-size 6 --seeds 0 --verbose 0".split()
