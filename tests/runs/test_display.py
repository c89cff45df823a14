"""What is seen of groups while they run, and the estimate of the time left."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.cli.run_display import Lines, make_display
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.overview import Overview, RunView
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from tests.cli.small_terminal import SmallTerminal

from .conftest import local_executor

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Clock(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return NOW


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def overview(monkeypatch: pytest.MonkeyPatch) -> Overview:
    """Two slots: one run ended with gold, one failed, one lost, two running, three waiting; each expected to take 100 s."""
    monkeypatch.setattr("mlebench.runs.schedule.overview.datetime", Clock)
    views = [
        RunView("g/a", "dummy", "a", "finished", 100, 100, ago(200), 50, valid=True, score=0.123456789, medal="gold"),
        RunView("g/b", "dummy", "b", "failed", 100, 100, ago(200), 5, reason="exit-code"),
        RunView("g/c", "dummy", "c", "failed", 100, 100, ago(200), 5, infrastructure=True, reason="image-missing"),
        RunView("g/d", "dummy", "d", "running", 100, 100, ago(10)),
        RunView("g/e", "dummy", "e", "running", 100, 100, ago(30)),
        *(RunView(f"g/{name}", "dummy", name, "pending", 100) for name in "xyz"),
    ]
    return Overview({view.key: view for view in views}, slots=2)


def test_time_left_learns_from_the_runs_that_ended(overview: Overview) -> None:
    """The finished run took half of what was expected: 40 and 20 s of running and 3 × 50 s of waiting, over two slots."""
    assert overview.seconds_left() == pytest.approx((40 + 20 + 150) / 2)


def test_time_left_trusts_what_is_known_of_a_competition(overview: Overview) -> None:
    for name in "xyz":
        overview.runs[f"g/{name}"].learned = True
    assert overview.seconds_left() == pytest.approx((40 + 20 + 300) / 2)


def test_time_left_is_at_least_the_longest_run(overview: Overview) -> None:
    overview.slots = 100
    assert overview.seconds_left() == pytest.approx(50)


def test_plain_lines_where_there_is_no_terminal(plan: Callable[..., Plan], runs_dir: Path) -> None:
    stream = io.StringIO()
    display = make_display(stream)
    assert isinstance(display, Lines)
    run_groups([Group.create(runs_dir, plan(), {}, "group")], local_executor(), RunSettings(), display)
    lines = stream.getvalue().splitlines()
    assert [line.split("]")[0] for line in lines[:3]] == ["[1/3", "[2/3", "[3/3"]
    assert all("bronze medal" in line for line in lines[:3])
    assert lines[-1].startswith("3 finished")
    assert "\x1b" not in stream.getvalue()


def test_one_screen_on_a_terminal(plan: Callable[..., Plan], runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = SmallTerminal()
    group = Group.create(runs_dir, plan(), {}, "group")
    run_groups([group], local_executor(), RunSettings(), make_display(stream))
    text = stream.getvalue()
    assert "0 of 3 runs" in text and "toy-a_seed0" in text and "3 running" in text
    assert str(stream.screen).splitlines()[-1].startswith("3 finished")


def test_watch_ends_with_the_group(plan: Callable[..., Plan], runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_groups([Group.create(runs_dir, plan(), {}, "group")], local_executor(), RunSettings())
    assert main(["runs", "group", "--watch"]) == 0
    assert "toy-c_seed0" in capsys.readouterr().out
