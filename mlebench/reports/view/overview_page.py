"""All groups of a folder: progress, medals so far, cost, GPU hours and expected end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import command
from mlebench.reports.components import Card, ChoiceField, TextField, cards, moment, state_mark
from mlebench.reports.markup import Section, with_code
from mlebench.reports.notation import NOTHING
from mlebench.reports.view.group_figures import (
    GROUP_STATES,
    GroupFigures,
    expected_end,
    figures_of,
    problem_of,
    state_of,
    total,
)
from mlebench.reports.view.listing import (
    Asked,
    Column,
    Field,
    choice_field,
    list_form,
    list_table,
    page_of,
    pages_nav,
    sort_rows,
    text_field,
)
from mlebench.reports.view.looks import (
    cost_html,
    hours_text,
    medals_html,
    progress_bar,
    share_text,
    tokens_html,
)
from mlebench.reports.view.run_filter import RESULTS, RUN_STATES, RunFilter
from mlebench.reports.view.view import Page, Query, View, seconds_between_looks
from mlebench.reports.view.watched_runs import WatchedGroup

_PAGE_SIZE = 50
_WORDS = ("agent", "competition", "state", "runs", "medal")
_LONGEST_PROBLEM = 400


class _Row(NamedTuple):
    group: WatchedGroup
    figures: GroupFigures
    matching: int
    """Its runs that the filter asks for."""

    @property
    def agent(self) -> str:
        return "" if self.group.group is None else self.group.group.plan.agent.id


def make_overview(view: View, query: Query) -> Page:
    """The page of all groups, filtered and sorted as the query says."""
    asked = Asked.of(query, _WORDS, view.address)
    groups = view.runs.groups()
    if not groups:
        return Page("Runs", str(view.runs.folder), [Section("groups", "Groups", _nothing(view))])
    runs = RunFilter.of(asked, state="runs")
    columns = _columns(view, asked, runs)
    rows = sort_rows(_rows(groups, asked, runs), columns, asked["sort"])
    sections = [
        Section("totals", "In all", _totals(rows)),
        Section("filter", "Filter", _form(groups, asked)),
        Section("groups", "Groups", _list(columns, rows, asked)),
    ]
    every = seconds_between_looks(sum(len(group.records) for group in groups))
    return Page("Runs", str(view.runs.folder), sections, every=every)


def _nothing(view: View) -> str:
    making = command("run", "--agent", "dummy", "-c", "ID", runs_dir=view.runs.folder.absolute())
    return f"<p>There are no run groups yet; <code>{escape(making.strip('`'))}</code> creates one.</p>"


def _rows(groups: Iterable[WatchedGroup], asked: Asked, runs: RunFilter) -> Iterable[_Row]:
    agent, state = asked["agent"].casefold(), asked["state"]
    for group in groups:
        matching = sum(map(runs.takes, group.records)) if runs.asks else len(group.records)
        row = _Row(group, figures_of(group), matching)
        is_in_state = state not in GROUP_STATES or state_of(group) == state
        if is_in_state and agent in row.agent.casefold() and (matching or not runs.asks):
            yield row


def _form(groups: Sequence[WatchedGroup], asked: Asked) -> str:
    plans = [entry.group.plan for entry in groups if entry.group is not None]
    agents = sorted({plan.agent.id for plan in plans}, key=str.casefold)
    competitions = sorted({name for plan in plans for name in plan.competitions}, key=str.casefold)
    fields: list[TextField | ChoiceField] = [
        text_field(asked, "agent", "Agent", agents),
        text_field(asked, "competition", "Competition", competitions),
        choice_field(asked, "state", "Group", {"": {name: name for name in GROUP_STATES}}),
        choice_field(asked, "runs", "With runs", RUN_STATES),
        choice_field(asked, "medal", "Medal", RESULTS),
    ]
    return list_form(fields, asked, "Filter groups")


def _totals(rows: Sequence[_Row]) -> str:
    figures = total(row.figures for row in rows)
    says = "reported by agents" if figures.spent.is_claim else "measured"
    shown = [
        Card("Groups", f"{len(rows):,}", [f"{sum(state_of(row.group) == 'running' for row in rows):,} running"]),
        Card("Runs ended", f"{figures.ended:,}", [f"of {figures.planned:,} planned"]),
        Card("Any medal", share_text(figures.medal_share), [f"{figures.medals:,} of {counted(figures.graded, 'graded run')}"]),
        Card("US dollars", cost_html(figures.spent), [f"{says}, of ended attempts"]),
        Card("Tokens", tokens_html(figures.spent), [f"{says}, of ended attempts"]),
        Card("GPU hours", hours_text(figures.gpu_hours), ["of ended attempts"]),
        Card("Now", f"{figures.running:,}", [f"running, {figures.queued:,} queued, {figures.lost:,} lost"]),
    ]
    return cards(shown, small=True)


def _list(columns: Sequence[Column[_Row]], rows: Sequence[_Row], asked: Asked) -> str:
    if not rows:
        return f'<p>No group matches; <a href="{escape(asked.address())}">show all</a>.</p>'
    table = list_table("Run groups", columns, page_of(rows, asked, _PAGE_SIZE), asked, css="groups", below=_problem)
    return table + pages_nav(len(rows), asked, _PAGE_SIZE, "group")


def _columns(view: View, asked: Asked, runs: RunFilter) -> list[Column[_Row]]:
    columns: list[Column[_Row]] = [
        Column("Group", lambda row: _name(view, row), "name", lambda row: row.group.name, down=False, text=True),
        Column(
            "State",
            lambda row: Field(state_mark(state_of(row.group))),
            "state",
            lambda row: _state_key(row),
            down=False,
            text=True,
        ),
        Column("Ended", _progress, "ended", lambda row: row.figures.ended, text=True),
        Column("Medals", lambda row: Field(medals_html(row.figures.counts)), "medals", lambda row: row.figures.medals, text=True),
        Column("Any medal", _share, "share", lambda row: row.figures.medal_share),
        Column("USD", lambda row: Field(cost_html(row.figures.spent)), "usd", lambda row: row.figures.spent.usd),
        Column("Tokens", lambda row: Field(tokens_html(row.figures.spent)), "tokens", lambda row: row.figures.spent.tokens),
        Column("GPU hours", lambda row: Field(hours_text(row.figures.gpu_hours)), "gpu", lambda row: row.figures.gpu_hours),
        Column("Running", lambda row: _count(row.figures.running), "running", lambda row: row.figures.running),
        Column("Queued", lambda row: _count(row.figures.queued), "queued", lambda row: row.figures.queued),
        Column("Lost", lambda row: _count(row.figures.lost), "lost", lambda row: row.figures.lost),
        Column("Started", lambda row: Field(moment(_started(row))), "started", lambda row: _started(row)),
        Column("Expected end", lambda row: Field(moment(expected_end(row.group))), "end", lambda row: _end_key(row), down=False),
    ]
    if runs.asks:
        matching = Column[_Row]("Matching runs", lambda row: _matching(view, asked, row), "matching", lambda row: row.matching)
        columns.insert(1, matching)
    return columns


def _name(view: View, row: _Row) -> Field:
    name = escape(row.group.name)
    link = f'<a href="{escape(view.address("g", row.group.name))}">{name}</a>'
    agent = f'<span class="faint">{escape(printable(row.agent))}</span>' if row.agent else ""
    return Field(f"{link}{agent}")


def _problem(row: _Row) -> str:
    return with_code(printable(problem_of(row.group), _LONGEST_PROBLEM))


def _matching(view: View, asked: Asked, row: _Row) -> Field:
    words = {"competition": asked["competition"], "state": asked["runs"], "medal": asked["medal"]}
    link = view.address("g", row.group.name, **{name: word or None for name, word in words.items()})
    return Field(f'<a href="{escape(link)}">{row.matching:,}</a>')


def _state_key(row: _Row) -> float:
    return GROUP_STATES.index(state_of(row.group))


def _progress(row: _Row) -> Field:
    if row.group.group is None:
        return Field(NOTHING)
    figures = row.figures
    return Field(
        f'{progress_bar(figures.counts, figures.planned)}<span class="of">{figures.ended:,} of {figures.planned:,}</span>'
    )


def _share(row: _Row) -> Field:
    share = row.figures.medal_share
    if share is None:
        return Field(NOTHING)
    of = f"{row.figures.medals:,} of {counted(row.figures.graded, 'graded run')}"
    return Field(f'<span title="{of}">{share_text(share)}</span>')


def _count(count: int) -> Field:
    return Field(f"{count:,}", "" if count else "faint")


def _started(row: _Row) -> str | None:
    return None if row.group.group is None else row.group.group.created_at


def _end_key(row: _Row) -> float | None:
    end = expected_end(row.group)
    return None if end is None else end.timestamp()
