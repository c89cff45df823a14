"""Fares in dollars."""

SAMPLE_FARE = 11.35
"""Of every ride in the sample submission."""
