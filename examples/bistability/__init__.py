"""Vecoven, Ernst, Drion 2021: cells whose memory is bistable."""
