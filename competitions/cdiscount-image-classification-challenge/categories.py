"""Categories are integers of ten digits."""

MOST_COMMON = 1_000_010_653
