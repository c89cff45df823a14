"""The sums of a group, or of several, so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from mlebench.reports.view.by_identity import ByIdentity
from mlebench.reports.view.run_digest import NOTHING_KNOWN, Spent, Standing, digest_of, sum_of
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.record import known_time

GroupState = Literal["running", "paused", "interrupted", "done", "unreadable"]
GROUP_STATES: tuple[GroupState, ...] = get_args(GroupState)
MEDALS: tuple[Standing, ...] = ("gold", "silver", "bronze")
LOST: tuple[Standing, ...] = ("infrastructure", "damaged")


@dataclass(frozen=True)
class GroupFigures:
    """Of all runs of a group."""

    planned: int
    counts: Mapping[Standing, int]
    """Runs by what there is to show of them; together they are `planned`."""
    graded: int
    """Runs with a grading report, those on mock data left out: what shares of medals are over."""
    medals: int
    measured: Spent | None
    """What the gateway measured; None if it measured no run."""
    claimed: Spent | None
    """What agents claim, over the runs of which nothing was measured."""
    gpu_hours: float | None
    """None if another harness ran it and nobody knows."""

    @property
    def running(self) -> int:
        """Runs that are under way."""
        return self.counts.get("running", 0)

    @property
    def queued(self) -> int:
        """Runs that have not started."""
        return self.counts.get("queued", 0)

    @property
    def lost(self) -> int:
        """Runs that ended for a fault of the infrastructure, damaged records included; they are in no share."""
        return sum(self.counts.get(name, 0) for name in LOST)

    @property
    def ended(self) -> int:
        """Runs that have ended, however."""
        return self.planned - self.running - self.queued

    @property
    def medal_share(self) -> float | None:
        """Share of the graded runs that earned a medal, 0 to 1; None if none was graded."""
        return self.medals / self.graded if self.graded else None

    @property
    def spent(self) -> Spent:
        """What calls to models took: measured, or claimed where nothing was measured."""
        return self.measured or self.claimed or NOTHING_KNOWN


def total(figures: Iterable[GroupFigures]) -> GroupFigures:
    """Of several groups together; what one of them does not know of its calls to models is unknown."""
    groups = list(figures)
    hours = [entry.gpu_hours for entry in groups if entry.gpu_hours is not None]
    return GroupFigures(
        planned=sum(entry.planned for entry in groups),
        counts=sum((Counter(entry.counts) for entry in groups), Counter()),
        graded=sum(entry.graded for entry in groups),
        medals=sum(entry.medals for entry in groups),
        measured=sum_of(entry.measured for entry in groups),
        claimed=sum_of(entry.claimed for entry in groups),
        gpu_hours=sum(hours) if hours else None,
    )


def _figures(watched: WatchedGroup) -> GroupFigures:
    digests = [digest_of(record) for record in watched.records]
    is_own = watched.group is not None and watched.group.imported is None
    hours = sum(record.gpu_hours for record in watched.records)
    return GroupFigures(
        planned=len(digests),
        counts=Counter(digest.standing for digest in digests),
        graded=sum(digest.counts for digest in digests),
        medals=sum(digest.medal is not None for digest in digests),
        measured=sum_of(digest.measured for digest in digests),
        claimed=sum_of(digest.claimed for digest in digests),
        gpu_hours=hours if is_own or hours else None,
    )


figures_of = ByIdentity(_figures)
"""The figures of a group."""


def state_of(watched: WatchedGroup) -> GroupState:
    """What a group is doing, finer than `WatchedGroup.state`: whether its harness starts further runs."""
    state: GroupState = watched.state  # type: ignore[assignment]
    return "paused" if state == "running" and watched.harness is not None and watched.harness.is_paused else state


def problem_of(watched: WatchedGroup) -> str:
    """What people should know of a group and may do about it, one sentence without its full stop; empty if all is well."""
    group = watched.group
    if group is None:
        return watched.problem or "it cannot be read"
    state = state_of(watched)
    resuming = group.command("run", "--resume", group.name)
    if state == "interrupted":
        return f"no harness is running it; {resuming} continues it"
    if state == "paused":
        return f"paused: no further runs start; {group.command('runs', group.name, '--continue')} starts runs again"
    lost = figures_of(watched).lost
    if state == "done" and lost and group.imported is None:
        return f"{lost} lost to the infrastructure; {resuming} retries them"
    return ""


def expected_end(watched: WatchedGroup) -> datetime | None:
    """When the harness expects the last run to end, to the minute; None if it does not say."""
    harness = watched.harness
    if harness is None or harness.seconds_left is None or state_of(watched) != "running":
        return None
    said = known_time(harness.at)
    try:
        end = None if said is None else said + timedelta(seconds=harness.seconds_left + 30)
    except (ValueError, OverflowError):
        return None
    return None if end is None else end.replace(second=0, microsecond=0)
