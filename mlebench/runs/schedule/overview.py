"""The state of running groups: counts, the runs in work, medals so far and the time left; and the protocol of displays."""

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
    """What is kept in memory of each run."""

    key: str
    agent: str
    run_id: str
    state: State = "pending"
    expected: float = 0.0
    """Seconds."""
    time_limit: float = 0.0
    """Seconds; 0 if unknown."""
    started_at: str | None = None
    wall_seconds: float = 0.0
    infrastructure: bool = False
    valid: bool = False
    score: float | None = None
    medal: str | None = None
    mock: bool = False
    """Whether its data is mock data, on which no medal can be won."""
    reason: str | None = None
    usage: Usage | None = None
    """What its calls to models used, as the gateway measured; None without a gateway."""
    learned: bool = False
    """Whether `expected` is what such runs took, and not only their time limit."""
    run_dir: Path | None = None
    """The run's folder, with its log and its status."""

    @property
    def competition_id(self) -> str:
        """From the run's id, `COMPETITION_seedN`."""
        return self.run_id.rpartition("_seed")[0]

    @property
    def is_result(self) -> bool:
        """Whether it has ended by no fault of the infrastructure, and was not cancelled."""
        return self.state in ("finished", "failed", "timed-out") and not self.infrastructure

    def update(self, record: RunRecord) -> None:
        """Take over the state of a record."""
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
    """All runs of the groups that run together."""

    runs: dict[str, RunView] = field(default_factory=dict)
    slots: int = 1
    """Most runs that can run at once."""
    paused: dict[str, str] = field(default_factory=dict)
    """Groups that start no further run, each with the command that resumes it."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def counts(self) -> Counter[str]:
        """Runs by state; `infrastructure` counts the failed ones that are not the agent's fault."""
        counted: Counter[str] = Counter(view.state for view in self.runs.values())
        counted["infrastructure"] = sum(view.infrastructure for view in self.runs.values())
        return counted

    def ended(self) -> int:
        """Number of runs that have ended."""
        return sum(view.state not in ("pending", "running") for view in self.runs.values())

    def medals(self) -> Counter[str]:
        """Medals so far, by name."""
        return Counter(view.medal for view in self.runs.values() if view.medal)

    def medal_share(self) -> float | None:
        """Share of the runs that have ended, but for those lost to the infrastructure, that won a medal; None without any."""
        graded = [view for view in self.runs.values() if view.is_result and not view.mock]
        return sum(view.medal is not None for view in graded) / len(graded) if graded else None

    def mean_score(self) -> float | None:
        """Mean of the scores so far; None without any, or if the runs are of several competitions."""
        scores = [view.score for view in self.runs.values() if view.valid and view.score is not None]
        is_one = len({view.competition_id for view in self.runs.values()}) == 1
        return sum(scores) / len(scores) if scores and is_one else None

    def running(self) -> list[RunView]:
        """The runs in work, the longest running first."""
        return sorted((view for view in self.runs.values() if view.state == "running"), key=lambda view: view.started_at or "")

    def seconds_left(self) -> float:
        """Estimate of the time until the last run ends.

        If only the time limit of a run is known, the run is assumed to use the same share of it as other runs did.
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
    """Shows the progress of groups; called from the harness's main thread."""

    every: float
    """Seconds between two calls of `show` while nothing happens."""

    def begin(self, groups: list[Group]) -> None:
        """The first call: these groups are about to run."""
        ...

    def show(self, overview: Overview) -> None:
        """Called whenever something happened, and every `every` seconds."""
        ...

    def ended(self, view: RunView, overview: Overview) -> None:
        """Called when a run has ended for good."""
        ...

    def say(self, sentence: str) -> None:
        """Called with something that people should know."""
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
