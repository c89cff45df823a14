"""What calls to models took, from run folders as they lie on disk: records, ledgers, groups of an earlier harness."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.reports.document import ResultsDocument, make_report
from mlebench.runs.group import Group
from mlebench.runs.group_report import group_totals
from mlebench.runs.plan import PlannedRun
from mlebench.runs.regrade import regrade_group
from tests.reports.toys import keep_snapshot, make_group

START = datetime(2026, 3, 1, tzinfo=UTC)
FIRST, SECOND = PlannedRun("toy-one", 0), PlannedRun("toy-two", 0)


@pytest.fixture
def group(toys: Path, tmp_path: Path) -> Group:
    """Two runs of an hour: toy-one earned gold, toy-two nothing."""
    return make_group(tmp_path / "runs", toys, {"toy-one": [0.05], "toy-two": [0.9]})


def rewrite(group: Group, run: PlannedRun, **changes: Any) -> None:
    path = group.run_dir(run.run_id) / "run.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


def measured(cost: float | None, **changes: Any) -> dict[str, Any]:
    amounts = {"calls": 2, "failed_calls": 0, "refused_calls": 0, "input_tokens": 1000, "cached_tokens": 0}
    amounts |= {"cache_write_tokens": 0, "output_tokens": 100, "reasoning_tokens": 0, "cost_usd": cost}
    return {**amounts, "models": {"m-1": amounts}, **changes}


def line(seconds: float, cost: float | None, **changes: Any) -> dict[str, Any]:
    """A line of the ledger, `seconds` after the run's start."""
    at = (START + timedelta(seconds=seconds)).isoformat()
    tokens = {"input": 1000, "cached": 0, "cache_write": 0, "output": 100, "reasoning": 0}
    call = {"outcome": "answered", "action": "generate", "status": 200, "dialect": "chat", "model": "m-1"}
    return {**call, "tokens": tokens, "cost_usd": cost, "at": at, **changes}


def write_ledger(group: Group, run: PlannedRun, *lines: Mapping[str, Any] | str) -> None:
    text = "".join((entry if isinstance(entry, str) else json.dumps(entry)) + "\n" for entry in lines)
    (group.run_dir(run.run_id) / "model_calls.jsonl").write_text(text)


def report_of(group: Group) -> ResultsDocument:
    regrade_group(group.folder)
    return make_report([group.folder]).main


def test_measured_usage_is_reported(group: Group) -> None:
    rewrite(group, FIRST, usage=measured(0.5), reported_usage={"cost_usd": 99.0})
    rewrite(group, SECOND, usage=measured(1.5), reported_usage={})

    entry = report_of(group)

    assert entry.usage is not None
    assert (entry.usage.total.calls, entry.usage.total.cost_usd, entry.usage.medals) == (4, 2.0, 1)
    assert entry.usage.cost_per_medal_usd == 2
    assert entry.reported_usage is None


def test_a_record_of_an_earlier_harness_holds_a_claim(group: Group) -> None:
    path = group.run_dir(FIRST.run_id) / "run.json"
    content = json.loads(path.read_text())
    for key in ("reported_usage", "ledgers"):
        content.pop(key, None)
    path.write_text(json.dumps({**content, "usage": {"input_tokens": 70, "output_tokens": 7, "cost_usd": 3.0, "steps": 4}}))

    entry = report_of(group)

    assert entry.usage is None
    assert entry.reported_usage is not None
    assert (entry.reported_usage.runs, entry.reported_usage.total.cost_usd) == (1, 3.0)


@pytest.mark.parametrize("value", [-1, 1e300, "7", True, [1], {"a": 1}, None])
def test_no_number_of_a_record_is_believed(group: Group, value: Any) -> None:
    rewrite(
        group,
        FIRST,
        usage=measured(0.5, cost_usd=value, input_tokens=value, models={"m": {"cost_usd": value}}),
        reported_usage={},
    )
    rewrite(group, SECOND, usage=measured(1.5), reported_usage={"cost_usd": value})

    entry = report_of(group)

    assert entry.usage is not None and entry.usage.runs == 2
    assert (entry.usage.total.cost_usd, entry.usage.total.input_tokens, entry.usage.total.calls) == (None, None, 4)
    json.dumps(entry.usage.total.to_dict(), allow_nan=False)


