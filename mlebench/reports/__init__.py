"""From graded runs to the table in a paper: aggregation, statistics, comparison, scaling and their outputs."""
