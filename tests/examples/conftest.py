"""What the tests of several examples use."""

import pytest


@pytest.fixture
def tiny() -> list[str]:
    """Options that make any example's run take seconds."""
    options = "--units 4 --layers 2 --epochs 2 --samples 12 --test-samples 6"
    return f"{options} --batch-size 6 --seeds 0 --verbose 0".split()
