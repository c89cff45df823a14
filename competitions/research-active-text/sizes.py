"""Sizes of the pools, batches and test sets."""

POOL = 1500
"""Texts in a task's pool."""
SEEDS = 30
"""Pool texts that are already labelled."""
BUDGET = 100
"""Texts in a batch."""
CLASSES = 12
TEST_PER_CLASS = 60
"""Test texts of every class, however rare it is in the pool."""
