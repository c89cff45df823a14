"""Similarity of runs' code to notebooks and to each other: winnowing over syntax with normalised names."""
