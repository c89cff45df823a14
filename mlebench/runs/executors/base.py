"""The interface of executors: submit a run with its resources, get its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from mlebench.runs.executors.booking import Need
from mlebench.runs.record import RunRecord
from mlebench.runs.worker import RunTask


@dataclass(frozen=True)
class ExecutorOptions:
    """How an executor is set up."""

    parallel: int | None = None
    """Most runs at once; None: as many as the resources allow."""
    address: str = "auto"
    """Of the Ray cluster."""
    settings: dict[str, Any] = field(default_factory=dict)
    """For Slurm: `partition`, `account`, `qos`, … as sbatch knows them."""


class Ended(NamedTuple):
    """A run that an executor is done with."""

    key: str
    record: RunRecord | None
    """Its record, pending when it was taken back before it started; None when the place where it happened broke away."""
    problem: str | None = None
    """What broke, as a sentence."""


class Executor(Protocol):
    """Does runs somewhere. One thread talks to it, except for `stop`, `stop_all` and `detach_all`."""

    name: str

    def shortage(self, need: Need) -> str | None:
        """Why a run with this need could never start, or None."""
        ...

    def slots(self, need: Need) -> int:
        """How many runs with this need can be at work at once; for previews."""
        ...

    def submit(self, task: RunTask) -> bool:
        """Book and start; False when there is no room now.

        A run whose record says running is gone on with where it was.
        """
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended; waits at most so long for the first."""
        ...

    def stop(self, key: str, grace: float) -> None:
        """Stop a run; it ends as cancelled."""
        ...

    def stop_all(self, grace: float) -> None:
        """Stop every run."""
        ...

    def detach_all(self) -> None:
        """Leave every agent at work; their runs end here with state running."""
        ...

    def close(self) -> None:
        """Give back what the executor holds; call it when no run is under way."""
        ...


ExecutorFactory = Callable[[str, ExecutorOptions], Executor]
