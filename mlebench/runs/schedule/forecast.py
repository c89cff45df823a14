"""How long a run will probably take: as long as earlier runs under the same conditions, or else its time limit.

Runs start in that order, longest first. If nothing is known about a competition, its first run precedes all known ones, since it
shows how long the others take. Which of several unknown ones goes first, and whether further seeds of one still running precede
those of a known one, is guessed (see `mlebench.runs.schedule.guess`).
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import list_groups
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.schedule.guess import relative_length

_GROUPS_LOOKED_AT = 20
_NO_GUESS = 1.0
_REMEMBERED = 50
_NOTICEABLE = 0.1
_SPREAD = 0.6
"""Standard deviation of the logarithm of duration over guess: two thirds of the runs are within a factor of 1.8."""
_NORMAL = statistics.NormalDist()
_ALMOST_SURE = 1 - 1e-9

Rank = tuple[float, float, float]
"""Sort key; runs start in ascending order."""
_UNKNOWN_FIRST = -1e12


class Forecast:
    """Expected durations for one plan, in seconds."""

    def __init__(self, plan: Plan, earlier: Mapping[str, list[float]], guesses: Mapping[str, float]) -> None:
        """Args:
        earlier: durations of earlier runs under the same conditions, by competition.
        guesses: relative durations of runs, by competition; they affect only the start order.
        """
        self._limit = plan.profile.time_limit
        self._first_seed = min(plan.seeds, default=0)
        self._guesses = guesses
        self._known = {name: list(seconds) for name, seconds in earlier.items()}
        self._typical = {name: statistics.median(seconds) for name, seconds in earlier.items()}
        self._clock = 0.0
        self._began: dict[PlannedRun, float] = {}
        self._running_since: dict[str, float] = {}

    def expected(self, run: PlannedRun) -> tuple[float, bool]:
        """Expected seconds of a run, at most its time limit, and whether anything beyond that limit is known."""
        return min(self._limit, self._typical.get(run.competition_id, self._limit)), run.competition_id in self._typical

    def rank(self, run: PlannedRun) -> Rank:
        """Sort key: the first seed of each unknown competition comes first, then the longest runs."""
        name = run.competition_id
        guess = self._guesses.get(name, _NO_GUESS)
        if name in self._typical:
            return (-self.expected(run)[0], run.seed, -guess)
        if name not in self._running_since and run.seed == self._first_seed:
            return (_UNKNOWN_FIRST, -guess, run.seed)
        return (-self._guessed_seconds(name), run.seed, -guess)

    def begin(self, run: PlannedRun) -> None:
        """Record the start of a run. A run that outlasts others of its competition takes longer than they did."""
        self._began[run] = self._clock
        self._running_since.setdefault(run.competition_id, self._clock)

    def learn(self, run: PlannedRun, seconds: float) -> bool:
        """Record a run's duration; returns whether the expectation for its competition changed noticeably."""
        self._clock = max(self._clock, self._began.get(run, 0.0) + seconds)
        known = self._known.setdefault(run.competition_id, [])
        known.append(seconds)
        del known[:-_REMEMBERED]
        before, was_known = self.expected(run)
        after = min(self._limit, statistics.median(known))
        if was_known and abs(after - before) <= _NOTICEABLE * before:
            return False
        self._typical[run.competition_id] = after
        return True

    def _guessed_seconds(self, name: str) -> float:
        """The median duration of a run that may already be running, if durations scatter around their guesses.

        The longer an unfinished run of a competition takes, the less its further seeds wait for it.
        """
        middle = self._guesses.get(name, _NO_GUESS) * self._seconds_per_guess()
        elapsed = self._clock - self._running_since.get(name, self._clock)
        if elapsed <= 0:
            return min(self._limit, middle)
        ended = _NORMAL.cdf(math.log(elapsed / middle) / _SPREAD)
        later = _NORMAL.inv_cdf(min(_ALMOST_SURE, (1 + ended) / 2))
        return min(self._limit, max(elapsed, middle * math.exp(_SPREAD * later)))

    def _seconds_per_guess(self) -> float:
        """Seconds that correspond to a guess of 1 so far."""
        ended = [seconds / self._guesses.get(name, _NO_GUESS) for name, seconds in self._typical.items()]
        # an unfinished run counts with at least its running time so far
        running = [
            (self._clock - since) / self._guesses.get(name, _NO_GUESS)
            for name, since in self._running_since.items()
            if name not in self._typical
        ]
        if not (ended or running):
            return self._limit / max(self._guesses.values(), default=_NO_GUESS)
        return max(statistics.median([*ended, *running]), 1.0)


def make_forecast(plan: Plan, conditions: Conditions, runs_dir: Path, own: Path | None = None) -> Forecast:
    """The forecast for a plan from the latest groups in `runs_dir` and the competitions' facts.

    Args:
        own: folder of the plan's own group, which has already been read.
    """
    # a guess only orders competitions relative to each other
    guesses = _guesses(plan.competitions) if len(plan.competitions) > 1 else {}
    return Forecast(plan, _earlier(plan, conditions, runs_dir, own), guesses)


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


def _guesses(competitions: Iterable[str]) -> dict[str, float]:
    from mlebench.registry import registry

    guesses = {}
    for name in competitions:
        try:
            guesses[name] = relative_length(registry.get_competition(name).facts)
        except MlebenchError:
            continue
    return guesses
