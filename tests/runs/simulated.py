"""An executor whose runs take no time: `wait` moves a clock of its own to the next end. For tests of what starts when."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Need
from mlebench.runs.group import Group
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Outcome


class Simulated(Executor):
    name = "simulated"

    def __init__(self, seconds: Callable[[PlannedRun], float], slots: int = 1) -> None:
        self.started: list[PlannedRun] = []
        self._clock = 0.0
        self._seconds = seconds
        self._slots = slots
        self._running: list[tuple[float, str, RunTask]] = []

    def shortage(self, need: Need) -> str | None:
        return None

    def slots(self, need: Need) -> int:
        return self._slots

    def submit(self, task: RunTask) -> bool:
        if len(self._running) == self._slots:
            return False
        self.started.append(task.run)
        heapq.heappush(self._running, (self._clock + self._seconds(task.run), task.key, task))
        return True

    def wait(self, seconds: float) -> list[Ended]:
        self._clock, key, task = heapq.heappop(self._running)
        took = self._seconds(task.run)
        return [Ended(key, write_ended_run(task.group, task.run, took))]

    def stop(self, key: str, grace: float) -> None:
        """Never asked for."""

    def stop_all(self, grace: float) -> None:
        """Never asked for."""

    def detach_all(self) -> None:
        """Never asked for."""

    def close(self) -> None:
        """Nothing is held."""


def write_ended_run(group: Group, run: PlannedRun, seconds: float) -> RunRecord:
    """Write the record of a run that took so long and left a valid submission, and return it."""
    record = group.record(run)
    record.begin("simulated", [])
    end = datetime.now(UTC)
    record.end(Outcome("finished", "exited", "ended", 0, None, end - timedelta(seconds=seconds), end))
    record.report = {"competition_id": run.competition_id, "score": 1.0, "any_medal": False}
    record.write(group.run_dir(run.run_id))
    return record
