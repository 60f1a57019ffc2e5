"""Helpers that no paper owns."""
