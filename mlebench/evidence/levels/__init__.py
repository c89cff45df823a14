"""One file for each level of a verdict: what is looked at, and what it says."""
