"""Modulators: activations whose slope depends on the context (Sha et al. 2019).

`Modulated` wraps a layer, `modulate` those of a whole model, and `ModulatedLSTM`
is an LSTM with a modulation gate; `tanhshrink` is one of the published
activations of modulators.
"""

from keras_modact.modulation.modulate import modulate
from keras_modact.modulation.modulated import Modulated
from keras_modact.modulation.modulated_lstm import ModulatedLSTM, ModulatedLSTMCell
from keras_modact.modulation.tanhshrink import tanhshrink

__all__ = ["Modulated", "ModulatedLSTM", "ModulatedLSTMCell", "modulate", "tanhshrink"]
