"""The words that neurons respond to. Vectors are assigned to them at random, so a word's meaning is uninformative."""

from pathlib import Path

WORDS = tuple((Path(__file__).parent / "words.txt").read_text(encoding="ascii").split())
"""Common English words, all different, in alphabetical order."""
