"""One group: its figures, the grid of competitions and seeds, what failed, and its runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

from grading.printable import printable
from grading.wording import counted
from mlebench.evidence.review.review_file import REVIEW_FILE
from mlebench.reports.components import Card, ChoiceField, TextField, cards, moment, state_mark, warning
from mlebench.reports.markup import Html, Section, link, with_code
from mlebench.reports.view.act_page import act_links
from mlebench.reports.view.failures import failure_table, reasons_of
from mlebench.reports.view.group_figures import GroupFigures, expected_end, figures_of, problem_of, state_of
from mlebench.reports.view.listing import Asked, choice_field, list_form, text_field
from mlebench.reports.view.looks import (
    cost_html,
    hours_text,
    medals_html,
    progress_bar,
    share_text,
    tokens_html,
)
from mlebench.reports.view.run_filter import RESULTS, RUN_STATES, RunFilter
from mlebench.reports.view.run_list import run_list
from mlebench.reports.view.seed_grid import make_grid, standing_legend
from mlebench.reports.view.so_far import over_time
from mlebench.reports.view.view import Page, Query, View, seconds_between_looks
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord, known_time
from mlebench.runs.wording import limits_text

_WORDS = ("competition", "state", "medal", "reason")
_LONGEST = 200


def make_group(view: View, query: Query, group: str) -> Page | None:
    """The page of a group; None if there is none of that name."""
    found = view.runs.group(group)
    if found is None:
        return None
    crumbs = view.crumbs()
    if found.group is None:
        problem = warning(with_code(printable(problem_of(found), 2000)))
        return Page(found.name, "", [Section("progress", "Progress", problem)], crumbs)
    lead = headline(found.group)
    return Page(found.name, lead, _sections(view, query, found), crumbs, seconds_between_looks(len(found.records)))


def headline(group: Group) -> str:
    """Under which conditions the group runs, in one line."""
    plan, models = group.plan, group.conditions.models
    agent = f"agent {plan.agent.id}"
    if group.imported is not None:
        where = f"imported from {group.imported.words}"
        return " · ".join(filter(None, (agent, _models(models), where, f"edition {plan.edition}")))
    profile = f"profile {plan.profile.name}: {limits_text(plan.profile)}" if plan.has_known_limits else ""
    parts = (
        agent,
        _models(models),
        profile,
        f"edition {plan.edition}",
        f"split key {plan.split_key_hash}" if plan.split_key_hash else "",
        f"sandbox {plan.sandbox_name}",
        f"executor {group.settings.executor}",
    )
    return " · ".join(filter(None, parts))


def _models(models: Sequence[str] | None) -> str:
    return f"model{'' if len(models) == 1 else 's'} {', '.join(models)}" if models else ""


def _sections(view: View, query: Query, found: WatchedGroup) -> list[Section]:
    address = partial(view.address, "g", found.name)
    asked = Asked.of(query, _WORDS, address)
    records = found.records if not asked.is_filtered else tuple(filter(RunFilter.of(asked).takes, found.records))
    of_grid = Asked.of(query, _WORDS, address, "seeds", "grid")
    of_runs = Asked.of(query, _WORDS, address, "page", "runs")
    sections = [Section("progress", "Progress", _progress(view, found, asked))]
    if len(found.records) > 1:
        sections.append(Section("filter", "Filter", _form(found, asked)))
    if not records:
        nothing = f'<p>No run matches; <a href="{escape(asked.address())}">show all</a>.</p>'
        return [*sections, Section("runs", "Runs", nothing)]
    sections.append(Section("grid", "Competitions and seeds", make_grid(view, found, records, of_grid)))
    if failures := failure_table(view, found, records, of_runs):
        sections.append(Section("failures", "What failed", failures))
    sections.append(Section("runs", "Runs", run_list(view, found, records, of_runs)))
    if charts := over_time(found):
        sections.append(Section("time", "So far", charts))
    return sections


def _progress(view: View, found: WatchedGroup, asked: Asked) -> str:
    figures = figures_of(found)
    problem = problem_of(found)
    heard = known_time(found.harness.at) if found.harness is not None else None
    alive = f" The harness last reported at {moment(heard)}." if heard is not None else ""
    said = warning(with_code(f"{problem[:1].upper()}{problem[1:]}.")) if problem else ""
    ended = f"{figures.ended:,} of {counted(figures.planned, 'run')}"
    bar = progress_bar(figures.counts, figures.planned) if figures.planned else ""
    return (
        f'<p class="standing">{state_mark(state_of(found))}, {ended} ended.{alive}</p>'
        f"{said}{bar}{standing_legend(figures.counts, asked)}{cards(_cards(found, figures), small=True)}"
        f"{_links(view, found)}{act_links(view, found)}"
    )


def _cards(found: WatchedGroup, figures: GroupFigures) -> list[Card]:
    says = "reported by the agent" if figures.spent.is_claim else "measured, of ended attempts"
    harness = found.harness
    most = "" if harness is None else f"; at most {harness.parallel or harness.slots:,} at once"
    above = figures.counts.get("above-median", 0)
    shown = [
        Card("Any medal", share_text(figures.medal_share), [_of_what(figures)]),
        Card("Medals", medals_html(figures.counts), [f"{counted(above, 'other run')} above median"]),
        Card("Ended", f"{figures.ended:,}", [f"of {figures.planned:,} planned; {figures.lost:,} lost to the infrastructure"]),
        Card("Running", f"{figures.running:,}", [f"{figures.queued:,} queued{most}"]),
        Card("US dollars", cost_html(figures.spent), [says]),
        Card("Tokens", tokens_html(figures.spent), [says]),
        Card("GPU hours", hours_text(figures.gpu_hours), ["of ended attempts"]),
    ]
    if (end := expected_end(found)) is not None:
        shown.append(Card("Expected end", moment(end, css="until"), [Html(f"{moment(end)}, as the harness estimates")]))
    return shown


def _of_what(figures: GroupFigures) -> str:
    mock = figures.counts.get("mock", 0)
    of = f"{figures.medals:,} of {counted(figures.graded, 'graded run')} so far"
    return f"{of}; {mock:,} on mock data earn none" if mock else of


def _links(view: View, found: WatchedGroup) -> str:
    assert found.group is not None
    report = view.address("g", found.name, "report")
    links = [(view.address("compare", first=found.name), "Compare with another group")]
    if any(record.has_ended for record in found.records):
        links.insert(0, (report, "Report"))
    if (found.group.folder / REVIEW_FILE).is_file():
        links.insert(1, (f"{report}#review", "Review"))
    return f'<p class="links">{" ".join(link(*entry) for entry in links)}</p>'


def _form(found: WatchedGroup, asked: Asked) -> str:
    records: Sequence[RunRecord] = found.records
    fields: list[TextField | ChoiceField] = [
        text_field(asked, "competition", "Competition", sorted({record.competition_id for record in records}, key=str.casefold)),
        choice_field(asked, "state", "State", RUN_STATES),
        choice_field(asked, "medal", "Medal", RESULTS),
        choice_field(asked, "reason", "Reason", {"": {name: printable(name) for name in reasons_of(records)}}),
    ]
    return list_form(fields, asked, "Filter runs")
