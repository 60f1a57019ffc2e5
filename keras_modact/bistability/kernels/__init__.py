"""Accelerations of BRC and nBRC: importing them makes them known to the layers."""

from keras_modact.bistability.kernels import block, fused, gru

__all__ = ["block", "fused", "gru"]
