"""How many items there are to choose from, and how many may be chosen."""

POOL = 1500
"""Items in a task's pool."""
BUDGET = 100
"""Items in a batch."""
