"""Tiny language models for the tests of their example."""

import argparse

import numpy as np

from examples.parameterization import (
    language_model,
    language_network,
    language_training,
)

SIZES = "--units 5 --embedding-units 4 --vocabulary 9 --batch-size 3 --epochs 3"
# Windows of one length, so that little is compiled.
LENGTHS = "--window 8 --no-random-windows --samples 99 --test-samples 51"
STREAMS = "--validation-batch-size 3 --test-batch-size 3 --equal width"
TINY = f"{SIZES} --policy-units 3 {LENGTHS} {STREAMS} --verbose 0".split()


def options(preset="quick", **changes):
    chosen = language_model.PRESETS[preset]
    return argparse.Namespace(**{"preset": preset, "verbose": "0", **chosen, **changes})


def tiny(**changes):
    sizes = {"units": 5, "embedding_units": 4, "batch_size": 3, "window": 6}
    few = {"policy_units": 3, "window_multiple": 3, "epochs": 3}
    few |= {"validation_batch_size": 3, "test_batch_size": 3, "equal": "width"}
    return options(**{**sizes, **few, **changes})


def numbers(count=100, vocabulary=9):
    return np.random.default_rng(0).integers(0, vocabulary, count).astype("int32")


def compiled(chosen, cell="lstm", vocabulary=9):
    model = language_network.build_model(chosen, vocabulary, cell, chosen.units)
    # Larger than trained ones, so that a loss tells networks and states apart; an
    # adaptive cell would be almost closed.
    for weight in model.weights:
        if weight.name in ("embeddings", "adaptation_kernel"):
            drawn = np.random.default_rng(1).normal(size=weight.shape)
            weight.assign(drawn * 3)
    language_training.compile_model(chosen, model)
    return model
