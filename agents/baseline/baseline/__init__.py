"""A baseline for competitions whose data is tables."""
