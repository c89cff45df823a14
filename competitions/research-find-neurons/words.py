"""The words that neurons respond to. Vectors are dealt to them at random, so what a word means says nothing."""

from pathlib import Path

WORDS = tuple((Path(__file__).parent / "words.txt").read_text(encoding="ascii").split())
"""Common English words, all different, in alphabetical order."""
