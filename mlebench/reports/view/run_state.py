"""How a run is getting on: the step it is at and why, its score, its cost, and the circumstances."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from html import escape

from grading.printable import printable
from grading.wording import counted
from mlebench._support.quantities import show_count, show_duration, show_size
from mlebench.reports.components import Card, cards, fold, medal_mark, moment, warning
from mlebench.reports.markup import Html, Section, facts, html_of, link, with_code
from mlebench.reports.notation import NOTHING, score, usd
from mlebench.reports.view.act_page import act_links
from mlebench.reports.view.course import Course
from mlebench.reports.view.run_curves import graded_snapshots
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_attempt import WatchedAttempt
from mlebench.runs.ledgers_so_far import LedgersSoFar
from mlebench.runs.measures import Measure
from mlebench.runs.phase import Phase, phase_of
from mlebench.runs.record import RECORD_DAMAGED, RunRecord
from mlebench.runs.usage import Usage, read_usage

_STEPS = ("queued", "starting", "running", "grading")
_MOST_LISTED = 32
"""Cores and GPUs that are named; of more only their number is told."""


def phase_of_attempt(attempt: WatchedAttempt) -> Phase:
    """What the attempt is doing, or how it ended."""
    if attempt.is_last:
        return phase_of(attempt.group, attempt.record, attempt.watched.harness)
    return Phase(attempt.word("state") or "failed", attempt.sentence("detail"))  # type: ignore[arg-type]


def state_section(view: View, attempt: WatchedAttempt, course: Course) -> Section:
    """The first screen: how is it going?"""
    phase = phase_of_attempt(attempt)
    body = [_steps(attempt, phase), _why(attempt, phase), cards(_cards(attempt, course))]
    body.append(_elsewhere(view, attempt, course.ledgers))
    if attempt.is_last:
        body.append(act_links(view, attempt.watched, attempt.record))
    body.append(fold("Circumstances", facts(_facts(view, attempt)), name="circumstances"))
    return Section("state", "State", "".join(body))


def _elsewhere(view: View, attempt: WatchedAttempt, ledgers: LedgersSoFar) -> str:
    """Links to related pages."""
    links = []
    if ledgers.spent or attempt.group.plan.has_gateway:
        links.append(link(attempt.address(view, "conversation"), "Conversation with models"))
    if os.path.lexists(attempt.folder / "code"):
        links.append(link(attempt.address(view, "code"), "Code"))
    return f'<p class="elsewhere">{" ".join(links)}</p>' if links else ""


def _steps(attempt: WatchedAttempt, phase: Phase) -> str:
    """The line of steps; the present one is marked, with the moment since which it lasts."""
    has_ended = phase.name not in _STEPS
    last = phase.name if has_ended else "end"
    names = [*_STEPS, last]
    here = len(_STEPS) if has_ended else _STEPS.index(phase.name)
    reached = _reached(attempt) if has_ended else set(names[:here])
    items = []
    for place, name in enumerate(names):
        css = "now " + phase.name if place == here else "past" if name in reached else "ahead"
        current = ' aria-current="step"' if place == here else ""
        at = _moment_of(attempt, name, has_ended=has_ended) if css != "ahead" else None
        since = f"<small>{moment(at, css='since' if place == here and not has_ended else '')}</small>" if at else ""
        items.append(f'<li class="{css}"{current}><span>{escape(name)}</span>{since}</li>')
    return f'<ol class="steps" aria-label="Steps of the run">{"".join(items)}</ol>'


def _reached(attempt: WatchedAttempt) -> set[str]:
    """The steps that an attempt went through before it ended."""
    if attempt.number == 0:
        return {"queued"}
    reached = {"queued", "starting"} | ({"running"} if attempt.started is not None else set())
    return reached | ({"grading"} if attempt.is_last and attempt.record.report is not None else set())


def _moment_of(attempt: WatchedAttempt, step: str, *, has_ended: bool) -> datetime | None:
    if step == "queued":
        return attempt.created if attempt.number <= 1 else None
    if step == "running":
        return attempt.started
    return attempt.ended if has_ended and step not in _STEPS else None


def _why(attempt: WatchedAttempt, phase: Phase) -> str:
    words = printable(phase.words, 4000)
    if attempt.record.reason == RECORD_DAMAGED and attempt.is_last:
        return warning(with_code(f"The record of this run is damaged: {words}."))
    if attempt.is_followed:
        left = f"Attempt {attempt.number} ended ({attempt.word('reason')}: {attempt.sentence('detail')}); its files are below."
        return f'<p class="why">{with_code(" ".join(filter(None, (words and f"{words}.", left))))}</p>'
    whose = {"agent": "caused by the agent", "infrastructure": "caused by the infrastructure, not the agent"}
    told = [words, whose.get(attempt.word("failure_class"), "")]
    sentence = "; ".join(filter(None, told))
    if not sentence:
        return ""
    is_bad = phase.name in ("failed", "timed-out") or attempt.word("failure_class") != ""
    return warning(with_code(f"{sentence}.")) if is_bad else f'<p class="why">{with_code(f"{sentence}.")}</p>'


def _cards(attempt: WatchedAttempt, course: Course) -> list[Card]:
    return [_score(attempt, course.ledgers), _time(attempt), _cost(attempt, course.ledgers), _machine(attempt, course.measures)]


def _score(attempt: WatchedAttempt, ledgers: LedgersSoFar) -> Card:
    report = attempt.record.graded if attempt.is_last else None
    if report is not None and report.score is not None:
        mark = medal_mark(report.medal) if report.medal else ""
        rank = "" if report.rank is None else f"rank {report.rank:,} of {report.leaderboard_size or 0:,}"
        named = report.medal or ("above median" if report.above_median else "not above the median")
        notes = [note for note in (named, rank, "on mock data" if report.data == "mock" else "") if note]
        return Card("Score", Html(f"{mark}{escape(score(report.score))}"), notes, "#submission")
    if report is not None:
        return Card("Score", NOTHING, ["no valid submission"], "#submission")
    valid, invalid, _ = ledgers.checks
    checked = [f"{counted(valid, 'valid check')}, {invalid:,} invalid" if valid + invalid else "not checked yet"]
    known = [snapshot for snapshot in graded_snapshots(attempt) if snapshot.score is not None] if attempt.is_last else []
    if known:
        return Card("Score of the last graded snapshot", score(known[-1].score), checked, "#submission")
    when = "graded when the run has ended" if attempt.is_under_way else "not graded"
    return Card("Score", NOTHING, [*checked, when], "#submission")


def _time(attempt: WatchedAttempt) -> Card:
    limit = show_duration(attempt.group.plan.profile.time_limit) if attempt.group.plan.has_known_limits else ""
    of = [f"of at most {limit}"] if limit else []
    if attempt.started is None:
        return Card("Time", NOTHING, ["has not started", *of])
    if attempt.ended is not None:
        seconds = (attempt.ended - attempt.started).total_seconds()
        return Card("Time", show_duration(seconds), of, "#time")
    if attempt.watched.state == "interrupted":
        return Card("Started", moment(attempt.started), ["not watched by a harness", *of], "#time")
    left = [Html(f"time left: {moment(attempt.deadline, css='until')}")] if attempt.deadline else []
    return Card("Running for", moment(attempt.started, css="since"), [*left, *of], "#time")


def _cost(attempt: WatchedAttempt, ledgers: LedgersSoFar) -> Card:
    used, who = usage_of(attempt, ledgers)
    if used is None:
        return Card("Models", NOTHING, ["no calls measured"])
    calls = "" if used.calls is None else counted(used.calls, "call")
    tokens = "" if used.tokens is None else f"{show_count(used.tokens)} tokens"
    notes = [note for note in (calls, tokens, who) if note]
    figure = NOTHING if used.cost_usd is None else f"{usd(used.cost_usd)} USD"
    return Card("Models", figure, notes, "#time")


def usage_of(attempt: WatchedAttempt, ledgers: LedgersSoFar) -> tuple[Usage | None, str]:
    """What an attempt used of models so far, and who says so where it is not the gateway."""
    measured = read_usage(attempt.said.get("usage"))
    if measured is not None:
        return measured, ""
    if ledgers.spent:
        last = ledgers.spent[-1]
        return Usage(last.calls, input_tokens=last.input_tokens, output_tokens=last.output_tokens, cost_usd=last.usd), ""
    claimed = read_usage(attempt.record.reported_usage) if attempt.is_last else None
    return claimed, "" if claimed is None else "reported by the agent"


def _machine(attempt: WatchedAttempt, measures: Sequence[Measure]) -> Card:
    peak = attempt.record.resources.get("peak_memory_bytes") if attempt.is_last else None
    seen = [measure.memory_bytes for measure in measures if measure.memory_bytes is not None]
    notes = [f"{show_size(max(peak or 0, *seen, 0))} at its peak"] if peak or seen else []
    if attempt.is_last and attempt.record.gpu_hours:
        notes.append(f"{attempt.record.gpu_hours:,.2f} GPU hours")
    if attempt.is_under_way:
        figure = show_size(seen[-1]) if seen else NOTHING
        return Card("Memory", figure, notes or ["nothing measured so far"], "#resources")
    seconds = attempt.record.resources.get("cpu_seconds") if attempt.is_last else None
    figure = NOTHING if seconds is None else show_duration(seconds)
    return Card("Processor time", figure, notes, "#resources")


def _facts(view: View, attempt: WatchedAttempt) -> list[tuple[str, object]]:
    record, plan = attempt.record, attempt.group.plan
    most = attempt.group.settings.retries + 1
    pairs: list[tuple[str, object]] = [
        ("Group", link(view.address("g", attempt.watched.name), attempt.watched.name)),
        ("Agent", printable(plan.agent.id, 200)),
        ("Competition", record.competition_id),
        ("Seed", record.seed),
        ("Edition", plan.edition),
        ("Attempt", f"{attempt.number or 1} of at most {max(most, record.attempt)}"),
        ("Started", moment(attempt.started)),
        ("Ended", moment(attempt.ended)),
        ("Node", attempt.word("node") or NOTHING),
        ("Place", attempt.word("place") or NOTHING),
        ("Sandbox", plan.sandbox_name or NOTHING),
        ("Reason", attempt.word("reason") or NOTHING),
        ("Exit code", attempt.word("exit_code") or NOTHING),
    ]
    if attempt.is_last:
        pairs += [("Cores", _listed(record, "cpu_ids")), ("GPUs", _listed(record, "gpu_ids"))]
    return pairs + (_limits(attempt) if plan.has_known_limits else [])


def _limits(attempt: WatchedAttempt) -> list[tuple[str, object]]:
    profile = attempt.group.plan.profile
    limits = [
        ("Time limit", show_duration(profile.time_limit)),
        ("Core limit", f"{profile.cpus:g}"),
        ("Memory limit", show_size(profile.memory)),
        ("Requested GPUs", profile.gpus),
        ("Network", attempt.group.plan.agents_network),
        ("Budget", profile.budget.words or "no limit"),
    ]
    return [(name, html_of(value)) for name, value in limits]


def _listed(record: RunRecord, key: str) -> str:
    ids = getattr(record, key)
    if not ids:
        return NOTHING
    return ", ".join(printable(str(name), 60) for name in ids) if len(ids) <= _MOST_LISTED else f"{len(ids):,}"
