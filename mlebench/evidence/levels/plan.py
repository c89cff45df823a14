"""Level."""

from __future__ import annotations

from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.verdict import Level


def plan_level(bundle: OpenedBundle) -> Level:
    """The level."""
    return Level("plan", "not claimed", "it was not looked at")
