"""Groups of runs that were graded, failed or are under way, with code, made without a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import now
from tests.reports.builders import report

HOSTILE = "</pre></section><script>document.title = 'owned'</script>\x1b[31mred\u202e"
"""A text that would do something almost anywhere it is not shown as text."""


def make_group(runs_dir: Path, name: str, outcomes: Mapping[str, Mapping[int, str]], agent: str = "tree", **usage: Any) -> Group:
    """A group with a run for each competition and seed.

    Args:
        outcomes: by competition and seed a word of `tests.reports.builders`, `running` or `pending`.
        agent: its name.
        usage: what each graded run used, as the gateway measured it.
    """
    seeds = tuple(sorted({seed for of in outcomes.values() for seed in of}))
    profile = Profile.model_validate({"cpus": 1, "memory": "1g", "time_limit": "1h"})
    plan = Plan(AgentSpec(agent, None, runs_dir), tuple(outcomes), seeds, profile, "local")
    group = Group.create(runs_dir, plan, {}, name)
    for run in plan.runs:
        word = outcomes[run.competition_id].get(run.seed, "pending")
        record = group.record(run)
        if word != "pending":
            record.begin("node", [])
            record.started_at = now()
        if word not in ("pending", "running"):
            record.move("finished")
            record.ended_at, record.wall_seconds, record.usage = now(), 600.0, dict(usage)
            record.report = report(run.competition_id, word, run_id=run.run_id, seed=run.seed).to_dict()
        record.write(group.run_dir(run.run_id))
    return group


def write_code(group: Group, run_id: str, files: Mapping[str, str | bytes], attempt: int | None = None) -> None:
    """Files below `code/` of a run, or of an earlier attempt at it."""
    folder = group.run_dir(run_id) / (f"attempts/{attempt}" if attempt else "") / "code"
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def view_of(runs_dir: Path) -> View:
    """What a server of the folder shows."""
    return View(WatchedRuns(runs_dir))


def body(page: Page | None, anchor: str) -> str:
    """The HTML of a section."""
    assert page is not None
    return next(section.body for section in page.sections if section.anchor == anchor)
