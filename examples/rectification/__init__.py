"""Maharaj 2015: rectifiers that also switch negative."""
