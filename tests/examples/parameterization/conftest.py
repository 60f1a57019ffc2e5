"""What the tests of the examples of adaptive layers share."""

import numpy as np
import pytest

from examples.shared import corpus


@pytest.fixture
def text(tmp_path, monkeypatch):
    """Options that name a small random text as WikiText-2."""
    monkeypatch.setattr(corpus, "KNOWN", {})
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    letters = np.array(list("abcdefgh   \n"))
    for seed, split in enumerate(("train", "valid", "test")):
        drawn = np.random.default_rng(seed).choice(letters, 400)
        path = folder / f"wiki.{split}.tokens"
        path.write_text("".join(drawn), encoding="utf-8", newline="")
    return ["--data-dir", str(tmp_path), "--output", str(tmp_path / "results")]
