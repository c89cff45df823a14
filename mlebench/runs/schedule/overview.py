"""What people see of run groups at work: counts, the runs in their slots, medals so far and the time left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from mlebench.runs.record import RunRecord, State

MEDALS = ("gold", "silver", "bronze")


@dataclass
class RunView:
    """The little that is kept in memory of each run."""

    key: str
    agent: str
    run_id: str
    state: State = "pending"
    expected: float = 0.0
    """Seconds."""
    started_at: str | None = None
    wall_seconds: float = 0.0
    infrastructure: bool = False
    valid: bool = False
    score: float | None = None
    medal: str | None = None
    reason: str | None = None
    learned: bool = False
    """Whether `expected` is what such runs took, and not just their time limit."""

    def update(self, record: RunRecord) -> None:
        """Take over what a record says."""
        self.state = record.state
        self.started_at = record.started_at
        self.wall_seconds = record.wall_seconds or 0.0
        self.infrastructure = record.failure_class == "infrastructure"
        self.reason = record.reason
        report = record.report or {}
        self.valid = bool(report.get("valid_submission"))
        self.score = report.get("score")
        self.medal = medal_of(report)


@dataclass
class Progress:
    """All runs of the groups that are run together."""

    runs: dict[str, RunView] = field(default_factory=dict)
    slots: int = 1
    """Runs that can be at work at once."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def counts(self) -> Counter[str]:
        """Runs by state; `infrastructure` counts the failed ones that are not the agent's fault."""
        counted: Counter[str] = Counter(view.state for view in self.runs.values())
        counted["infrastructure"] = sum(view.infrastructure for view in self.runs.values())
        return counted

    def medals(self) -> Counter[str]:
        """Medals so far, by name."""
        return Counter(view.medal for view in self.runs.values() if view.medal)

    def at_work(self) -> list[RunView]:
        """The runs in their slots, the longest at work first."""
        return sorted((view for view in self.runs.values() if view.state == "running"), key=lambda view: view.started_at or "")

    def seconds_left(self) -> float:
        """Estimate of the time until the last run ends.

        Where nothing but the time limit is known, the share of it that other runs used is assumed.
        """
        ended = [view for view in self.runs.values() if view.state in ("finished", "timed-out") and not view.learned]
        limits = sum(view.expected for view in ended)
        share = sum(view.wall_seconds for view in ended) / limits if limits else 1.0
        now = datetime.now(UTC)
        remaining = []
        for view in self.runs.values():
            expected = view.expected if view.learned else share * view.expected
            if view.state == "running" and view.started_at:
                at_work = (now - datetime.fromisoformat(view.started_at)).total_seconds()
                remaining.append(max(0.0, expected - at_work))
            elif view.state == "pending":
                remaining.append(expected)
        return max([sum(remaining) / max(1, self.slots), *remaining], default=0.0)


class Display(Protocol):
    """Shows progress; called from the harness's main thread."""

    def show(self, progress: Progress) -> None:
        """Called about once a second."""
        ...

    def ended(self, view: RunView, progress: Progress) -> None:
        """Called when a run has ended for good."""
        ...

    def say(self, sentence: str) -> None:
        """Something people should know."""
        ...

    def close(self, progress: Progress) -> None:
        """The last call."""
        ...


class Silent:
    """Shows nothing."""

    def show(self, progress: Progress) -> None:
        """Nothing."""

    def ended(self, view: RunView, progress: Progress) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    def close(self, progress: Progress) -> None:
        """Nothing."""


def medal_of(report: dict[str, Any]) -> str | None:
    """gold, silver, bronze or None."""
    return next((name for name in MEDALS if report.get(f"{name}_medal")), None)
