"""Charts of a group over time: how many runs ended how, and what they had spent."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime

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


def _over_time(group: WatchedGroup) -> str:
    ends = _ends(group)
    if len(ends) < _FEWEST_ENDS:
        return ""
    lines = tuple(
        _counted(ends, counts)
        for counts in (
            [digest.medal is not None for _, digest in ends],
            [digest.report is not None and digest.report.valid_submission for _, digest in ends],
            [True] * len(ends),
        )
    )
    return _runs_chart(lines) + _spending(group, ends)


over_time = ByIdentity(_over_time)
"""The charts of a group; empty where fewer than two runs have ended."""


def _ends(group: WatchedGroup) -> list[tuple[float, RunDigest]]:
    """Hours since the group began, for each run that has ended; in the order of time."""
    if group.group is None:
        return []
    start = datetime.fromisoformat(group.group.created_at).timestamp()
    ended = [
        ((datetime.fromisoformat(record.ended_at).timestamp() - start) / 3600, digest_of(record))
        for record in group.records
        if record.has_ended and record.ended_at is not None
    ]
    return sorted(((hours, digest) for hours, digest in ended if hours >= 0), key=lambda end: end[0])


def _spending(group: WatchedGroup, ends: Sequence[tuple[float, RunDigest]]) -> str:
    """Money where all of it is known, else tokens; empty where neither is."""
    figures = figures_of(group)
    spent = [digest.spent for _, digest in ends]
    who = "as the agent says" if figures.spent.is_claim else "as measured"
    if figures.spent.usd:
        return _spending_chart(_counted(ends, [entry.usd or 0 for entry in spent]), "US dollars", who)
    if figures.spent.tokens:
        return _spending_chart(_counted(ends, [(entry.tokens or 0) / 1e6 for entry in spent]), "million tokens", who)
    return ""


def _counted(ends: Sequence[tuple[float, RunDigest]], amounts: Iterable[float]) -> Points:
    """What had come together at the end of each run, thinned out; begins with nothing."""
    sums, points = 0.0, [(0.0, 0.0)]
    for (hours, _), amount in zip(ends, amounts, strict=True):
        sums += amount
        points.append((hours, sums))
    step = -(-len(points) // _MOST_POINTS)
    return (*points[:-1:step], points[-1])


@functools.lru_cache(maxsize=64)
def _runs_chart(lines: tuple[Points, ...]) -> str:
    svg = charts.so_far(dict(zip(_RUNS, lines, strict=True)), "runs")
    return chart_figure("lines", svg, _RUNS, "Runs so far, over the hours since the group began.")


@functools.lru_cache(maxsize=64)
def _spending_chart(points: Points, unit: str, who: str) -> str:
    return chart_figure("lines", charts.so_far({unit: points}, unit), (), f"Spent by ended runs so far, in {unit}, {who}.")
