"""What several research competitions share: problems drawn from a key, and cheap methods that see public files alone.

`prepare.py` of a research competition draws from these, one stream of `edition.rng(purpose)` per purpose; `references.py` uses
the methods (`binary_methods`, `trained_networks`, …). What one competition alone draws or tries is in its own folder.
"""
