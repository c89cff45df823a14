"""Generators of the research suite: problems drawn from a key, so that nobody can have seen their answers.

`prepare.py` of a research competition draws from these, one stream of `edition.rng(purpose)` per purpose; `references.py` uses
the cheap methods here (`gaussian_process`, `logistic`, …), which see public files alone.
"""
