"""Groups for pages, held in memory: what each run is like is said in a word, so that 10,000 runs cost no files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedGroup, WatchedRuns
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus
from mlebench.runs.imported import agent_of
from mlebench.runs.plan import UNKNOWN_LIMITS, Plan, PlannedRun
from mlebench.runs.record import RECORD_DAMAGED, RunRecord
from mlebench.sandbox.base import Outcome
from tests.reports.builders import SCORES, report

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNS_DIR = Path("/runs")
USD_OF_A_RUN = 0.5
TOKENS_OF_A_RUN = 3000
REPORTED = (*SCORES, "invalid", "missing")
"""Words for runs with a grading report; see `tests.reports.builders.report`."""
ENDS = {
    "failed": ("failed", "exit-code", "ended with exit code 3", "agent"),
    "lost": ("failed", "lost", "its container is gone; `mlebench run --resume` does the run again", "infrastructure"),
    "cancelled": ("cancelled", "cancelled", "cancelled by the user", None),
    "not-graded": ("finished", "exited", "exited (0)", None),
}


class HeldRuns(WatchedRuns):
    """Groups that never change."""

    def __init__(self, held: Sequence[WatchedGroup]) -> None:
        super().__init__(RUNS_DIR)
        self._held = tuple(held)

    def groups(self) -> list[WatchedGroup]:
        return list(self._held)

    def group(self, name: str) -> WatchedGroup | None:
        return next((entry for entry in self._held if entry.name == name), None)


def view_of(*groups: WatchedGroup) -> View:
    """A server with these groups."""
    return View(HeldRuns(groups), "/TOKEN")


def a_group(
    name: str,
    words: Iterable[str] = (),
    *,
    competitions: Sequence[str] = ("alpha", "beta"),
    seeds: int = 2,
    agent: str = "tree",
    hours: float = 0,
    harness: HarnessStatus | None = None,
    imported: bool = False,
    **plan_changes: Any,
) -> WatchedGroup:
    """A group whose runs are like the words in turn, in the plan's order: seed by seed.

    Args:
        words: of `REPORTED` and `ENDS`, `timed-out`, `damaged`, `mock`, `hostile`, `again`, `running`, `starting`, `queued`.
        hours: that the group began after `START`.
        harness: what the harness says that runs it; None where none does.
        imported: from another harness.
    """
    spec = agent_of("harbor-job", agent, {}) if imported else AgentSpec(agent, None, RUNS_DIR / agent, arguments={"model": "m-1"})
    profile = UNKNOWN_LIMITS if imported else Profile(name="standard", time_limit=86400, gpus=1)
    plan = replace(Plan(spec, tuple(competitions), tuple(range(seeds)), profile, None if imported else "docker"), **plan_changes)
    manifest = {"imported": {"format": "harbor-job", "source": "2026-03-01__00-00-00"}} if imported else {}
    created = (START + timedelta(hours=hours)).isoformat()
    group = Group(RUNS_DIR / name, plan, created, Conditions.of(plan), manifest)
    kinds = itertools.cycle(words)
    records = tuple(a_record(group, run, next(kinds)) for run in plan.runs)
    return WatchedGroup(name, group, None, records, harness)


def a_record(group: Group, run: PlannedRun, word: str) -> RunRecord:
    """One run; those that ran took an hour, on a GPU, and each started an hour after that of the seed before."""
    record = RunRecord(run.run_id, group.name, run.competition_id, run.seed, group.plan.agent.id, "v1")
    if word == "queued":
        return record
    if word == "damaged":
        record.state, record.failure_class, record.reason = "failed", "infrastructure", RECORD_DAMAGED
        record.detail = "cannot read run.json: it ends early"
        return record
    record.begin("node", [] if group.imported else ["0"])
    if word == "starting":
        return record
    started = START + timedelta(hours=run.seed)
    record.started_at = started.isoformat()
    if word == "running":
        return record
    _end(record, word, started)
    if group.imported is None:
        record.usage = {"calls": 3, "input_tokens": 2000, "output_tokens": 1000, "cost_usd": USD_OF_A_RUN}
    return record


def _end(record: RunRecord, word: str, started: datetime) -> None:
    state, reason, detail, failure = ENDS.get(word, ("finished", "exited", "exited (0)", None))
    if word == "timed-out":
        state, reason, detail, failure = "timed-out", "timed-out", "stopped at its limit of 24 h", "agent"
    if word == "hostile":
        state, reason, detail, failure = "failed", "<i>odd</i>", "<script>document.title='owned'</script>\x1b[31m\u202e", "agent"
    times = {"started_at": started, "ended_at": started + timedelta(hours=1)}
    record.end(Outcome(state, reason, detail, 0, failure, **times))  # type: ignore[arg-type]
    if word in REPORTED:
        record.report = report(record.competition_id, word, rank=7, leaderboard_size=1000).to_dict()
        record.reason = {"invalid": "invalid-submission", "missing": "no-submission"}.get(word, record.reason)
    if word == "timed-out":
        record.report = report(record.competition_id, "silver").to_dict()
    if word == "mock":
        record.report = replace(report(record.competition_id, "none"), data="mock").to_dict()


def unreadable(name: str = "broken") -> WatchedGroup:
    """A group whose plan cannot be read."""
    return WatchedGroup(name, problem=f"/runs/{name}/group.yaml is not valid YAML: `plan` <b>ends</b> early")


def body_of(page: Page | None, anchor: str) -> str:
    """The HTML of a section."""
    assert page is not None
    return next(section.body for section in page.sections if section.anchor == anchor)


def whole(page: Page | None) -> str:
    """The HTML of all sections."""
    assert page is not None
    return "\n".join(section.html for section in page.sections)
