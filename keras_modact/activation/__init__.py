"""The adaptive activation gamma(x; n, s) (Geadah et al. 2020).

`gamma` is the function, `Gamma` the layer, `GammaRNN` a recurrent layer with it,
`ARUN` one whose activation a small network sets at every step; `Henaff` starts
their recurrent kernels; `gains_and_saturations` returns n and s of a whole model, and
`plotting` draws curves and paths.
"""

from keras_modact.activation import plotting
from keras_modact.activation.arun import ARUN, ARUNCell
from keras_modact.activation.gamma import Gamma, gamma
from keras_modact.activation.gamma_rnn import GammaRNN, GammaRNNCell
from keras_modact.activation.henaff import Henaff
from keras_modact.activation.neurons import gains_and_saturations

__all__ = [
    "ARUN",
    "ARUNCell",
    "Gamma",
    "GammaRNN",
    "GammaRNNCell",
    "Henaff",
    "gains_and_saturations",
    "gamma",
    "plotting",
]
