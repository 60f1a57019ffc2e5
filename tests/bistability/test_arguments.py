"""Bad input that only the bistable room knows."""

from __future__ import annotations

import pytest

import keras_modact


@pytest.mark.parametrize("cls", [keras_modact.BRC, keras_modact.NBRCCell])
def test_candidate_bias_without_bias(cls: type) -> None:
    with pytest.raises(ValueError, match=r"`use_candidate_bias=True`.*use_bias=False"):
        cls(4, use_bias=False, use_candidate_bias=True)
