"""`run.json`: what a damaged one does to those who read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.resume import make_ready
from mlebench.runs.schedule.overview import RunView
from mlebench.runs.schedule.scheduler import run_groups

from .conftest import local_executor


@pytest.fixture
def group(plan: Callable[..., Plan], runs_dir: Path) -> Group:
    """Three runs that earned bronze."""
    group = Group.create(runs_dir, plan(), {}, "group")
    run_groups([group], local_executor())
    return group


def rewrite(group: Group, run_id: str, **changes: Any) -> None:
    path = group.run_dir(run_id) / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("report", [[1], "gold", {"gold_medal": True}, {"competition_id": "toy-a", "any_medal": "much"}, 7])
def test_a_damaged_report_ends_no_listing_and_earns_nothing(
    group: Group, report: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(group, "toy-a_seed0", report=report)
    record = group.record(group.plan.runs[0])
    view = RunView("key", "agent", record.run_id)
    view.update(record)
    assert (record.graded, record.has_valid_submission, view.valid, view.medal) == (None, False, False, None)
    for words in (["runs"], ["runs", "--json"], ["runs", "group"], ["runs", "group", "--json"], ["runs", "group", "--watch"]):
        assert main(words) == 0, words
    assert capsys.readouterr().out.count("bronze") >= 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "asleep"}', '{"state": "finished"}'])
def test_a_damaged_record_is_listed_and_its_run_done_again(
    group: Group, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    others = group.records()[1:]
    (group.run_dir("toy-a_seed0") / "run.json").write_text(content)
    assert main(["runs", "group"]) == 0
    assert "mlebench run --resume group" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)[0]
    assert [entry["reason"] for entry in listed["infrastructure_failures"]] == ["record-damaged"]

    make_ready(group)
    run_groups([group], local_executor())
    again, *kept = group.records()
    assert (again.attempt, again.has_valid_submission, kept) == (2, True, others)
    assert (group.run_dir("toy-a_seed0") / "attempts" / "1" / "submission" / "submission.csv").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"wall_seconds": "long"},
        {"usage": [1]},
        {"resources": "much"},
        {"gpu_hours": None},
        {"attempts": 3},
        {"started_at": 5},
        {"started_at": "yesterday"},
        {"ended_at": "2026-01-31T09:30:00"},
    ],
)
def test_a_record_with_a_value_of_another_kind_is_damaged_for_every_reader(
    group: Group, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(group, "toy-a_seed0", **changes)
    for words in (["runs", "group"], ["runs", "--json"], ["report", "group"]):
        assert main(words) == 0, words
    assert "the record of toy-a_seed0 is damaged" in " ".join(capsys.readouterr().out.split())
    make_ready(group)
    assert [record.state for record in group.records()] == ["pending", "finished", "finished"]


def test_the_medal_is_the_reports(group: Group) -> None:
    report = dict(group.records()[0].report or {}, any_medal=False)
    rewrite(group, "toy-a_seed0", report=report)
    view = RunView("key", "agent", "toy-a_seed0")
    view.update(group.records()[0])
    assert view.medal is None
