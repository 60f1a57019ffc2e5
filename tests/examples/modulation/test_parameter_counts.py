"""The numbers of parameters that the modulator paper prints."""

from examples.modulation import parameter_counts
from examples.reproduce import verdicts


def test_networks_are_counted_as_printed(capsys):
    """But for the DenseNets, which take their time and have a test of their own."""
    networks = [name for name in parameter_counts.COUNTS if "densenet" not in name]
    runs = parameter_counts.main(["--networks", *networks])
    for run in runs:
        found = parameter_counts.COUNTS[run.network]
        verdict = verdicts.exactly([run.record()[found.unit]], found.paper)
        assert verdict.startswith("agrees"), (run, found)
    assert "| 6,612,500  | 6.61 millions " in capsys.readouterr().out
    assert [run.parameters for run in runs[:3]] == [1_250_858, 1_252_041, 5_120]
