"""What is seen of running groups: bars on a terminal, lines elsewhere, and how runs ended."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlebench._support.terminal import make_console
from mlebench.cli.main import main
from mlebench.cli.run_display import Lines, Screen, counts_text, last_line, make_display, outcome_text, screen, summary_line
from mlebench.runs.group import Group
from mlebench.runs.schedule.overview import Overview, RunView
from mlebench.runs.usage import Usage
from mlebench.sandbox.model_status import ModelStatus, write_status
from tests.reports import toys

from .small_terminal import Screen as Shown
from .small_terminal import SmallTerminal


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def overview(tmp_path: Path) -> Overview:
    """One run ended with gold, one failed, one was lost, two running, three queued; each expected to take 100 s of 1 h."""
    views = [
        RunView("g/a_seed0", "dummy", "a_seed0", "finished", 100, 3600, ago(200), 50, valid=True, score=0.12345678, medal="gold"),
        RunView("g/b_seed0", "dummy", "b_seed0", "failed", 100, 3600, ago(200), 5, reason="exit-code"),
        RunView("g/c_seed0", "dummy", "c_seed0", "failed", 100, 3600, ago(200), 5, infrastructure=True, reason="image-missing"),
        RunView("g/d_seed0", "dummy", "d_seed0", "running", 100, 3600, ago(10), learned=True),
        RunView("g/e_seed0", "dummy", "e_seed0", "running", 100, 3600, ago(30), run_dir=tmp_path),
        *(RunView(f"g/{name}_seed0", "dummy", f"{name}_seed0", "pending", 100, 3600) for name in "xyz"),
    ]
    return Overview({view.key: view for view in views}, slots=2)


def shown(overview: Overview, monkeypatch: pytest.MonkeyPatch, width: int = 120, rows: int = 20) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = SmallTerminal()
    make_console(stream).print(screen(overview, rows))
    return str(Shown(stream.getvalue(), width)).splitlines()


def test_one_line_tells_counts_medals_and_time_left(overview: Overview) -> None:
    assert summary_line(overview).startswith(
        "1 finished, 1 failed, 1 lost to infrastructure failures, 2 running, 3 queued; "
        "medals: 1 gold, 0 silver, 0 bronze (50 % of graded runs); about "
    )
    assert summary_line(overview).endswith(" left")


def test_mock_data_is_no_part_of_the_share_of_medals(overview: Overview) -> None:
    overview.runs["g/b_seed0"].mock = True
    assert "(100 % of graded runs)" in counts_text(overview)


def test_scores_of_one_competition_have_a_mean(overview: Overview) -> None:
    assert "mean score" not in counts_text(overview)
    views = [
        RunView(f"g/a_seed{seed}", "dummy", f"a_seed{seed}", "finished", valid=True, score=score)
        for seed, score in enumerate((0.5, 0.25))
    ]
    assert "; mean score 0.375" in counts_text(Overview({view.key: view for view in views}))


def test_the_whole_is_above_a_bar_for_each_run(overview: Overview, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "run.log").write_bytes(b"epoch 1\n\x1b[32mepoch 2\x1b[0m  10%\r epoch 2  20%\n\n")
    whole, longest, other, counts = shown(overview, monkeypatch, 200)
    assert whole.startswith("all runs") and "3 of 8 runs" in whole and whole.endswith("left")
    assert longest.startswith("e_seed0") and " of 1 h" in longest and longest.endswith("epoch 2  20%")
    assert other.startswith("d_seed0") and "about 1 min" in other
    assert counts.startswith("1 finished, ")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_bars_fit_a_narrow_terminal(overview: Overview, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int) -> None:
    (tmp_path / "run.log").write_text("a long line of a log " * 20)
    lines = shown(overview, monkeypatch, width)
    assert all("━" in line and len(line) < width for line in lines[:3])


def test_runs_that_do_not_fit_are_counted(overview: Overview, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(overview, monkeypatch, rows=1)
    assert lines[1].startswith("e_seed0") and lines[2] == "… and 1 more"


def test_several_agents_are_told_apart(overview: Overview, monkeypatch: pytest.MonkeyPatch) -> None:
    overview.runs["g/d_seed0"].agent = "aide/gpt"
    assert [line.partition("_")[0] for line in shown(overview, monkeypatch)[1:3]] == ["dummy e", "aide/gpt d"]


def test_bars_show_calls_to_models_and_what_they_wait_for(
    overview: Overview, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_status(tmp_path, ModelStatus(12, 3000, 400, 0.125, "2 calls wait for openai"))
    assert "12 calls, 3.4k tokens, 0.12 USD; 2 calls wait for openai" in shown(overview, monkeypatch, 200)[1]
    # whoever wrote it
    (tmp_path / ".model_status.json").write_text("[")
    assert "calls" not in shown(overview, monkeypatch, 200)[1]


def test_the_last_line_of_a_log_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    assert last_line(tmp_path) == ""
    (tmp_path / "run.log").write_bytes(b"x" * 10**5 + b"\n\x1b[2J\x9bowned\xff\n")
    assert last_line(tmp_path).isprintable() and "owned" in last_line(tmp_path)
    (tmp_path / "run.log").unlink()
    (tmp_path / "run.log").symlink_to("/etc/hostname")
    assert last_line(tmp_path) == ""


def test_the_end_of_a_run_tells_what_it_used(overview: Overview) -> None:
    view = overview.runs["g/b_seed0"]
    view.usage = Usage(calls=1, input_tokens=10, output_tokens=2)
    assert outcome_text(view) == "failed (exit-code) in 5 s, 1 call, 12 tokens"


def test_outcomes_are_told_apart(overview: Overview) -> None:
    assert outcome_text(overview.runs["g/a_seed0"]) == "score 0.12346, gold medal in 50 s"
    assert outcome_text(overview.runs["g/b_seed0"]) == "failed (exit-code) in 5 s"
    assert outcome_text(overview.runs["g/c_seed0"]) == "failed: infrastructure failure (image-missing) in 5 s"


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    data = toys.install(tmp_path, monkeypatch)
    return toys.make_group(tmp_path / "runs", data, {"toy-one": [0.25, 0.5]}, name="g")


def test_the_beginning_tells_how_to_follow_runs(group: Group) -> None:
    stream = io.StringIO()
    display = make_display(stream)
    assert isinstance(display, Lines)
    display.begin([group])
    hint = stream.getvalue().splitlines()[-1]
    runs_dir = f"--runs-dir {group.folder.parent}"
    assert f"`mlebench runs g --watch {runs_dir}`" in hint and f"`mlebench view {runs_dir}`" in hint
    assert f"`mlebench runs g --tail toy-one_seed0 {runs_dir}`" in hint


def test_ended_runs_stay_above_the_bars_and_the_counts_in_their_place(
    overview: Overview, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = SmallTerminal()
    display = make_display(stream)
    assert isinstance(display, Screen)
    display.show(overview)
    display.ended(overview.runs["g/a_seed0"], overview)
    display.say("g is paused")
    assert str(stream.screen).splitlines()[:2] == ["[3/8] g/a_seed0: score 0.12346, gold medal in 50 s", "g is paused"]
    assert "all runs" in str(stream.screen)
    display.close(overview)
    lines = str(stream.screen).splitlines()
    assert len(lines) == 3 and lines[2].startswith("1 finished") and stream.screen.is_cursor_shown


def test_quiet_ones_say_nothing(group: Group, overview: Overview) -> None:
    stream = io.StringIO()
    display = make_display(stream, quiet=True)
    display.begin([])
    display.show(overview)
    display.ended(overview.runs["g/a_seed0"], overview)
    display.close(overview)
    assert stream.getvalue() == ""


# `mlebench runs`


def test_groups_have_a_date_a_duration_and_a_score(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs-dir", str(group.folder.parent)]) == 0
    captured = capsys.readouterr()
    for name in ("started", "took", "score"):
        assert name in captured.out
    assert group.created_at[:10] in captured.out
    assert f"next: `mlebench runs g --runs-dir {group.folder.parent}`" in captured.err


def test_a_narrow_screen_leaves_columns_out_and_cuts_none(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlebench.cli.commands.runs import watch_screen
    from mlebench.runs.group_report import GroupResult

    run = group.plan.runs[1]
    (group.run_dir(run.run_id) / "run.json").unlink()
    record = group.record(run)
    record.begin("", [])
    record.started_at = ago(65)
    record.write(group.run_dir(record.run_id))
    for width in (40, 60, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        stream = SmallTerminal()
        make_console(stream).print(watch_screen(GroupResult(group, group.records()), 24))
        lines = str(Shown(stream.getvalue(), width)).splitlines()
        assert lines[0].startswith("all runs") and "━" in lines[0]
        assert lines[1].startswith("toy-one_s") and "━" in lines[1]
        assert "finished" in "".join(lines[3:]) and "toy-one_seed0" in "".join(lines[3:])
        assert all(len(line) <= width for line in lines)
        assert ("attempts" in "".join(lines)) == (width == 100)
