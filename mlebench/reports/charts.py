"""Charts of a report as inline SVG, drawn by pygal; colours come from the page's style sheet, so that they follow its theme.

pygal draws on the server: the page needs no script for its charts, prints them sharp and stays small. (Plotly's and Bokeh's
scripts alone weigh 4.7 and 1 MB.)
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from xml.etree import ElementTree

import pygal
from pygal.util import compute_scale

from mlebench.reports.document import CompetitionRow, ResultsDocument, RunRow
from mlebench.reports.notation import duration
from mlebench.reports.scaling import TOKEN_UNIT, BudgetPoint, CallTimes, RunCurve, SpendingAxis, SpendingPoint, TimePoint

Points = Sequence[tuple[float, float | None]]

OUTCOMES = ("gold", "silver", "bronze", "above median without medal", "not above median", "no valid submission")
"""Series of the medal charts, in the order of the style sheet's colours."""
Axis = Literal["hours"] | SpendingAxis
_AXES: Mapping[str, str] = {"hours": "time", "usd": "US dollars spent by each run", "tokens": "million tokens used by each run"}
TIME_SERIES = ("any medal, current submission", "any medal, best submission so far", "above median")

_BAR_HEIGHT = 19
_ROW_HEIGHT = 16
"""Of a row of ticks, in pixels of the drawing."""
_ROW_STEP = 1.6
"""From a row of ticks to the next, in heights of a tick."""
_MOST_LABELS = 8
"""Of an axis."""


class _TimeUnit(NamedTuple):
    """What an axis of time counts."""

    name: str
    hours: float
    up_to: float
    """Hours that an axis in this unit spans at most."""
    steps: Sequence[int]
    """What may lie between two labels."""


_TIME_UNITS = (
    _TimeUnit("seconds", 1 / 3600, 2 / 60, (1, 2, 5, 10, 20)),
    _TimeUnit("minutes", 1 / 60, 2, (1, 2, 5, 10, 20)),
    _TimeUnit("hours", 1, 72, (1, 2, 3, 6, 12)),
    _TimeUnit("days", 24, math.inf, (1, 2, 5, 10, 20, 50, 100)),
)
_COLORS = 6
"""Number of line styles in the style sheet; further lines start over."""
_WIDTH = 900


def outcome_class(run: RunRow) -> str:
    """The series that a run counts in."""
    if run.outcome != "valid":
        return "no valid submission"
    if run.medal:
        return run.medal
    return "above median without medal" if run.above_median else "not above median"


def medals_by_competition(rows: Sequence[CompetitionRow]) -> str:
    """A bar per competition: how many of its runs earned what."""
    labels = [row.info.competition_id for row in rows]
    counts = [[outcome_class(run) for run in row.runs] for row in rows]
    series = {name: [classes.count(name) or None for classes in counts] for name in OUTCOMES}
    return _bars("Medals by competition", labels, series, "runs", whole=True)


def medals_by_split(entry: ResultsDocument) -> str:
    """A bar per split: the shares of runs that earned what, in percent."""
    by_id = {row.info.competition_id: row for row in entry.competitions}
    series: dict[str, list[float | None]] = {name: [] for name in OUTCOMES}
    for figures in entry.figures:
        runs = [outcome_class(run) for name in figures.selection.competition_ids for run in by_id[name].runs]
        for name in OUTCOMES:
            series[name].append(round(100 * runs.count(name) / len(runs), 2) or None)
    labels = [figures.selection.name for figures in entry.figures]
    return _bars("Medals by split", labels, series, "% of runs", whole=False)


def shares(points: Sequence[TimePoint] | Sequence[SpendingPoint], axis: Axis) -> str:
    """Medal share over time, money or tokens."""
    values = [
        [(_place(point, axis), point.any_medal_percentage) for point in points],
        [(_place(point, axis), point.best_any_medal_percentage) for point in points],
        [(_place(point, axis), point.above_median_percentage) for point in points],
    ]
    return _lines(dict(zip(TIME_SERIES, map(_steps, values), strict=True)), axis, "% of runs", (0, 100))


