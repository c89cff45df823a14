"""What a run uses of its machine over time, `resources.jsonl` in its folder: a line every so often while its agent works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILE = "resources.jsonl"


@dataclass(frozen=True)
class GpuUse:
    """Of one GPU of a run."""

    id: str
    utilization: float | None
    """Share of the time since the measure before in which it computed, 0 to 1; None where the driver does not say."""
    memory_bytes: int | None


@dataclass(frozen=True)
class Measure:
    """What a run used at one moment; None for what is not known."""

    at: float
    """Seconds since 1970."""
    cpu_seconds: float | None = None
    """Processor time since the agent's start; never falls."""
    memory_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    gpus: tuple[GpuUse, ...] = ()


def read_measures(run_dir: Path, most: int = 2000) -> list[Measure]:
    """The measures of an attempt in the order of time, thinned out evenly to `most`; what cannot be read is left out.

    Args:
        run_dir: the run's folder, or that of an earlier attempt; whoever could write there may have written the file.
        most: of the measures.
    """
    return []
