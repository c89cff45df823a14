"""Hostile submissions made of valid ones, and what must hold for each of them: `python -m tests.fuzz --help`."""
