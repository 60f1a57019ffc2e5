"""The command of the language model: tiny runs, and what it refuses."""

import json
import math

import pytest

from examples.parameterization import language_model
from tests.examples.parameterization.language import TINY


@pytest.mark.parametrize(
    ("level", "of_level"),
    [("words", ["lstm", "adaptive", "adaptive-static"]), ("characters", ["lstm"])],
)
def test_run_prints_a_table_and_writes_results_and_picture(
    level, of_level, text, tmp_path, capsys
):
    runs = language_model.main(
        [*TINY, *text, "--epochs", "2", "--level", level, "--cells", *of_level]
    )
    printed = capsys.readouterr().out
    assert [run.cell for run in runs] == of_level
    content = (tmp_path / "results" / "results.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in content
    results = json.loads(content)
    assert results["settings"]["level"] == level
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["validation_loss"] == run.validation_loss
        assert record["test_loss"] == run.test_loss
        assert record["units"] == run.units
        scale = math.exp if level == "words" else lambda nats: nats / math.log(2)
        assert f"| {scale(run.test_loss):.3f} " in printed
        assert f"| {run.parameters:,} " in printed
    measure = {"words": "perplexity", "characters": "bits per character"}[level]
    assert f"| test {measure} " in printed
    assert ("modulated LSTM 29M " in printed) == (level == "words")
    assert ("two runs that differ are needed of each" in printed) == (level == "words")
    picture = tmp_path / "results" / "course.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_diverged_run_stops_and_says_so(text, tmp_path, capsys):
    (run,) = language_model.main(
        [*TINY, *text, "--cells", "lstm", "--optimizer", "sgd", "--clip-norm", "0",
         "--learning-rate", "1e38"]
    )  # fmt: skip
    assert run.diverged
    assert len(run.train_loss) == 1
    assert "| diverged " in capsys.readouterr().out
    content = (tmp_path / "results" / "results.json").read_text(encoding="utf-8")
    (record,) = json.loads(content, parse_constant=pytest.fail)["runs"]
    assert record["diverged"]
    assert record["train_loss"] == [None]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--layers 1", "--layers must be at least 2"),
        ("--weight-drop 1", "--weight-drop must be in [0, 1)"),
        ("--hidden-dropout -0.5", "--hidden-dropout must be in [0, 1)"),
        ("--policy-dropout 1", "--policy-dropout must be in [0, 1)"),
        ("--policy-units 0", "--policy-units: must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(given, message, capsys):
    with pytest.raises(SystemExit):
        language_model.main(given.split())
    assert message in capsys.readouterr().err


def test_parameters_that_cannot_be_equal_are_refused(text):
    arguments = [*TINY, *text, "--equal", "parameters", "--cells", "lstm", "adaptive"]
    with pytest.raises(SystemExit, match="--equal parameters cannot be reached"):
        language_model.main(arguments)


def test_a_text_too_short_for_its_streams_is_refused(text):
    message = "valid split has 51 tokens, too few for --validation-batch-size 26"
    with pytest.raises(SystemExit, match=message):
        language_model.main([*TINY, *text, "--validation-batch-size", "26"])
