"""How long a run will probably take: what the same agent took before, else its time limit."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.runs.group import list_groups
from mlebench.runs.plan import Plan, PlannedRun

_GROUPS_LOOKED_AT = 20
_NO_SIZE = 0.0
_REMEMBERED = 50
_NOTICEABLE = 0.1

Rank = tuple[float, float, float]
"""Runs start in ascending order."""


class Expectation:
    """Expected durations for one plan, in seconds."""

    def __init__(self, plan: Plan, earlier: dict[str, list[float]], sizes: dict[str, float]) -> None:
        """Args:
        earlier: durations of earlier runs of the same agent, by competition.
        sizes: download size, by competition; breaks ties.
        """
        self._limit = plan.profile.time_limit
        self._sizes = sizes
        self._known = {name: list(seconds) for name, seconds in earlier.items()}
        self._typical = {name: statistics.median(seconds) for name, seconds in earlier.items()}

    def seconds(self, run: PlannedRun) -> float:
        """Expected duration of a run, at most its time limit."""
        return min(self._limit, self._typical.get(run.competition_id, self._limit))

    def is_learned(self, run: PlannedRun) -> bool:
        """Whether more than the time limit is known."""
        return run.competition_id in self._typical

    def rank(self, run: PlannedRun) -> Rank:
        """Sorts the longest first. Of equal ones the lower seed, as the first seed tells how long the others take."""
        return (-self.seconds(run), run.seed, -self._sizes.get(run.competition_id, _NO_SIZE))

    def learn(self, run: PlannedRun, seconds: float) -> bool:
        """A run took so long; whether what is expected of its competition changed noticeably."""
        known = self._known.setdefault(run.competition_id, [])
        known.append(seconds)
        del known[:-_REMEMBERED]
        before = self.seconds(run)
        after = min(self._limit, statistics.median(known))
        if abs(after - before) <= _NOTICEABLE * before:
            return False
        self._typical[run.competition_id] = after
        return True


def expect(plan: Plan, runs_dir: Path) -> Expectation:
    """Expectations from the latest groups in `runs_dir` and the competitions' sizes."""
    return Expectation(plan, _earlier(plan, runs_dir), _sizes(plan.competitions))


def _earlier(plan: Plan, runs_dir: Path) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = defaultdict(list)
    for group in list_groups(runs_dir)[-_GROUPS_LOOKED_AT:]:
        if group.plan.agent.id != plan.agent.id or group.plan.agent.arguments != plan.agent.arguments:
            continue
        for run in group.plan.runs:
            if run.competition_id not in plan.competitions:
                continue
            try:
                record = group.record(run)
            except MlebenchError:
                continue
            if record.state in ("finished", "timed-out") and record.wall_seconds:
                taken[run.competition_id].append(record.wall_seconds)
    return taken


def _sizes(competitions: Iterable[str]) -> dict[str, float]:
    from mlebench.registry import registry

    sizes = {}
    for name in competitions:
        try:
            sizes[name] = registry.get_competition(name).facts.download_gb or _NO_SIZE
        except MlebenchError:
            continue
    return sizes
