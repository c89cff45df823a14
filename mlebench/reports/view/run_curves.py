"""How a run goes over time: its scores, the calls that it made, what it spent, and what it uses of its machine."""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from grading.printable import printable
from grading.wording import counted
from mlebench._support.kept import Kept
from mlebench.reports import charts
from mlebench.reports.components import note
from mlebench.reports.group_folder import read_snapshots
from mlebench.reports.markup import Section, chart_figure, with_code
from mlebench.reports.results import GradedSnapshot
from mlebench.reports.scaling import call_times
from mlebench.reports.view.course import Course
from mlebench.reports.view.watched_attempt import WatchedAttempt
from mlebench.runs.group import Group
from mlebench.runs.group_report import SNAPSHOT_FILE
from mlebench.runs.ledgers_so_far import LedgersSoFar
from mlebench.runs.measures import GpuUse, Measure

Points = tuple[tuple[float, float], ...]
"""Hours since the start, and an amount."""
_MOST_POINTS = 300
"""Of a line."""
_LARGEST_SCORE = 1e300
"""Beyond it differences have no finite value."""
_MOST_GPUS = 6
"""That the colours of a chart tell apart."""
_SLACK_SECONDS = 60
"""A measure may be taken so long after the end: a run is stopped after it."""
_TOKEN_UNITS = ((10**6, "million tokens"), (1000, "thousand tokens"), (1, "tokens"))


class ScoredSnapshot(NamedTuple):
    """What a copy of a submission was worth."""

    seconds: int
    score: float | None
    """None of one that was not valid."""
    is_lower_better: bool = False
    levels: tuple[tuple[str, float], ...] = ()
    """Thresholds of medals and the median, by name."""


class Curve(NamedTuple):
    """One line of a chart."""

    name: str
    points: Points


def time_section(attempt: WatchedAttempt, course: Course) -> Section:
    """Scores with calls as ticks; money and tokens."""
    start = _start(attempt)
    if start is None:
        return Section("time", "Over time", note("The agent has not started."))
    end = _end(attempt, course, start)
    parts = [_scores(attempt, course, start, end), _spending(course.ledgers, start, end)]
    return Section(
        "time",
        "Over time",
        "".join(parts) or note("No snapshots or calls were recorded."),
    )


def resources_section(attempt: WatchedAttempt, course: Course) -> Section:
    """CPU, memory, GPU and disk."""
    start = _start(attempt)
    if start is None or not course.measures:
        return Section("resources", "Resources", note(_why_no_measures(attempt)))
    figures = _resources(attempt, course.measures, start, _end(attempt, course, start))
    return Section("resources", "Resources", f'<div class="charts">{"".join(figures)}</div>')


def _why_no_measures(attempt: WatchedAttempt) -> str:
    if attempt.group.imported is not None:
        return f"{attempt.group.imported.tool} does not report resource use over time."
    return "Nothing measured so far." if attempt.is_under_way else "Nothing was measured."


def _start(attempt: WatchedAttempt) -> float | None:
    return None if attempt.started is None else attempt.started.timestamp()


def _end(attempt: WatchedAttempt, course: Course, start: float) -> float:
    """Hours until the last thing that is known of the attempt, so that all its charts have one axis."""
    if attempt.ended is not None:
        return max(attempt.ended.timestamp() - start, 1.0) / 3600
    ledgers = course.ledgers
    known = [*ledgers.valid[-1:], *ledgers.invalid[-1:], *ledgers.refused[-1:], *(step.at for step in ledgers.spent[-1:])]
    known += [measure.at for measure in course.measures[-1:]]
    seconds = [at - start for at in known] + [kept.seconds for kept in course.snapshots[-1:]]
    limit = attempt.group.plan.profile.time_limit if attempt.group.plan.has_known_limits else math.inf
    return max(1.0, *(min(each, limit) for each in seconds), 1.0) / 3600


