"""Charts of a group over time: how many runs ended how, and what they had spent."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from mlebench.reports import charts
from mlebench.reports.markup import chart_figure
from mlebench.reports.view.by_identity import ByIdentity
from mlebench.reports.view.group_figures import figures_of
from mlebench.reports.view.run_digest import RunDigest, digest_of
from mlebench.reports.view.watched_runs import WatchedGroup

_MOST_POINTS = 200
"""Of a line."""
_FEWEST_ENDS = 2
_RUNS = ("any medal", "valid submission", "ended")

Points = tuple[tuple[float, float], ...]


class _Unit(NamedTuple):
    """Of the time since the group began."""

    name: str
    seconds: float
    least: float
    """Seconds from which on it is used."""


_UNITS = (_Unit("days", 86400, 3 * 86400), _Unit("hours", 3600, 2 * 3600), _Unit("minutes", 60, 120), _Unit("seconds", 1, 0))


class _End(NamedTuple):
    """A run that has ended."""

    seconds: float
    """Since the group began."""
    digest: RunDigest


def _over_time(group: WatchedGroup) -> str:
    ends = _ends(group)
    if len(ends) < _FEWEST_ENDS:
        return ""
    unit = next(unit for unit in _UNITS if ends[-1].seconds >= unit.least)
    earned = [[float(counts(end.digest)) for end in ends] for counts in (_has_medal, _is_valid, _has_ended)]
    return _runs_chart(tuple(_summed(ends, unit, amounts) for amounts in earned), unit) + _spending(group, ends, unit)


over_time = ByIdentity(_over_time)
"""The charts of a group; empty if fewer than two runs have ended."""


def _ends(group: WatchedGroup) -> list[_End]:
    """The runs that have ended, in the order of time."""
    if group.group is None:
        return []
    start = datetime.fromisoformat(group.group.created_at).timestamp()
    ended = [
        _End(datetime.fromisoformat(record.ended_at).timestamp() - start, digest_of(record))
        for record in group.records
        if record.has_ended and record.ended_at is not None
    ]
    # a clock may have been set back, or be another machine's
    return sorted((end for end in ended if end.seconds >= 0), key=lambda end: end.seconds)


def _has_medal(digest: RunDigest) -> bool:
    return digest.medal is not None


def _is_valid(digest: RunDigest) -> bool:
    return digest.report is not None and digest.report.valid_submission


def _has_ended(digest: RunDigest) -> bool:
    return True


def _spending(group: WatchedGroup, ends: Sequence[_End], unit: _Unit) -> str:
    """Money where all of it is known, else tokens; empty if neither is."""
    figures = figures_of(group)
    spent = [end.digest.spent for end in ends]
    who = "reported by the agent" if figures.spent.is_claim else "as measured"
    if figures.spent.usd:
        return _spending_chart(_summed(ends, unit, [entry.usd or 0 for entry in spent]), unit, "US dollars", who)
    if figures.spent.tokens:
        return _spending_chart(_summed(ends, unit, [(entry.tokens or 0) / 1e6 for entry in spent]), unit, "million tokens", who)
    return ""


def _summed(ends: Sequence[_End], unit: _Unit, amounts: Iterable[float]) -> Points:
    """What had come together at the end of each run, thinned out; begins with nothing."""
    summed, points = 0.0, [(0.0, 0.0)]
    for end, amount in zip(ends, amounts, strict=True):
        summed += amount
        points.append((end.seconds / unit.seconds, summed))
    step = -(-len(points) // _MOST_POINTS)
    return (*points[:-1:step], points[-1])


@functools.lru_cache(maxsize=64)
def _runs_chart(lines: tuple[Points, ...], unit: _Unit) -> str:
    svg = charts.so_far(dict(zip(_RUNS, lines, strict=True)), unit.name, "runs", whole=True)
    return chart_figure("lines", svg, _RUNS, f"Runs so far, over the {unit.name} since the group began.")


@functools.lru_cache(maxsize=64)
def _spending_chart(points: Points, unit: _Unit, amount: str, who: str) -> str:
    svg = charts.so_far({amount: points}, unit.name, amount)
    return chart_figure("lines", svg, (), f"Spent by ended runs so far, in {amount}, {who}.")