def relative_score(points: Sequence[TimePoint] | Sequence[SpendingPoint], axis: Axis) -> str:
    """Normalised score over time, money or tokens."""
    values = _steps([(_place(point, axis), point.normalized_score) for point in points])
    return _lines({"score: 0 at the median, 1 at gold": values}, axis, "relative score", (0, 1))


def medals_per_unit(points: Sequence[SpendingPoint], axis: SpendingAxis) -> str:
    """Medals for each dollar, or each million tokens, that all runs together had spent."""
    title = {"usd": "medals per US dollar", "tokens": "medals per million tokens"}[axis]
    values = _steps([(_place(point, axis), point.medals_per_unit) for point in points])
    return _lines({title: values}, axis, title, None)


def scores_of_competition(curves: Sequence[RunCurve], axis: Axis = "hours") -> str:
    """The scores of one competition's runs over time, money or tokens; of runs whose spending is unknown, over time alone."""
    series = {f"seed {curve.seed}": _steps(_run_points(curve, axis)) for curve in curves}
    scores = [score for points in series.values() for _, score in points if score is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    height = (high - low or abs(high) or 1.0) / 20
    rows = _rows_of_ticks(curves, low, height) if axis == "hours" else {}
    chart = _chart(series | rows, axis, "score", height=220 + _ROW_HEIGHT * len(rows))
    if rows:
        # the axis of scores ends where the rows begin
        scale = compute_scale(low, high, False, None, 4, _MOST_LABELS)
        shown = [value for value in scale if low <= value <= high] or [low]
        chart.y_labels = [*shown, *_labels_of_rows(rows, low, height)]
    return _svg(chart, f"score over {_AXES[axis]}", "", len(series))


def calls_of_competition(curves: Sequence[RunCurve]) -> str:
    """The calls of one competition's runs over time, where no score was graded on the way."""
    rows = _rows_of_ticks(curves, 0.0, 1.0)
    chart = _chart(rows, "hours", None, height=60 + _ROW_HEIGHT * len(rows))
    chart.y_labels = _labels_of_rows(rows, 0.0, 1.0)
    ends = [curve.points[-1][0] for curve in curves if curve.points]
    known = [0.0, *ends, *(hour for curve in curves for times in ticks_of(curve) for hour in times.hours)]
    chart.xrange = (min(known), max(known) or 1.0)
    if rows:
        chart.x_title, chart.x_labels = time_axis(chart.xrange[1])
    return _svg(chart, f"calls over {_AXES['hours']}", "", len(curves), ticks_from=0)


def ticks_of(curve: RunCurve) -> tuple[CallTimes, CallTimes]:
    """Calls of the checker and to models."""
    return curve.checks, curve.model_calls


def _rows_of_ticks(curves: Sequence[RunCurve], top: float, height: float) -> dict[str, Points]:
    """A row of ticks below `top` for each run and kind of call, each drawn as one line; rows keep their run's colour."""
    kinds = zip(("checks", "model calls"), zip(*map(ticks_of, curves), strict=True), strict=True)
    told = [(name, times) for name, times in kinds if any(entry.hours for entry in times)]
    rows: dict[str, Points] = {}
    for row, ((name, times), seed) in enumerate(itertools.product(told, range(len(curves))), start=1):
        rows[f"seed {curves[seed].seed}: {name}"] = list(_ticks(times[seed].hours, top - height * _ROW_STEP * row, height))
    return rows


def _labels_of_rows(rows: Iterable[str], top: float, height: float) -> list[dict[str, Any]]:
    """Each at its row's foot."""
    return [{"label": name, "value": top - height * _ROW_STEP * row} for row, name in enumerate(rows, start=1)]


def _ticks(hours: Iterable[float], foot: float, height: float) -> Iterator[tuple[float, float]]:
    for hour in hours:
        yield from ((hour, foot), (hour, foot + height), (hour, foot))


def pass_at_k(series: Mapping[str, Points]) -> str:
    """pass@k by split."""
    return _lines(series, "attempts (k)", "% with a medal", (0, 100), dots=True)


def budgets(points: Sequence[BudgetPoint], axis: Literal["hours", "gpus"]) -> str:
    """Medal share of several results over their time limit (`hours`) or GPUs (`gpus`)."""
    known = [(getattr(point, axis), point) for point in points if getattr(point, axis) is not None]
    # an agent run under several budgets is one series
    series: dict[str, list[tuple[float, float | None]]] = {}
    for value, point in known:
        series.setdefault(point.agent, []).append((float(value), point.any_medal_percentage))
    return _lines(
        series, {"hours": "time limit", "gpus": "GPUs"}[axis], "% with a medal", (0, 100), dots=True, times=axis == "hours"
    )


def familiarity(points: Mapping[str, tuple[float, float]]) -> str:
    """Scores of competitions over how probable a model finds what was said about them in public.

    Args:
        points: by competition; the mean probability of a token, and the score, 0 at the median or worse and 1 at gold or better.
    """
    title = "mean probability of a token of public texts"
    chart = pygal.XY(
        height=300, x_title=title, y_title="relative score", range=(0, 1), stroke=False, show_dots=True, dots_size=4, **_common()
    )
    for name, (measure, score) in points.items():
        chart.add(name, [{"value": (measure, score), "label": name}])
    return _svg(chart, f"relative score over {title}", "", 1)


def so_far(series: Mapping[str, Points], time: str, unit: str, *, whole: bool = False) -> str:
    """What has come together over the time since a group began; nothing falls.

    Args:
        time: unit of the time, such as `hours`.
        unit: of what has come together.
        whole: it comes one by one.
    """
    steps = {name: _steps(points) for name, points in series.items()}
    return _lines(steps, f"{time} since the group began", unit, None, whole=whole)


def _place(point: TimePoint | SpendingPoint, axis: Axis) -> float:
    if isinstance(point, TimePoint):
        return point.hours
    return point.spent / TOKEN_UNIT if axis == "tokens" else point.spent


def _run_points(curve: RunCurve, axis: Axis) -> Points:
    if axis == "hours":
        return curve.points
    spent = (curve.usd if axis == "usd" else curve.tokens) or ()
    unit = TOKEN_UNIT if axis == "tokens" else 1
    return [(amount / unit, score) for amount, (_, score) in zip(spent, curve.points, strict=False)]


def _steps(points: Points) -> list[tuple[float, float | None]]:
    """A submission stands until the next one: corners instead of slopes."""
    steps: list[tuple[float, float | None]] = []
    for x, y in points:
        if steps and steps[-1][1] != y:
            steps.append((x, steps[-1][1]))
        steps.append((x, y))
    return [step for step in steps if step[1] is not None]


def _bars(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]], unit: str, *, whole: bool) -> str:
    chart = pygal.HorizontalStackedBar(
        height=_BAR_HEIGHT * len(labels) + 60, x_title=unit, **_common(14 if max(map(len, labels)) < 12 else 11)
    )
    # drawn from the bottom up
    chart.x_labels = list(reversed(labels))
    for name, values in series.items():
        chart.add(name, [{"value": value, "label": name} if value else None for value in reversed(values)])
    if whole:
        chart.y_labels = _whole_labels(max(_totals(series), default=0))
    return _svg(chart, title, "" if whole else "%")


