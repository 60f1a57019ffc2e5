"""Negative rectifiers and the networks built on them (Maharaj 2015).

`neglu` and `smooth_neglu` are functions, `NegLU` their layer; `MixLU` mixes a few
into a layer of other activations, `MinMaxout` and `MinMaxoutConv` learn the
activation from pieces, `ConvAct` learns it as weights.
"""

from keras_modact.rectification.convact import ConvAct
from keras_modact.rectification.maxout import MinMaxout
from keras_modact.rectification.maxout_conv import MinMaxoutConv
from keras_modact.rectification.mixlu import MixLU
from keras_modact.rectification.neglu import NegLU, neglu, smooth_neglu

__all__ = [
    "ConvAct",
    "MinMaxout",
    "MinMaxoutConv",
    "MixLU",
    "NegLU",
    "neglu",
    "smooth_neglu",
]
