"""Sha, Schwarcz, Hong 2019: modulators."""
