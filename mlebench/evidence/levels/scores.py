"""Level."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.verdict import Level


@dataclass(frozen=True)
class Regrade:
    """How submissions are graded again."""

    data_dir: Path | None
    split_key: str | None
    jobs: int = 1


def scores_level(bundle: OpenedBundle, regrade: Regrade | None) -> Level:
    """The level."""
    return Level("scores", "not claimed", "it was not looked at")
