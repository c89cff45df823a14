"""Two groups side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape

from mlebench._support.quantities import show_duration
from mlebench.errors import UsageError
from mlebench.reports.comparison import Comparison
from mlebench.reports.components import Card, ChoiceField, cards, filter_form, note, warning
from mlebench.reports.figures import mean_or_none, normalized_score, outcome_of
from mlebench.reports.markup import Cell, Section, bullets, sortable_table
from mlebench.reports.notation import NOTHING, OUTCOME_TITLES, interval, number, p_value, score, usd
from mlebench.reports.results import GradedRun
from mlebench.reports.spending import measured_usage, reported_usage
from mlebench.reports.statistics import SignTest
from mlebench.reports.view.paired_groups import PairedGroups, pair
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_runs import WatchedGroup

_EVERY = 10.0
_MOST_IN_FORM = 500


def make_comparison(view: View, query: Query) -> Page | None:
    """The page of two groups, `first` and `second` in the query; a form where they are not given."""
    groups = view.runs.groups()
    names = query.get("first", ""), query.get("second", "")
    found = [next((group for group in groups if group.name == name), None) for name in names]
    choosing = Section("choice", "Groups", _form(view, groups, *names))
    crumbs = view.crumbs()
    first, second = found
    if not all(names):
        return Page("Compare two groups", "", [choosing], crumbs, None)
    if first is None or second is None:
        missing = " and ".join(f"“{name}”" for name, group in zip(names, found, strict=True) if group is None)
        return Page("Compare two groups", f"Unknown group: {missing}.", [choosing], crumbs, None, status=404)
    lead = f"A is {first.name} ({_agent(first)}), B is {second.name} ({_agent(second)})."
    every = None if first.state == second.state == "done" else _EVERY
    sections = [*_compared(view, first, second), choosing]
    return Page(f"{first.name} against {second.name}", lead, sections, crumbs, every)


def _form(view: View, groups: list[WatchedGroup], first: str, second: str) -> str:
    options = {"": "choose a group", **{group.name: f"{group.name} ({_agent(group)})" for group in groups[:_MOST_IN_FORM]}}
    more = note(f"The newest {_MOST_IN_FORM:,} of {len(groups):,} groups.") if len(groups) > _MOST_IN_FORM else ""
    fields = [ChoiceField("first", "A", {"": options}, first), ChoiceField("second", "B", {"": options}, second)]
    return filter_form(fields, action=view.address("compare"), label="Groups to compare", button="Compare") + more


def _agent(group: WatchedGroup) -> str:
    return "unreadable" if group.group is None else group.group.plan.agent.id


def _compared(view: View, first: WatchedGroup, second: WatchedGroup) -> Iterator[Section]:
    if first.group is None or second.group is None:
        problems = [f"{group.name} cannot be read: {group.problem}" for group in (first, second) if group.group is None]
        yield Section("verdict", "Who is ahead", "".join(map(warning, problems)))
        return
    try:
        paired = pair(first.group, second.group)
    except UsageError as error:
        yield Section("verdict", "Who is ahead", warning(str(error)))
        return
    under_way = [group.name for group in (first, second) if group.state != "done"]
    notes = [*(f"{name} has not ended; this is its current state." for name in under_way), *paired.notes]
    if paired.comparison is None:
        notes.append("No competition has ended in both groups yet, so there is nothing to compare.")
        yield Section("verdict", "Who is ahead", "".join(map(note, notes)))
        return
    yield Section("verdict", "Who is ahead", _verdict(paired.comparison, first.name, second.name) + "".join(map(note, notes)))
    yield Section("conditions", "Conditions", _conditions(paired.comparison))
    yield Section("competitions", "Competitions", _table(view, paired, first.name, second.name))


def _verdict(comparison: Comparison, first: str, second: str) -> str:
    difference, spread = comparison.any_medal_difference, comparison.interval
    sure = spread is not None and (spread.lower > 0 or spread.upper < 0)
    over = f", 95 % interval over competitions {interval(spread)}" if spread is not None else ""
    if difference == 0:
        words = f"Neither: {first} and {second} have equally many medals{over}."
    else:
        ahead, behind = (first, second) if difference > 0 else (second, first)
        words = f"{ahead} is ahead of {behind} by {abs(difference):.1f} percentage points in medal rate{over}"
        words += "." if sure else ", which includes 0: this may be chance." if spread is not None else "."
    count = len(comparison.competitions)
    spent = [figures.total.cost_usd if figures else None for figures in (comparison.first_usage, comparison.second_usage)]
    around = interval(spread) if spread else "one competition: no interval"
    compared = cards(
        [
            Card("Medal rate, A − B", f"{difference:+.1f} points", [around]),
            _test_card("By medals", comparison.medal_sign_test),
            _test_card("By score", comparison.score_sign_test),
            Card("Measured cost, USD", " : ".join(map(usd, spent)), ["A : B, all compared runs"]),
            Card("Compared", f"{count:,}", ["competition" if count == 1 else "competitions"]),
        ]
    )
    return f'<p class="winner">{escape(words)}</p>{compared}'


def _test_card(title: str, test: SignTest) -> Card:
    about = f"A better : B better, {test.ties} equal; sign test {p_value(test.p_value)}"
    return Card(title, f"{test.wins} : {test.losses}", [about])


def _conditions(comparison: Comparison) -> str:
    told = [*comparison.differences, *comparison.notes]
    return bullets(told) if told else note("Both ran under the same conditions.")


def _table(view: View, paired: PairedGroups, first: str, second: str) -> str:
    header = ["Competition", "Scores A", "Scores B", "Better", "Medals", "Relative", "USD", "Time", "Code"]
    rows = [
        [Cell(name, text=True), *_cells(view, name, (first, second), (paired.first[name], paired.second[name]))]
        for name in paired.competition_ids
    ]
    about = (
        "Medals, relative, USD and time are A : B and sort by the difference. Better: by the mean score, in the direction of "
        "the metric. Relative: the mean score, 0 at the leaderboard's median and 1 at gold. USD: all runs, ‡ as reported. "
        "Time: mean over runs."
    )
    return sortable_table(header, rows, sticky=True) + note(about)


def _cells(view: View, name: str, groups: tuple[str, str], runs: _Pair) -> Iterator[Cell]:
    for group, seeds in zip(groups, runs, strict=True):
        links = [(view.address("g", group, _run_id(name, seed, run)), _outcome(run)) for seed, run in seeds.items()]
        yield Cell(links=links, sort=_mean_score(seeds), long=True, css="narrow")
    yield _better(runs)
    medals = [sum(run.report is not None and run.report.any_medal for run in seeds.values()) for seeds in runs]
    counts = [f"{won} of {len(seeds)}" for won, seeds in zip(medals, runs, strict=True)]
    yield Cell(" : ".join(counts), medals[0] / len(runs[0]) - medals[1] / len(runs[1]))
    yield _both(runs, _relative, number)
    costs = [_cost(seeds) for seeds in runs]
    yield Cell(" : ".join(f"{usd(cost)}{mark}" for cost, mark in costs), _less(costs[0][0], costs[1][0]))
    yield _both(runs, _seconds, show_duration)
    yield _codes(view, name, groups, runs)


_Pair = tuple[Mapping[int, GradedRun], Mapping[int, GradedRun]]
"""The runs of a competition in both groups, by seed."""


def _both(runs: _Pair, value: Callable[[Mapping[int, GradedRun]], float | None], show: Callable[[float], str]) -> Cell:
    first, second = value(runs[0]), value(runs[1])
    shown = (NOTHING if one is None else show(one).replace(" ", "\u00a0") for one in (first, second))
    return Cell(" : ".join(shown), _less(first, second), long=True, css="narrow")


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _relative(seeds: Mapping[int, GradedRun]) -> float | None:
    return mean_or_none([normalized_score(run.report) for run in seeds.values()])


def _seconds(seeds: Mapping[int, GradedRun]) -> float | None:
    hours = mean_or_none([run.details.hours if run.details else None for run in seeds.values()])
    return None if hours is None else 3600 * hours


def _codes(view: View, name: str, groups: tuple[str, str], runs: _Pair) -> Cell:
    """Links to the differences between the code of runs of one seed."""
    links = []
    for seed in [seed for seed in runs[0] if seed in runs[1]]:
        first, second = (f"{group}/{_run_id(name, seed, of[seed])}" for group, of in zip(groups, runs, strict=True))
        links.append((view.address("compare", "code", first=first, second=second), f"seed {seed}"))
    return Cell(links=links, text=True)


def _run_id(name: str, seed: int, run: GradedRun) -> str:
    return run.details.folder.name if run.details is not None else f"{name}_seed{seed}"


def _outcome(run: GradedRun) -> str:
    if run.report is None or run.report.score is None:
        return OUTCOME_TITLES[outcome_of(run)]
    medal = f" {run.report.medal}" if run.report.medal else ""
    return f"{score(run.report.score)}{medal}"


def _mean_score(seeds: Mapping[int, GradedRun]) -> float | None:
    return mean_or_none([run.report.score if run.report else None for run in seeds.values()])


def _better(runs: _Pair) -> Cell:
    """Who has the better mean score, by the direction of the metric, and by how much; a score is better than none."""
    means = _mean_score(runs[0]), _mean_score(runs[1])
    if means[0] is None or means[1] is None:
        return Cell("A" if means[0] is not None else "B" if means[1] is not None else NOTHING, None, text=True)
    lower = next((run.report.is_lower_better for seeds in runs for run in seeds.values() if run.report is not None), False)
    gain = (means[1] - means[0]) if lower else (means[0] - means[1])
    words = f"{'A' if gain > 0 else 'B'} by {score(abs(gain))}" if gain else "equal"
    return Cell(words, gain, text=True, tooltip=f"{'lower' if lower else 'higher'} scores are better")


def _cost(seeds: Mapping[int, GradedRun]) -> tuple[float | None, str]:
    """US dollars of some runs, and a mark where only agents say so."""
    measured, claimed = measured_usage(seeds.values()), reported_usage(seeds.values())
    figures, mark = (measured, "") if measured is not None or claimed is None else (claimed, " ‡")
    cost = figures.total.cost_usd if figures else None
    return cost, mark if cost is not None else ""