def _whole_labels(most: float) -> list[int]:
    """From 0 to a number, no more of them than an axis has room for."""
    return list(range(0, int(most) + 1, max(1, math.ceil(most / _MOST_LABELS))))


def _totals(series: Mapping[str, Sequence[float | None]]) -> list[float]:
    return [sum(value or 0 for value in values) for values in zip(*series.values(), strict=True)]


def _lines(
    series: Mapping[str, Points],
    axis: Axis | str,
    y_title: str,
    bounds: tuple[float, float] | None,
    *,
    dots: bool = False,
    times: bool = False,
    whole: bool = False,
) -> str:
    """Lines over an axis.

    Args:
        axis: one of `_AXES`, or its title.
        dots: mark and label each place.
        times: the places are hours.
        whole: the values are whole numbers.
    """
    chart = _chart(series, axis, y_title, range=bounds, show_dots=dots, dots_size=4)
    if dots:
        places = sorted({x for points in series.values() for x, _ in points})
        chart.x_labels = [{"value": place, "label": duration(place) if times else _plain(place)} for place in places]
    if whole:
        chart.y_labels = _whole_labels(max((y or 0 for points in series.values() for _, y in points), default=0))
    return _svg(chart, f"{y_title} over {_AXES.get(axis, axis)}", "", len(series))


