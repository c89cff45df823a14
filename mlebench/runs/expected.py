"""How long a run will probably take: what the same agent took before, else its time limit."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.runs.plan import Plan, PlannedRun, list_groups

_GROUPS_LOOKED_AT = 20
_NO_SIZE = 0.0


class Expectation:
    """Expected durations for one plan, in seconds."""

    def __init__(self, plan: Plan, earlier: dict[str, float], sizes: dict[str, float]) -> None:
        """Args:
        earlier: median duration of earlier runs of the same agent, by competition.
        sizes: download size, by competition; breaks ties.
        """
        self._limit = plan.profile.time_limit
        self._earlier = earlier
        self._sizes = sizes

    def seconds(self, run: PlannedRun) -> float:
        """Expected duration of a run, at most its time limit."""
        return min(self._limit, self._earlier.get(run.competition_id, self._limit))

    def rank(self, run: PlannedRun) -> tuple[float, float, int]:
        """Sorts the longest first; the larger competition where durations are equal."""
        return (-self.seconds(run), -self._sizes.get(run.competition_id, _NO_SIZE), run.seed)


def expect(plan: Plan, runs_dir: Path) -> Expectation:
    """Expectations from the latest groups in `runs_dir` and the competitions' sizes."""
    return Expectation(plan, _earlier(plan, runs_dir), _sizes(plan.competitions))


def _earlier(plan: Plan, runs_dir: Path) -> dict[str, float]:
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
    return {competition: statistics.median(seconds) for competition, seconds in taken.items()}


def _sizes(competitions: Iterable[str]) -> dict[str, float]:
    from mlebench.registry import registry

    sizes = {}
    for name in competitions:
        try:
            sizes[name] = registry.get_competition(name).facts.download_gb or _NO_SIZE
        except MlebenchError:
            continue
    return sizes
