"""Neuron models of five papers as Keras 3 layers, on TensorFlow, JAX and PyTorch."""

from keras_modact import (
    activation,
    bistability,
    modulation,
    parameterization,
    rectification,
)
from keras_modact.activation import (
    ARUN,
    ARUNCell,
    Gamma,
    GammaRNN,
    GammaRNNCell,
    Henaff,
    gamma,
)
from keras_modact.bistability import BRC, NBRC, BRCCell, NBRCCell
from keras_modact.modulation import (
    Modulated,
    ModulatedLSTM,
    ModulatedLSTMCell,
    modulate,
    tanhshrink,
)
from keras_modact.parameterization import (
    AdaptiveConv2D,
    AdaptiveDense,
    AdaptiveLSTM,
    AdaptiveLSTMCell,
    StackedAdaptiveLSTM,
    StackedAdaptiveLSTMCell,
)
from keras_modact.rectification import (
    ConvAct,
    MinMaxout,
    MinMaxoutConv,
    MixLU,
    NegLU,
    neglu,
    smooth_neglu,
)

__version__ = "0.1.0"

__all__ = [
    "ARUN",
    "BRC",
    "NBRC",
    "ARUNCell",
    "AdaptiveConv2D",
    "AdaptiveDense",
    "AdaptiveLSTM",
    "AdaptiveLSTMCell",
    "BRCCell",
    "ConvAct",
    "Gamma",
    "GammaRNN",
    "GammaRNNCell",
    "Henaff",
    "MinMaxout",
    "MinMaxoutConv",
    "MixLU",
    "Modulated",
    "ModulatedLSTM",
    "ModulatedLSTMCell",
    "NBRCCell",
    "NegLU",
    "StackedAdaptiveLSTM",
    "StackedAdaptiveLSTMCell",
    "__version__",
    "activation",
    "bistability",
    "gamma",
    "modulate",
    "modulation",
    "neglu",
    "parameterization",
    "rectification",
    "smooth_neglu",
    "tanhshrink",
]