def _chart(series: Mapping[str, Points], axis: Axis | str, y_title: str | None, *, height: int = 300, **settings: Any) -> Any:
    """A chart of lines; `axis` is one of `_AXES`, or its title."""
    title: str = _AXES.get(axis, axis)
    chart = pygal.XY(height=height, x_title=title, y_title=y_title, **{"show_dots": False, **settings}, **_common())
    for name, points in series.items():
        # one place alone makes no line
        alone = {"show_dots": True, "stroke": False, "dots_size": 4} if len(points) == 1 else {}
        chart.add(name, list(points), **alone)
    places = [x for points in series.values() for x, _ in points]
    # pygal cannot label an axis on which nothing lies
    if axis == "hours" and places:
        chart.x_title, chart.x_labels = time_axis(max(places))
    return chart


def time_axis(hours: float, width: int = _WIDTH) -> tuple[str, list[Mapping[str, Any]]]:
    """The title and the labels of an axis of hours that reaches so far: whole numbers of the unit that fits.

    Args:
        width: of the chart; a narrow one has fewer labels.
    """
    most = max(2, _MOST_LABELS * width // _WIDTH)
    unit = next(unit for unit in _TIME_UNITS if hours <= unit.up_to)
    span = hours / unit.hours
    step = next((step for step in unit.steps if span / step <= most), math.ceil(span / most))
    # a run of 59.99 minutes still reaches the label 60
    count = int(span / step + 0.005)
    return unit.name, [{"value": step * place * unit.hours, "label": f"{step * place:,}"} for place in range(count + 1)]


def _plain(value: float) -> str:
    """A label of an axis, without what floating point adds to it."""
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _common(label_size: int = 11) -> dict[str, Any]:
    """Settings of every chart; `label_size` only reserves room, as pygal takes short labels for narrower than they are."""
    return {
        "width": _WIDTH,
        "css": [],
        "js": [],
        "no_prefix": True,
        "show_legend": False,
        "print_values": False,
        "pretty_print": False,
        "value_formatter": _plain,
        "x_value_formatter": _plain,
        "margin": 4,
        "max_scale": _MOST_LABELS,
        "style": pygal.style.Style(label_font_size=label_size, major_label_font_size=label_size, title_font_size=12),
    }


def _svg(chart: Any, title: str, unit: str, colors: int = _COLORS, ticks_from: int | None = None) -> str:
    """The drawing alone: without pygal's own style, script, ids and hidden tooltips.

    Args:
        colors: after so many series the colours begin again, for rows of ticks.
        ticks_from: the first series that is a row of ticks; None for that after `colors`.
    """
    first = colors if ticks_from is None else ticks_from
    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_surplus(child):
                parent.remove(child)
    for group in root.iter():
        group.attrib.pop("id", None)
        _recolor(group, colors, first)
        if path := group.get("d"):
            # pygal's six decimals would be half of a page's weight
            group.set("d", re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), path))
        _explain(group, unit)
    root.set("role", "img")
    root.set("aria-label", title)
    return ElementTree.tostring(root, encoding="unicode")


def _recolor(group: Any, colors: int, first: int) -> None:
    if not (found := re.search(r"\bcolor-(\d+)\b", group.get("class") or "")):
        return
    place = int(found[1])
    color = group.get("class").replace(found[0], f"color-{place % max(colors, 1) % _COLORS}")
    group.set("class", f"{color} ticks" if place >= first else color)


