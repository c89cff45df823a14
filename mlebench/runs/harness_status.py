"""How the harness gets on with its groups, in a small file of each group's folder: for whoever watches from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class HarnessStatus:
    """What the harness of a group said last."""

    at: str
    """When, as ISO text."""
    slots: int = 1
    """Runs that can run at once."""
    parallel: int | None = None
    """Most runs at once, as asked for; None: as many as the resources allow."""
    is_paused: bool = False
    """Whether no further run is started."""
    seconds_left: float | None = None
    """Estimate until the last run of the group ends."""
    waiting: dict[str, str] = field(default_factory=dict)
    """By run id what a run that has not started waits for, in words, such as `waits for 2 free GPUs`."""


def read_harness_status(folder: Path) -> HarnessStatus | None:
    """What the harness that runs the group in `folder` says; None where no harness does, or it says nothing that can be read."""
    return None
