"""The key that generated data comes from, kept beside the answers.

Whoever knows the key and the generators knows the answers, so it lies in `private/`, and only its fingerprint is recorded
elsewhere.
"""

from __future__ import annotations

import secrets
from pathlib import Path

KEY_FILE = "key.txt"
MEASURED_LEADERBOARD = "leaderboard.csv"
"""Scores of cheap reference methods, measured on the very data that lies beside it."""


def draw_key() -> str:
    """A fresh key of 256 bits."""
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
