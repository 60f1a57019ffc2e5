"""The presets of the language model have the published numbers."""

from examples.parameterization import language_model


def test_presets_have_the_numbers_of_awd_lstm():
    paper = language_model.PRESETS["paper"]
    names = ("word", "embedding", "hidden", "output")
    assert [paper[f"{name}_dropout"] for name in names] == [0.1, 0.4, 0.25, 0.4]
    names = ("weight_drop", "learning_rate", "clip_norm", "weight_decay", "window")
    assert [paper[name] for name in names] == [0.5, 30, 0.25, 1.2e-6, 70]
    assert (paper["batch_size"], paper["epochs"], len(paper["seeds"])) == (20, 500, 2)
    assert (paper["corpus"], paper["vocabulary"]) == ("ptb", 10_000)
    names = ("activation_penalty", "change_penalty", "average_patience")
    assert [paper[name] for name in names] == [2, 1, 5]
    assert (paper["validation_batch_size"], paper["test_batch_size"]) == (10, 1)


def test_adaptive_preset_has_the_numbers_of_the_paper():
    paper = language_model.PRESETS["adaptive-paper"]
    names = ("word", "embedding", "policy", "hidden", "output")
    rates = [paper[f"{name}_dropout"] for name in names]
    assert rates == [0.16, 0.6, 0.1, 0.25, 0.6]
    names = (
        "learning_rate",
        "beta_1",
        "epsilon",
        "weight_decay",
        "clip_norm",
        "window",
    )
    assert [paper[name] for name in names] == [3e-3, 0, 1e-9, 1e-6, 5, 70]
    assert (paper["batch_size"], paper["epochs"]) == (20, 190)
    assert (paper["layers"], paper["decay_epochs"]) == (2, [100, 160])
    assert (paper["corpus"], paper["vocabulary"]) == ("ptb", 10_000)
    keys = {frozenset(preset) for preset in language_model.PRESETS.values()}
    assert len(keys) == 1
