"""Adaptive parameterization (Flennerhag, Yin, Keane, Elliot 2018)."""

from keras_modact.parameterization import plotting
from keras_modact.parameterization.adapt import adapt
from keras_modact.parameterization.conv2d import AdaptiveConv2D
from keras_modact.parameterization.dense import AdaptiveDense
from keras_modact.parameterization.diagonals import adapted_diagonals
from keras_modact.parameterization.lstm import AdaptiveLSTM, AdaptiveLSTMCell
from keras_modact.parameterization.stacked_lstm import (
    StackedAdaptiveLSTM,
    StackedAdaptiveLSTMCell,
)

__all__ = [
    "AdaptiveConv2D",
    "AdaptiveDense",
    "AdaptiveLSTM",
    "AdaptiveLSTMCell",
    "StackedAdaptiveLSTM",
    "StackedAdaptiveLSTMCell",
    "adapt",
    "adapted_diagonals",
    "plotting",
]