def _scores(attempt: WatchedAttempt, course: Course, start: float, end: float) -> str:
    scored = [snapshot for snapshot in graded_snapshots(attempt) if snapshot.score is not None] if attempt.is_last else []
    ledgers, kept = course.ledgers, course.snapshots
    report = attempt.record.graded if attempt.is_last else None
    points = [
        (snapshot.seconds / 3600, snapshot.score)
        for snapshot in scored
        if snapshot.score is not None and abs(snapshot.score) < _LARGEST_SCORE
    ]
    if points and report is not None and report.score is not None:
        points.append((max(end, points[-1][0]), report.score))
    rows = {
        "invalid checks": _hours(ledgers.invalid, start, end),
        "valid checks": _hours(ledgers.valid, start, end),
        "refused checks": _hours(ledgers.refused, start, end),
        "model calls": _hours([step.at for step in ledgers.spent], start, end),
        "snapshots": tuple(snapshot.seconds / 3600 for snapshot in kept[:: max(1, -(-len(kept) // _MOST_POINTS))]),
    }
    has_verdicts = bool(rows["invalid checks"] or rows["valid checks"])
    told = {name: hours for name, hours in rows.items() if hours or (has_verdicts and name in ("invalid checks", "valid checks"))}
    if not points and not told:
        return ""
    curve = (Curve("score", tuple(points)),) if points else ()
    better = f"score ({'lower' if scored[-1].is_lower_better else 'higher'} is better)" if points else None
    height, levels = (220, scored[-1].levels) if points else (30, ())
    svg = _drawing(curve, better, end, tuple(told.items()), height, 900, levels, is_amount=False)
    return chart_figure("lines", svg, (), _about(ledgers, len(kept))) + _ungraded(attempt, len(points), len(kept))


def _about(ledgers: LedgersSoFar, kept: int) -> str:
    valid, invalid, refused = ledgers.checks
    calls = ledgers.spent[-1].calls if ledgers.spent else 0
    parts = [f"{counted(valid + invalid, 'verdict')} of the submission checker" if valid + invalid + refused else ""]
    parts += [f"{counted(calls, 'call')} to models" if calls else "", counted(kept, "snapshot") if kept else ""]
    told = ", ".join(filter(None, parts))
    return f"{told}." if told else ""


def _ungraded(attempt: WatchedAttempt, scores: int, kept: int) -> str:
    if scores or not kept or not attempt.is_last or attempt.group.imported is not None:
        return ""
    when = "Once the group has ended, " if attempt.is_under_way else ""
    return note(with_code(f"{when}{attempt.group.command('grade', attempt.group.name)} grades the snapshots."))


def _spending(ledgers: LedgersSoFar, start: float, end: float) -> str:
    if not ledgers.spent:
        return ""
    hours = [min(max((step.at - start) / 3600, 0.0), end) for step in ledgers.spent]
    usd = [(hour, step.usd) for hour, step in zip(hours, ledgers.spent, strict=True) if step.usd is not None]
    most = ledgers.spent[-1].input_tokens + ledgers.spent[-1].output_tokens
    unit, name = next(((unit, name) for unit, name in _TOKEN_UNITS if most >= unit), _TOKEN_UNITS[-1])
    tokens = [(hour, (step.input_tokens + step.output_tokens) / unit) for hour, step in zip(hours, ledgers.spent, strict=True)]
    figures = []
    if usd and usd[-1][1]:
        figures.append(_small([Curve("US dollars", _corners(usd))], "US dollars", end, "Spent on models."))
    if tokens[-1][1]:
        figures.append(_small([Curve("tokens", _corners(tokens))], name, end, "Tokens, input and output."))
    cut = note(f"Of {' and '.join(ledgers.cut)} only the beginning was read.") if ledgers.cut else ""
    return f'<div class="charts">{"".join(figures)}</div>{cut}'


def _resources(attempt: WatchedAttempt, measures: Sequence[Measure], start: float, end: float) -> list[str]:
    measures = [measure for measure in measures if 0 <= measure.at - start <= end * 3600 + _SLACK_SECONDS]
    hours = [(measure.at - start) / 3600 for measure in measures]
    profile, figures = attempt.group.plan.profile, []
    if cores := _cores(measures, hours):
        figures.append(_of_limit(attempt, Curve("cores", cores), "cores", end, "Processor cores in use", profile.cpus))
    if memory := _amounts(hours, [measure.memory_bytes for measure in measures], 2**30):
        figures.append(_of_limit(attempt, Curve("memory", memory), "GiB", end, "Memory", profile.memory / 2**30))
    ids = list(dict.fromkeys(gpu.id for measure in measures for gpu in measure.gpus))[:_MOST_GPUS]
    use = [_of_gpu(measures, hours, name, lambda gpu: gpu.utilization, 0.01) for name in ids]
    held = [_of_gpu(measures, hours, name, lambda gpu: gpu.memory_bytes, 2**30) for name in ids]
    for curves, unit, about in ((use, "%", "GPU utilization."), (held, "GiB", "GPU memory.")):
        if known := [curve for curve in curves if curve.points]:
            figures.append(_small(known, unit, end, about))
    if disk := _amounts(hours, [measure.disk_bytes for measure in measures], 2**30):
        figures.append(_of_limit(attempt, Curve("disk", disk), "GiB", end, "Disk", profile.disk / 2**30))
    return figures


def _of_limit(attempt: WatchedAttempt, curve: Curve, unit: str, end: float, what: str, limit: float) -> str:
    """A chart of what a run may have so much of; the limit is a line where the run comes near it."""
    if not attempt.group.plan.has_known_limits:
        return _small([curve], unit, end, f"{what}.")
    named = f"{limit:g}" if unit == "cores" else f"{limit:g} {unit}"
    return _small([curve], unit, end, f"{what}, of {named}.", (("limit", limit),))


def _cores(measures: Sequence[Measure], hours: Sequence[float]) -> Points:
    """Cores in use between two measures, at the second's moment."""
    known = [
        (measure.at, hour, measure.cpu_seconds)
        for measure, hour in zip(measures, hours, strict=True)
        if measure.cpu_seconds is not None
    ]
    step = max(1, -(-len(known) // _MOST_POINTS))
    picked = known[::step] + (known[-1:] if known and (len(known) - 1) % step else [])
    pairs = itertools.pairwise(picked)
    return tuple((hour, max(0.0, (now - before) / (at - was))) for (was, _, before), (at, hour, now) in pairs if at > was)


def _of_gpu(
    measures: Sequence[Measure], hours: Sequence[float], name: str, amount: Callable[[GpuUse], float | None], unit: float
) -> Curve:
    found = [next((amount(gpu) for gpu in measure.gpus if gpu.id == name), None) for measure in measures]
    return Curve(f"GPU {printable(name, 40)}", _amounts(hours, found, unit))


def _amounts(hours: Sequence[float], amounts: Sequence[float | None], unit: float) -> Points:
    """The known amounts, thinned out: the largest of each stretch stays."""
    known = [(hour, amount / unit) for hour, amount in zip(hours, amounts, strict=True) if amount is not None]
    step = max(1, -(-len(known) // _MOST_POINTS))
    return tuple(max(known[place : place + step], key=lambda point: point[1]) for place in range(0, len(known), step))


def _corners(points: Sequence[tuple[float, float]]) -> Points:
    step = max(1, -(-len(points) // _MOST_POINTS))
    return ((0.0, 0.0), *points[:-1:step], points[-1])


def _hours(moments: Sequence[float], start: float, end: float) -> tuple[float, ...]:
    return tuple(call_times([at - start for at in moments], end).hours)


def _small(curves: Sequence[Curve], unit: str, end: float, caption: str, levels: tuple[tuple[str, float], ...] = ()) -> str:
    names = [curve.name for curve in curves] if len(curves) > 1 else []
    return chart_figure("lines", _drawing(tuple(curves), unit, end, (), 150, 480, levels, is_amount=True), names, caption)


@functools.lru_cache(maxsize=128)
def _drawing(
    curves: tuple[Curve, ...],
    unit: str | None,
    end: float,
    rows: tuple[tuple[str, tuple[float, ...]], ...],
    height: int,
    width: int,
    levels: tuple[tuple[str, float], ...],
    *,
    is_amount: bool,
) -> str:
    title, labels = charts.time_axis(end, width)
    return charts.timeline(
        {curve.name: curve.points for curve in curves},
        unit,
        end=end,
        x_title=title,
        x_labels=labels,
        rows=dict(rows),
        height=height,
        width=width,
        is_amount=is_amount,
        levels=dict(levels),
    )


def graded_snapshots(attempt: WatchedAttempt) -> Sequence[ScoredSnapshot]:
    """The graded snapshots of the run in the order of time; none if nobody has graded the group's."""
    group = attempt.group
    found = _kept(group.folder).get([group.folder / SNAPSHOT_FILE], lambda: _graded(group))
    return found.get(attempt.record.run_id, ())


@functools.lru_cache(maxsize=8)
def _kept(folder: Path) -> Kept[Mapping[str, Sequence[ScoredSnapshot]]]:
    """As long as the file is as it was, as that of a large group takes a second to read."""
    return Kept()


def _graded(group: Group) -> Mapping[str, Sequence[ScoredSnapshot]]:
    if not os.path.lexists(group.folder / SNAPSHOT_FILE):
        return {}
    return {run_id: [_scored(kept) for kept in kept_of] for run_id, kept_of in read_snapshots(group, []).items()}


def _scored(kept: GradedSnapshot) -> ScoredSnapshot:
    limits = kept.report.thresholds
    # of two that are the same the better is named
    levels = () if limits is None else tuple((name, getattr(limits, name)) for name in ("gold", "silver", "bronze", "median"))
    return ScoredSnapshot(kept.seconds, kept.report.score, kept.report.is_lower_better, levels)
