"""What people see of groups that run: counts, the runs in their slots, medals so far and the time left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord, State
from mlebench.runs.usage import Usage, read_usage

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
    mock: bool = False
    """Whether its data is made up, so that there is no medal to earn."""
    reason: str | None = None
    usage: Usage | None = None
    """What its calls to models used, by the gateway; None where it had none."""
    learned: bool = False
    """Whether `expected` is what such runs took, and not just their time limit."""
    run_dir: Path | None = None
    """Where it says how it gets on while it is under way."""

    def update(self, record: RunRecord) -> None:
        """Take over what a record says."""
        self.state = record.state
        self.started_at = record.started_at
        self.wall_seconds = record.wall_seconds or 0.0
        self.infrastructure = record.failure_class == "infrastructure"
        self.reason = record.reason
        self.usage = read_usage(record.usage)
        report = record.graded
        self.valid = report is not None and report.valid_submission
        self.score = report.score if report else None
        self.medal = report.medal if report else None
        self.mock = report is not None and report.data == "mock"


@dataclass
class Overview:
    """All runs of the groups that are run together."""

    runs: dict[str, RunView] = field(default_factory=dict)
    slots: int = 1
    """Runs that can run at once."""
    paused: dict[str, str] = field(default_factory=dict)
    """Groups of which no further run starts, each with the command that lets them start again."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def counts(self) -> Counter[str]:
        """Runs by state; `infrastructure` counts the failed ones that are not the agent's fault."""
        counted: Counter[str] = Counter(view.state for view in self.runs.values())
        counted["infrastructure"] = sum(view.infrastructure for view in self.runs.values())
        return counted

    def medals(self) -> Counter[str]:
        """Medals so far, by name."""
        return Counter(view.medal for view in self.runs.values() if view.medal)

    def running(self) -> list[RunView]:
        """The runs in their slots, the longest running first."""
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
                elapsed = (now - datetime.fromisoformat(view.started_at)).total_seconds()
                remaining.append(max(0.0, expected - elapsed))
            elif view.state == "pending":
                remaining.append(expected)
        return max([sum(remaining) / max(1, self.slots), *remaining], default=0.0)


class Display(Protocol):
    """Shows how groups get on; called from the harness's main thread."""

    every: float
    """Seconds between two calls of `show` while nothing happens."""

    def begin(self, groups: list[Group]) -> None:
        """The first call: these groups are about to run."""
        ...

    def show(self, overview: Overview) -> None:
        """Called whenever something happened, and every so often."""
        ...

    def ended(self, view: RunView, overview: Overview) -> None:
        """Called when a run has ended for good."""
        ...

    def say(self, sentence: str) -> None:
        """Something people should know."""
        ...

    def close(self, overview: Overview) -> None:
        """The last call."""
        ...


class Silent:
    """Shows nothing."""

    every = 3600.0

    def begin(self, groups: list[Group]) -> None:
        """Nothing."""

    def show(self, overview: Overview) -> None:
        """Nothing."""

    def ended(self, view: RunView, overview: Overview) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    def close(self, overview: Overview) -> None:
        """Nothing."""
