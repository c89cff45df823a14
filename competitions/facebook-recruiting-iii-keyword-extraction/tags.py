"""Tags of questions."""

COMMON_TAGS = "javascript c# python php java"
"""The most frequent ones, which the sample submission gives to every question."""
