"""Modulators: activations whose slope depends on the context (Sha et al. 2019).

`Modulated` wraps a layer, `modulate` those of a whole model, and `ModulatedLSTM`
is an LSTM with a modulation gate; `tanhshrink` is one of the published
activations of modulators. `modulation_signals` returns what the modulators of a
model say, `plotting` draws it.
"""

from keras_modact.modulation import plotting
from keras_modact.modulation.modulate import modulate
from keras_modact.modulation.modulated import Modulated
from keras_modact.modulation.modulated_lstm import ModulatedLSTM, ModulatedLSTMCell
from keras_modact.modulation.signals import modulation_signals
from keras_modact.modulation.tanhshrink import tanhshrink

__all__ = [
    "Modulated",
    "ModulatedLSTM",
    "ModulatedLSTMCell",
    "modulate",
    "modulation_signals",
    "plotting",
    "tanhshrink",
]
