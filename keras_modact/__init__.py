"""Neuron models of five papers as Keras 3 layers, on TensorFlow, JAX and PyTorch."""

from keras_modact import bistability
from keras_modact.bistability import BRC, NBRC, BRCCell, NBRCCell

__version__ = "0.1.0"

__all__ = ["BRC", "NBRC", "BRCCell", "NBRCCell", "__version__", "bistability"]
