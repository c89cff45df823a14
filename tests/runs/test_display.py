"""What people see while groups run: the screen, the lines, and the estimate of the time left."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from mlebench.cli.main import main
from mlebench.runs.display import Lines, make_display, outcome_text, screen, summary_line
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.overview import Overview, RunView
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.usage import Usage
from mlebench.sandbox.model_status import ModelStatus, write_status

from .conftest import local_executor


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def overview() -> Overview:
    """Two slots: one run ended with gold, one failed, one lost, two running, three waiting; each expected to take 100 s."""
    views = [
        RunView("g/a", "dummy", "a", "finished", 100, ago(200), 50, valid=True, score=0.123456789, medal="gold"),
        RunView("g/b", "dummy", "b", "failed", 100, ago(200), 5, reason="exit-code"),
        RunView("g/c", "dummy", "c", "failed", 100, ago(200), 5, infrastructure=True, reason="image-missing"),
        RunView("g/d", "dummy", "d", "running", 100, ago(10)),
        RunView("g/e", "dummy", "e", "running", 100, ago(30)),
        *(RunView(f"g/{name}", "dummy", name, "pending", 100) for name in "xyz"),
    ]
    return Overview({view.key: view for view in views}, slots=2)


def test_one_line_tells_counts_medals_and_time_left(overview: Overview) -> None:
    line = summary_line(overview)
    assert "1 finished, 1 failed, 0 timed out, 1 lost to the infrastructure, 2 running, 3 waiting" in line
    assert "1 gold, 0 silver, 0 bronze" in line
    assert "left" in line


def test_time_left_learns_from_the_runs_that_ended(overview: Overview) -> None:
    """The finished run took half of what was expected: 40 and 20 s at work and 3 × 50 s waiting, over two slots."""
    assert overview.seconds_left() == pytest.approx((40 + 20 + 150) / 2, abs=2)


def test_time_left_trusts_what_is_known_of_a_competition(overview: Overview) -> None:
    for name in "xyz":
        overview.runs[f"g/{name}"].learned = True
    assert overview.seconds_left() == pytest.approx((40 + 20 + 300) / 2, abs=2)


def test_time_left_is_at_least_the_longest_run(overview: Overview) -> None:
    overview.slots = 100
    assert overview.seconds_left() == pytest.approx(50, abs=2)


def test_screen_shows_the_slots_and_folds_what_does_not_fit(overview: Overview) -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(screen(overview, rows=1))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "of about" in text and "30 s" in text
    assert "… and 1 more" in text


def test_screen_shows_what_runs_use_of_models_and_what_they_wait_for(overview: Overview, tmp_path: Path) -> None:
    assert "models" not in shown(overview)
    overview.runs["g/d"].run_dir = tmp_path
    write_status(tmp_path, ModelStatus(12, 3000, 400, 0.125, "2 calls wait for openai"))
    text = shown(overview)
    assert "models" in text and "12 calls, 3.4k tokens, 0.12 USD; 2 calls wait for openai" in text
    # whoever wrote it
    (tmp_path / ".model_status.json").write_text("[")
    assert "models" not in shown(overview)


def shown(overview: Overview) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(screen(overview))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_end_of_a_run_tells_what_it_used(overview: Overview) -> None:
    view = overview.runs["g/b"]
    view.usage = Usage(calls=1, input_tokens=10, output_tokens=2)
    assert outcome_text(view) == "failed (exit-code) in 5 s, 1 call, 12 tokens"


def test_outcomes_are_told_apart(overview: Overview) -> None:
    assert outcome_text(overview.runs["g/a"]) == "score 0.12346, gold medal in 50 s"
    assert outcome_text(overview.runs["g/b"]) == "failed (exit-code) in 5 s"
    assert "fault of the infrastructure (image-missing)" in outcome_text(overview.runs["g/c"])


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_screen_on_a_terminal(plan: Callable[..., Plan], runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    group = Group.create(runs_dir, plan(), {}, "group")
    run_groups([group], local_executor(), RunSettings(), make_display(stream))
    text = stream.getvalue()
    assert "toy-a_seed0" in text and "3 running" in text
    assert "3 finished" in text


def test_watch_ends_with_the_group(plan: Callable[..., Plan], runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_groups([Group.create(runs_dir, plan(), {}, "group")], local_executor(), RunSettings())
    assert main(["runs", "group", "--watch"]) == 0
    assert "toy-c_seed0" in capsys.readouterr().out
