"""How long a run will probably take: what runs under the same conditions took before, else its time limit."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import list_groups
from mlebench.runs.plan import Plan, PlannedRun

_GROUPS_LOOKED_AT = 20
_NO_SIZE = 0.0
_REMEMBERED = 50
_NOTICEABLE = 0.1

Rank = tuple[float, float, float]
"""Runs start in ascending order."""


class Forecast:
    """Expected durations for one plan, in seconds."""

    def __init__(self, plan: Plan, earlier: dict[str, list[float]], sizes: dict[str, float]) -> None:
        """Args:
        earlier: durations of earlier runs under the same conditions, by competition.
        sizes: download size, by competition; breaks ties.
        """
        self._limit = plan.profile.time_limit
        self._sizes = sizes
        self._known = {name: list(seconds) for name, seconds in earlier.items()}
        self._typical = {name: statistics.median(seconds) for name, seconds in earlier.items()}

    def expected(self, run: PlannedRun) -> tuple[float, bool]:
        """Expected seconds of a run, at most its time limit, and whether more than that limit is known."""
        return min(self._limit, self._typical.get(run.competition_id, self._limit)), run.competition_id in self._typical

    def rank(self, run: PlannedRun) -> Rank:
        """Sorts the longest first. Of equal ones the lower seed, as the first seed tells how long the others take."""
        return (-self.expected(run)[0], run.seed, -self._sizes.get(run.competition_id, _NO_SIZE))

    def learn(self, run: PlannedRun, seconds: float) -> bool:
        """A run took so long; whether what is expected of its competition changed noticeably."""
        known = self._known.setdefault(run.competition_id, [])
        known.append(seconds)
        del known[:-_REMEMBERED]
        before, _ = self.expected(run)
        after = min(self._limit, statistics.median(known))
        if abs(after - before) <= _NOTICEABLE * before:
            return False
        self._typical[run.competition_id] = after
        return True


def make_forecast(plan: Plan, conditions: Conditions, runs_dir: Path, own: Path | None = None) -> Forecast:
    """The forecast for a plan from the latest groups in `runs_dir` and the competitions' sizes.

    Args:
        own: folder of the plan's own group, which is read already.
    """
    # a size only tells which of several competitions goes first
    sizes = _sizes(plan.competitions) if len(plan.competitions) > 1 else {}
    return Forecast(plan, _earlier(plan, conditions, runs_dir, own), sizes)


def _earlier(plan: Plan, conditions: Conditions, runs_dir: Path, own: Path | None) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = defaultdict(list)
    for group in list_groups(runs_dir, without=own)[-_GROUPS_LOOKED_AT:]:
        if group.conditions.differences(conditions):
            continue
        for run in group.plan.runs:
            if run.competition_id not in plan.competitions:
                continue
            record = group.record(run)
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
