"""A baseline for tabular competitions."""
