"""Level."""

from __future__ import annotations

from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.verdict import Level


def ledgers_level(bundle: OpenedBundle) -> Level:
    """The level."""
    return Level("ledgers", "not claimed", "it was not looked at")
