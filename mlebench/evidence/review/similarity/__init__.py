"""Likeness of the code of runs to notebooks and to each other: winnowing over syntax with names folded."""
