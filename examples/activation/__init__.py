"""Geadah et al. 2020: activations whose shape is learned."""
