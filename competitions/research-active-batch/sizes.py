"""Sizes of the pools and batches."""

POOL = 1500
"""Items in a task's pool."""
BUDGET = 100
"""Items in a batch."""
