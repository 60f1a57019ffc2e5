"""Adaptive activation: which gain n and saturation s does training find?

A plain recurrent network with the activation gamma(x; n, s) (Geadah, Kerg,
Horoi, Wolf, Lajoie 2020) starts at several (n, s) and is trained with them
fixed (static), as one pair for the layer (homogeneous), as one pair for each
unit (heterogeneous), or with a small network that sets them at every step
(ARUN, of the follow-up). Beside them stand networks with a tanh and a ReLU, an
LSTM and a GRU, of as many units. Two tasks: `mnist`, digits read a few pixels a step
and permuted; `copy`, ten symbols to be repeated after T steps. With `mnist` the
pixels are then changed, and the networks adapted to that by training n and s
alone, the biases alone, or everything. The quick preset shows n and s move and
what that does for a bad start; networks that differ by a point of accuracy with
one seed do not differ. The images are read with tensorflow_datasets from a
folder named by --data-dir or TFDS_DATA_DIR:

    export KERAS_BACKEND=jax TFDS_DATA_DIR=DATA
    python -m examples.activation.gain_and_saturation
    python -m examples.activation.gain_and_saturation --task copy
    python -m examples.activation.gain_and_saturation --disturbance step
    python -m examples.activation.gain_and_saturation --preset paper
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence

import keras

from examples.activation import pictures, tasks, transfer
from examples.activation.networks import BASELINES, NETWORKS
from examples.activation.presets import HINTS, PRESETS
from examples.activation.training import Run, best_runs, train_all
from examples.shared import command_line, records, tables
from examples.shared.command_line import positive
from examples.shared.images import add_data_dir, check_mnist

MNIST_TRAINING_IMAGES = 60_000


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; their defaults come from the task's preset."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--task", choices=PRESETS, default="mnist")
    task = first.parse_known_args(argv)[0].task
    parser = command_line.option_parser(__doc__, f"adaptive_activation_{task}")
    add, flag = parser.add_argument, argparse.BooleanOptionalAction
    add("--task", choices=PRESETS, default="mnist")
    add("--networks", nargs="+", choices=(*NETWORKS, *BASELINES))
    add("--units", type=positive)
    add("--supervisor-units", type=positive, help="of ARUN")
    add("--gains", nargs="+", type=float, help="n at the start, not 0")
    add("--saturations", nargs="+", type=float, help="s at the start, with each n")
    add("--learning-rates", nargs="+", type=float, help="Adam's")
    add("--clip-norm", type=float, help="of all gradients together; 0 clips nothing")
    add("--reduce-on-plateau", action=flag, help="learning rate / 10 after 10 epochs")
    add(
        "--validation-samples",
        type=positive,
        help="the training set's last",
    )
    mnist = parser.add_argument_group("mnist")
    add_data_dir(parser)
    mnist.add_argument("--permute", action=flag, help="by one fixed permutation")
    mnist.add_argument(
        "--published-permutation",
        action=flag,
        help="the one that NumPy's old generator draws",
    )
    mnist.add_argument("--pixels-per-step", type=positive, help="divides 784")
    mnist.add_argument("--disturbance", choices=("none", "sine", "step"))
    mnist.add_argument("--amplitude", type=float, help="A, of sine or step")
    mnist.add_argument("--frequency", type=float, help="f of the sine, in turns")
    mnist.add_argument("--phase", type=float, help="phi of the sine")
    mnist.add_argument("--adaptation-epochs", type=positive)
    mnist.add_argument("--adaptation-rates", nargs="+", type=float, help="best counts")
    copy = parser.add_argument_group("copy")
    copy.add_argument("--time-steps", type=positive, help="T")
    copy.add_argument("--one-hot", action=flag, help="else a symbol is its number")
    options = command_line.parse(parser, PRESETS[task], argv)
    own = PRESETS[task]["quick"]
    foreign = set(itertools.chain(*(p["quick"] for p in PRESETS.values()))) - set(own)
    for name in sorted(foreign):
        if getattr(options, name) is not None:
            parser.error(f"--{name.replace('_', '-')} does not go with --task {task}")
    if 0 in options.gains:
        parser.error("--gains must not be 0, where gamma has no value")
    if task == "mnist":
        if 784 % options.pixels_per_step:
            parser.error(
                "--pixels-per-step must divide 784, such as 28, 14, 7 or 1, received "
                f"{options.pixels_per_step}"
            )
        if options.samples + options.validation_samples > MNIST_TRAINING_IMAGES:
            parser.error("--samples and --validation-samples share 60,000 images")
    return options


def make_splits(options: argparse.Namespace) -> Callable[[int], tasks.Splits]:
    """What gives the data of a seed."""
    if options.task == "copy":
        return lambda seed: tasks.draw_splits(options, seed)
    options.data_dir = check_mnist(options.data_dir)
    splits = tasks.read_splits(options)
    return lambda seed: splits


def run(options: argparse.Namespace) -> list[Run]:
    """Makes the data, trains, and goes over to changed pixels, without a report."""
    splits = make_splits(options)
    runs = train_all(options, splits)
    if options.disturbance in ("sine", "step"):
        best = best_runs(options, runs)
        transfer.transfer_all(options, best, splits(options.seeds[0]))
    return runs


def main(argv: Sequence[str] | None = None) -> list[Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    report(options, runs)
    return runs


def report(options: argparse.Namespace, runs: Sequence[Run]) -> None:
    """Prints the tables and draws the pictures."""
    copy = options.task == "copy"
    what = f"Copy memory, T = {options.time_steps}"
    if not copy:
        order = "permuted" if options.permute else "in order"
        what = f"MNIST by {options.pixels_per_step} pixels, {order}"
    print(f"\n{what}, {options.units} units, {keras.backend.backend()}")
    print(results_table(options, runs))
    if not copy:
        print(
            "Hints: where the plots of the authors' code end, on permuted pixels, one "
            "a step,\nwith 400 units; no results. A mean ± std is one over the units."
        )
    transfers = [one for run in runs for one in run.transfers]
    if transfers:
        print(
            f"\nPixels changed by a {options.disturbance} (A = {options.amplitude:g})"
        )
        print(transfer.transfer_table(transfers))
    learned = [run for run in runs if run.after is not None]
    pictures.plot_learning(runs, options.output / "learning.png", what, copy)
    if not learned:
        print(f"Results and pictures are in {options.output}")
        return
    pictures.plot_plane(
        learned,
        options.output / "plane.png",
        what,
        label="test loss" if copy else "test accuracy",
        low_is_good=copy,
    )
    best = best_runs(options, learned)
    if any(run.network != "static" for run in best):
        pictures.plot_curves(learned, best, options.output / "curves.png", what)
    for run in best:
        if run.network == "arun":
            pictures.plot_adaptation(run, options.output / "arun.png", what)
    print(f"Results and pictures are in {options.output}")


def results_table(options: argparse.Namespace, runs: Sequence[Run]) -> str:
    """A Markdown table: a row for each run, with n and s at its start and end."""
    copy = options.task == "copy"
    test, beside = ("test loss", "chance") if copy else ("test accuracy", "hint")
    rows = [["network", "rate", "seed", "start n", "start s", test, beside]]
    rows[0] += ["train loss", "end n", "end s", "parameters", "seconds"]
    for run in runs:
        if copy:
            compared = f"{tasks.chance_loss(options.time_steps):.4f}"
        else:
            compared = HINTS.get(run.network, "-") if options.permute else "-"
        digits = 4 if copy else 3
        start, end = ["-"] * 2, ["-"] * 2
        if run.path:
            start, end = (
                [mean_and_std(*row[:2]), mean_and_std(*row[2:])]
                for row in (run.path[0], run.path[-1])
            )
        rows.append(
            [
                run.network,
                f"{run.learning_rate:g}",
                str(run.seed),
                *start,
                "diverged" if run.diverged else f"{run.test:.{digits}f}",
                compared,
                f"{run.train_loss[-1]:.{digits}f}",
                *end,
                f"{run.parameters:,}",
                f"{run.seconds:.0f}",
            ]
        )
    return tables.markdown_table(rows)


def mean_and_std(mean: float, std: float) -> str:
    """A mean, with the standard deviation if there is more than rounding."""
    return f"{mean:.2f} ± {std:.2f}" if std > 1e-6 else f"{mean:.2f}"


if __name__ == "__main__":
    main()