def test_groups_add_up_what_was_measured_in_every_attempt(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(group, FIRST, usage=measured(0.5), reported_usage={"cost_usd": 99.0, "input_tokens": 5})
    earlier = {"attempt": 1, "state": "failed", "usage": measured(0.25)}
    rewrite(group, SECOND, usage=measured(1.5), reported_usage={"cost_usd": 1.0}, attempts=[earlier])

    totals = group_totals(group, group.records())

    assert (totals["usage"]["calls"], totals["usage"]["cost_usd"]) == (6, 2.25)
    assert totals["usage"]["models"]["m-1"]["calls"] == 6
    # one claim says nothing of tokens
    assert totals["reported_usage"] == {"cost_usd": 100.0}
    assert main(["runs", str(group.folder)]) == 0
    assert "6 calls to models, 3,300 tokens, 2.25 USD" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("usage", "claim", "words"),
    [
        (measured(None), {"cost_usd": 9.0}, "2 calls to models, 1,100 tokens, cost unknown"),
        ({}, {"cost_usd": 9.0}, "9.00 USD as reported by the agent"),
    ],
)
def test_a_group_says_whose_figures_it_tells(
    group: Group, usage: dict[str, Any], claim: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(group, FIRST, usage=usage, reported_usage=claim)
    assert main(["runs", str(group.folder)]) == 0
    assert words in capsys.readouterr().out


def test_a_snapshot_is_placed_by_the_runs_ledger(group: Group) -> None:
    rewrite(group, FIRST, usage=measured(3.0), reported_usage={})
    keep_snapshot(group, FIRST, "001000", 0.9)
    keep_snapshot(group, FIRST, "003000", 0.25)
    # written in another order than that of time
    write_ledger(group, FIRST, line(1200, 2.0), line(60, 1.0), line(70, None, outcome="failed"))

    entry = report_of(group)

    (curve,) = entry.run_curves
    assert [score for _, score in curve.points] == pytest.approx([0.9, 0.25, 0.05])
    assert (curve.usd, curve.tokens) == ([1.0, 3.0, 3.0], [1100, 2200, 2200])
    money = entry.spending["usd"]["selection"]
    assert (money.runs, money.left_out) == (1, 1)
    assert "selection: 1 of 2 runs omitted from the curves over money (no ledger or calls of unknown price)" in entry.notes


def test_a_run_that_asked_nobody_has_spent_nothing(group: Group) -> None:
    keep_snapshot(group, FIRST, "001000", 0.9)
    nothing = measured(0.0, calls=0, input_tokens=0, output_tokens=0, models={})
    for run in (FIRST, SECOND):
        rewrite(group, run, usage=nothing, reported_usage={})

    entry = report_of(group)

    assert (entry.spending["usd"]["selection"].runs, entry.spending["usd"]["selection"].left_out) == (2, 0)
    assert entry.usage is not None and entry.usage.cost_per_medal_usd == 0


@pytest.mark.parametrize(
    "lines",
    [
        ["", "{", "[]", "7", '{"outcome": "answered"}', '{"at": 1e999}'],
        [line(60, 1.0, cost_usd=-5), line(90, 1.0, tokens={"input": -7, "output": 10**400}), line(30, 1.0, at="9999-99-99")],
        [line(60, 1.0, at="0001-01-01T00:00:00"), line(70, 1.0, at="2026-03-01T00:01:00+23:59"), line(80, 1.0, at=None)],
        [line(60, 1.0, model="\x1b[31m" * 1000, tokens=[]), line(65, 1.0, cost_usd=math.nan)],
    ],
)
def test_no_line_of_a_ledger_makes_an_axis_fall(group: Group, lines: list[Any]) -> None:
    rewrite(group, FIRST, usage=measured(3.0), reported_usage={})
    keep_snapshot(group, FIRST, "001000", 0.9)
    keep_snapshot(group, FIRST, "003000", 0.25)
    write_ledger(group, FIRST, *lines, line(1200, 2.0))

    entry = report_of(group)

    for curves in entry.spending.values():
        for curve in curves.values():
            for values in ([point.spent for point in curve.points], [point.total for point in curve.points]):
                assert values == sorted(values)
                assert all(math.isfinite(value) and value >= 0 for value in values)
    (curve,) = entry.run_curves
    for amounts in filter(None, (curve.usd, curve.tokens)):
        assert list(amounts) == sorted(amounts)
