"""Pictures are square."""

SIDE = 101
"""Pixels."""
