"""Flennerhag et al. 2018: weights adapted to the input."""
