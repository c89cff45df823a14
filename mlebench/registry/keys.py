"""Keys: what splits of edition v2 and generated data come from.

Whoever knows the key and the code knows the answers. So a key is kept in `private/` alone, with data that is generated from it,
and all that is recorded elsewhere is its hash.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

PUBLISHED_KEY = "mlebench edition v2"
"""The key that everybody shares unless they bring their own; `published` stands for it where a key is given."""

KEY_FILE = "key.txt"
MEASURED_LEADERBOARD = "leaderboard.csv"
"""Scores of cheap reference methods, measured on the very data that lies beside it."""


def named_key(given: str | None) -> str:
    """The key that a user's word stands for: the published one for nothing and for `published`."""
    return PUBLISHED_KEY if given in (None, "", "published") else str(given)


def hash_of(key: str) -> str:
    """What may be recorded of a key: 16 hex digits that do not give it away."""
    return hashlib.sha256(f"mlebench split key\0{key}".encode()).hexdigest()[:16]


def draw_key() -> str:
    """A fresh key of 256 bits."""
    import secrets

    return secrets.token_hex(32)


def kept_key(private: Path) -> str | None:
    """The key kept in the private folder of prepared data; None where there is none."""
    try:
        return (private / KEY_FILE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def keep_key(private: Path, key: str) -> None:
    """Keep a key in the private folder, readable by its owner alone."""
    path = private / KEY_FILE
    path.touch(mode=0o600)
    path.write_text(key + "\n", encoding="utf-8")