def _is_surplus(element: Any) -> bool:
    if element.tag is ElementTree.Comment or _name(element) in {"defs", "title"}:
        return True
    classes = (element.get("class") or "").split()
    # an empty bar is a group with a rectangle of no width
    empty_bar = "bar" in classes and not any(child.get("width") for child in element if _name(child) == "rect")
    return "tooltip-overlay" in classes or "text-overlay" in classes or empty_bar


def _explain(group: Any, unit: str) -> None:
    """Turn pygal's data for its script into a plain tooltip."""
    notes = {child.get("class", "").split(" ")[0]: child for child in group if _name(child) == "desc"}
    if "value" not in notes:
        return
    about = [notes[key].text for key in ("x_label", "label") if key in notes and notes[key].text]
    title = ElementTree.SubElement(group, "title")
    title.text = ": ".join([*about, f"{notes['value'].text} {unit}".strip()])
    for note in notes.values():
        group.remove(note)


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def timeline(
    series: Mapping[str, Points],
    y_title: str | None,
    *,
    end: float,
    x_title: str,
    x_labels: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[float]],
    height: int,
    width: int = _WIDTH,
    is_amount: bool = False,
    levels: Mapping[str, float] | None = None,
) -> str:
    """Lines over the hours of one run, with a row of ticks for each kind of event below them.

    Args:
        series: points at hours since the start, by name.
        y_title: what the lines show; None if there are none.
        end: hours, where the axis ends.
        x_title: of the axis of time.
        x_labels: each with its `label` and, as `value`, its place in hours.
        rows: hours of events, by name.
        height: pixels of the drawing, without the rows.
        width: pixels of the drawing.
        is_amount: whether the axis begins at 0 and the lines slope; else each value stands until the next.
        levels: values to hold the lines against, by name; drawn where they are near the lines.
    """
    known = [y for points in series.values() for _, y in points if y is not None]
    levels = _near_levels(levels or {}, known)
    known += levels.values()
    low, high = (0.0 if is_amount else min(known, default=0.0)), max(known, default=1.0)
    foot = (high - low or abs(high) or 1.0) / 20
    ticks = {
        name: list(_ticks(hours, low - foot * _ROW_STEP * row, foot)) for row, (name, hours) in enumerate(rows.items(), start=1)
    }
    # rows keep their colours where there is no line
    lines = {name: points if is_amount else _steps(points) for name, points in series.items()} or {"": ()}
    held_against = {name: [(0.0, value), (end, value)] for name, value in levels.items()}
    chart = _chart(lines | ticks | held_against, x_title, y_title, height=height + _ROW_HEIGHT * len(ticks))
    chart.width = width
    chart.xrange = (0, end)
    chart.x_labels = list(x_labels)
    scale = [value for value in compute_scale(low, high, False, None, 3, _MOST_LABELS // 2) if low <= value <= high] or [low]
    # a level has its own label, so that none of the scale stands where its is
    scale = [value for value in scale if all(abs(value - level) > foot for level in levels.values())]
    named = [{"label": f"{name} {value:.5g}", "value": value} for name, value in levels.items()]
    chart.y_labels = [*(scale if series else []), *named, *_labels_of_rows(ticks, low, foot)]
    if is_amount and not ticks:
        chart.range = (0, high or 1.0)
    svg = _svg(chart, f"{y_title or 'events'} over time", "", ticks_from=len(lines))
    first = len(lines) + len(ticks)
    for place in range(first, first + len(levels)):
        svg = svg.replace(f"serie-{place} color-{place % _COLORS} ticks", f"serie-{place} level")
    return svg


def _near_levels(levels: Mapping[str, float], known: Sequence[float]) -> dict[str, float]:
    """Those that leave the lines most of the height, none so close to another that their labels overlap."""
    if not known:
        return {}
    low, high = min(known), max(known)
    span = high - low or abs(high) or 1.0
    near: dict[str, float] = {}
    for name, value in levels.items():
        is_apart = all(abs(value - other) > span / 12 for other in near.values())
        if low - span / 2 <= value <= high + span / 2 and is_apart:
            near[name] = value
    return near
