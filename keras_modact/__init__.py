"""Neuron models of five papers as Keras 3 layers, on TensorFlow, JAX and PyTorch."""

try:
    import keras  # noqa: F401
except ModuleNotFoundError as missing:
    if missing.name in ("jax", "tensorflow", "torch"):
        missing.add_note(
            f"Keras is set to run on {missing.name}, which is not installed. Install "
            f'it, `pip install "keras-modact[{missing.name}]"`, or set KERAS_BACKEND '
            "to one that is: jax, tensorflow or torch."
        )
    raise

from keras_modact import (
    activation,
    baselines,
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
from keras_modact.baselines import GORU, LMU, GORUBias, GORUCell, LMUCell
from keras_modact.bistability import BRC, NBRC, BRCCell, NBRCCell
from keras_modact.modulation import (
    Modulated,
    ModulatedLSTM,
    ModulatedLSTMCell,
    modulate,
    modulation_signals,
    tanhshrink,
)
from keras_modact.parameterization import (
    AdaptiveConv2D,
    AdaptiveDense,
    AdaptiveLSTM,
    AdaptiveLSTMCell,
    StackedAdaptiveLSTM,
    StackedAdaptiveLSTMCell,
    adapt,
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
from keras_modact.recurrence import RecurrentCell, RecurrentLayer, one_step

__version__ = "0.1.0"

__all__ = [
    "ARUN",
    "BRC",
    "GORU",
    "LMU",
    "NBRC",
    "ARUNCell",
    "AdaptiveConv2D",
    "AdaptiveDense",
    "AdaptiveLSTM",
    "AdaptiveLSTMCell",
    "BRCCell",
    "ConvAct",
    "GORUBias",
    "GORUCell",
    "Gamma",
    "GammaRNN",
    "GammaRNNCell",
    "Henaff",
    "LMUCell",
    "MinMaxout",
    "MinMaxoutConv",
    "MixLU",
    "Modulated",
    "ModulatedLSTM",
    "ModulatedLSTMCell",
    "NBRCCell",
    "NegLU",
    "RecurrentCell",
    "RecurrentLayer",
    "StackedAdaptiveLSTM",
    "StackedAdaptiveLSTMCell",
    "__version__",
    "activation",
    "adapt",
    "baselines",
    "bistability",
    "gamma",
    "modulate",
    "modulation",
    "modulation_signals",
    "neglu",
    "one_step",
    "parameterization",
    "rectification",
    "smooth_neglu",
    "tanhshrink",
]
