"""How long a run will probably take: what runs under the same conditions took before, else its time limit.

Runs start in the order of that. Where nothing is known of a competition, its first run goes before all that is known, since it
tells how long the others take; which of several unknown ones goes first, and whether the further seeds of one that is still
running go before those of a known one, is guessed (see `mlebench.runs.schedule.guess`).
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
"""The standard deviation of the logarithm of a duration over its guess: two of three lie within a factor of 1.8."""
_NORMAL = statistics.NormalDist()
_ALMOST_SURE = 1 - 1e-9

Rank = tuple[float, float, float]
"""Runs start in ascending order."""
_UNKNOWN_FIRST = -1e12


class Forecast:
    """Expected durations for one plan, in seconds."""

    def __init__(self, plan: Plan, earlier: Mapping[str, list[float]], guesses: Mapping[str, float]) -> None:
        """Args:
        earlier: durations of earlier runs under the same conditions, by competition.
        guesses: how long runs take in relation to each other, by competition; only their order of start depends on it.
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
        """Expected seconds of a run, at most its time limit, and whether more than that limit is known."""
        return min(self._limit, self._typical.get(run.competition_id, self._limit)), run.competition_id in self._typical

    def rank(self, run: PlannedRun) -> Rank:
        """Sorts the longest first, and before them the first seed of each competition of which nothing is known."""
        name = run.competition_id
        guess = self._guesses.get(name, _NO_GUESS)
        if name in self._typical:
            return (-self.expected(run)[0], run.seed, -guess)
        if name not in self._running_since and run.seed == self._first_seed:
            return (_UNKNOWN_FIRST, -guess, run.seed)
        return (-self._guessed_seconds(name), run.seed, -guess)

    def begin(self, run: PlannedRun) -> None:
        """A run starts. What still runs when others have ended takes longer than they did."""
        self._began[run] = self._clock
        self._running_since.setdefault(run.competition_id, self._clock)

    def learn(self, run: PlannedRun, seconds: float) -> bool:
        """A run took so long; whether what is expected of its competition changed noticeably."""
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
        """The median of what a run takes that may be running already, if durations scatter about their guesses.

        The further seeds of a competition with a run that has not ended wait for it the less, the longer it runs.
        """
        middle = self._guesses.get(name, _NO_GUESS) * self._seconds_per_guess()
        elapsed = self._clock - self._running_since.get(name, self._clock)
        if elapsed <= 0:
            return min(self._limit, middle)
        ended = _NORMAL.cdf(math.log(elapsed / middle) / _SPREAD)
        later = _NORMAL.inv_cdf(min(_ALMOST_SURE, (1 + ended) / 2))
        return min(self._limit, max(elapsed, middle * math.exp(_SPREAD * later)))

    def _seconds_per_guess(self) -> float:
        """What a guess of 1 has come to so far."""
        ended = [seconds / self._guesses.get(name, _NO_GUESS) for name, seconds in self._typical.items()]
        # what has not ended counts with the time that it has run, at least
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
        own: folder of the plan's own group, which is read already.
    """
    # a guess only orders competitions among each other
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
