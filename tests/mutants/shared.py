"""The mutants of what all rooms share."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "a masked step moves the states",
        "recurrence",
        "new = where_valid(valid, step(inputs, states), states)",
        "new = step(inputs, states)",
        ("test_masks",),
    ),
    Mutant(
        "the input of a masked step is read",
        "recurrence",
        "return where_valid(valid, [features], [ops.zeros_like(features)])[0], valid",
        "return features, valid",
        ("test_masks",),
    ),
    Mutant(
        "masked outputs are never zero",
        "recurrence",
        "self.zero_output_for_mask:",
        "False:",
        ("test_masks", "test_wrappers"),
    ),
    Mutant(
        "the mask is not reversed with the inputs",
        "recurrence",
        "mask = None if mask is None else ops.flip(mask, axis=1)",
        "mask = mask",
        ("test_masks",),
    ),
    Mutant(
        "no input is dropped",
        "recurrence",
        "if input_mask is not None:",
        "if False:",
        ("test_dropout",),
    ),
    Mutant(
        "masks of dropout are drawn without the layer's seed",
        "recurrence",
        ", seed=self.seed_generator",
        "",
        ("test_dropout", "test_training"),
    ),
    Mutant(
        "the seed of the masks is fixed",
        "recurrence",
        "keras.random.SeedGenerator(self.seed)",
        "keras.random.SeedGenerator(0)",
        ("test_dropout", "test_training"),
    ),
    Mutant(
        "one mask of dropout for all sequences of a batch",
        "recurrence",
        "noise_shape=(None, size)",
        "noise_shape=(1, size)",
        ("test_dropout",),
    ),
    Mutant(
        "dropout acts outside training",
        "recurrence",
        "        if not training:\n            return None, None\n",
        "",
        ("test_dropout",),
    ),
    Mutant(
        "the recurrent mask is not handed on",
        "recurrence",
        "cell.project(inputs), states, call.recurrent_mask",
        "cell.project(inputs), states, None",
        ("test_dropout", "test_paths"),
    ),
    Mutant(
        "states of float32 in every policy",
        "recurrence",
        "ops.zeros((batch_size, math.prod(shape)), dtype=self.compute_dtype)",
        'ops.zeros((batch_size, math.prod(shape)), dtype="float32")',
        ("test_dtypes",),
    ),
    Mutant(
        "the configs of cells forget an argument",
        "recurrence",
        "return {**super().get_config(), **arguments.serialized(self, names)}",
        "return {**arguments.serialized(self, names), **super().get_config(), "
        '"recurrent_dropout": 0.0}',
        ("test_serialization",),
    ),
    Mutant(
        "states are weights",
        "recurrence",
        "    def weights(self) -> list[Any]:\n        return []\n",
        "    def weights(self) -> list[Any]:\n        return self.states\n",
        ("test_stateful",),
    ),
    Mutant(
        "a bare cell ignores its dropout",
        "recurrence",
        "if training and any(rates.values()):",
        "if False:",
        ("test_dropout",),
    ),
    Mutant(
        "states of another shape are taken",
        "recurrence",
        "len(given) != len(allowed) or not all(map(fits, given, allowed))",
        "len(given) != len(allowed)",
        ("test_arguments",),
    ),
    Mutant(
        "blocks of an integer seed are equal",
        "",
        "if isinstance(seed, int) and block > 0:",
        "if False:",
        ("test_initialization",),
    ),
    Mutant(
        "the mean loses its digits in float64",
        "",
        "ops.sum(x, axis=axis) / ops.sum(ops.ones_like(x), axis=axis)",
        "ops.mean(x, axis=axis)",
        ("test_numerics",),
    ),
    Mutant(
        "whole numbers stay whole",
        "",
        "return ops.cast(x, dtype or keras.config.floatx())",
        "return x",
        ("test_dtypes",),
    ),
    Mutant(
        "constraints are not saved",
        "",
        "        for name, kind in _names(weights)\n        if hasattr(layer, name)\n"
        "    }\n\n\ndef weight_kwargs",
        "        for name, kind in _names(weights)\n        if hasattr(layer, name) "
        'and kind != "constraint"\n    }\n\n\ndef weight_kwargs',
        ("test_serialization",),
    ),
    Mutant(
        "a rate of dropout may be 1",
        "",
        "if not number or not 0 <= value < 1:",
        "if not number or not 0 <= value <= 1:",
        ("test_arguments",),
    ),
]
