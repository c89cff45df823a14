"""Progress of long work: the pace, the bars for a width, the plain lines, and that listening costs nothing."""

from __future__ import annotations

import io
import logging
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench._support.steps import Step, Tally
from mlebench._support.terminal import make_console
from mlebench.cli.progress import Bar, Bars, Pace, Progress, describe

from .small_terminal import Screen, SmallTerminal

MIB = 2**20


class Clock:
    """A clock that shows the seconds set by a test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def at_width(bars: Bars, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a terminal of a width shows of bars."""
    monkeypatch.setenv("COLUMNS", str(width))
    stream = SmallTerminal()
    make_console(stream).print(bars)
    return str(Screen(stream.getvalue(), width)).splitlines()


# the pace


def test_bytes_have_a_rate_and_a_time_left(clock: Clock) -> None:
    pace = Pace(clock)
    pace.update(MIB)
    assert describe(Step("x", "downloading", MIB, 9 * MIB), pace) == "downloading 1.0 MiB of 9.0 MiB"
    clock.now += 2
    pace.update(5 * MIB)
    assert describe(Step("x", "downloading", 5 * MIB, 9 * MIB), pace) == ("downloading 5.0 MiB of 9.0 MiB, 2.0 MiB/s, 2 s left")


def test_what_began_anew_is_as_fast_as_what_came_since(clock: Clock) -> None:
    pace = Pace(clock)
    for done in (0, 8 * MIB, 0, MIB):
        pace.update(done)
        clock.now += 1
    clock.now -= 1
    assert pace.rate == MIB and pace.left(MIB, None) is None


def test_things_have_a_time_left_and_no_rate(clock: Clock) -> None:
    pace = Pace(clock)
    pace.update(0)
    for done in range(1, 4):
        clock.now += 60
        pace.update(done)
    assert describe(Step("", "preparing", 3, 22, "competition"), pace) == "preparing 3 of 22 competitions, 19 min left"


def test_the_time_left_counts_down_between_two_things_and_waits_for_one_that_takes_longer(clock: Clock) -> None:
    pace = Pace(clock)
    pace.update(0)
    clock.now += 60
    pace.update(1)
    assert pace.left(1, 10) == 540
    clock.now += 30
    assert pace.left(1, 10) == 510
    clock.now += 30
    assert pace.left(1, 10) == 480
    clock.now += 60
    # two thirds of the pace
    assert pace.left(1, 10) > 480  # type: ignore[operator]


def test_one_burst_does_not_throw_the_time_left_about(clock: Clock) -> None:
    pace = Pace(clock)
    for second in range(15):
        pace.update(second * MIB)
        clock.now += 1
    before = pace.left(14 * MIB, 100 * MIB)
    pace.update(18 * MIB)
    after = pace.left(18 * MIB, 100 * MIB)
    assert before is not None and after is not None
    assert abs(before - after) < before / 3


def test_a_stalled_download_gets_slower_and_slower(clock: Clock) -> None:
    pace = Pace(clock)
    pace.update(0)
    clock.now += 1
    pace.update(MIB)
    clock.now += 9
    assert pace.rate == pytest.approx(MIB / 9, rel=0.12)


# the bars

BARS = [
    Bar("preparing", 12, 22, "12 of 22 competitions", "", "3 min 20 s left"),
    Bar("spaceship-titanic", MIB, 4 * MIB, "1.0 MiB of 4.0 MiB", "34.0 MiB/s", "2 min left", "downloading"),
    Bar("ranzcr-clip-catheter-line-classification", note="preparing", left="12 s so far"),
]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 200])
def test_no_line_wraps_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = at_width(Bars(BARS), width, monkeypatch)
    assert len(lines) == 3
    assert all(len(line) < width for line in lines)
    assert "━" in lines[0] and "━" in lines[1]


def test_a_wide_screen_shows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, download, preparing = at_width(Bars(BARS), 140, monkeypatch)
    assert "12 of 22 competitions" in whole and "3 min 20 s left" in whole
    assert all(words in download for words in ("1.0 MiB of 4.0 MiB", "34.0 MiB/s", "2 min left", "downloading"))
    assert "ranzcr-clip-catheter-line-classification" in preparing and "12 s so far" in preparing


def test_a_narrow_screen_keeps_the_bar_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, download, preparing = at_width(Bars(BARS), 40, monkeypatch)
    assert "━" in whole and "3 min 20 s left" in whole
    assert "spaceship" in download and "2 min left" in download
    # where there is nothing to count the phase has the room of the bar
    assert "preparing" in preparing and "12 s so far" in preparing


def test_names_are_shown_and_never_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = at_width(Bars([Bar("a\x1b[2Jb\rc[bold]", 1, 2, note="\x07x")]), 80, monkeypatch)
    assert "a\\x1b[2Jb\\rc[bold]" in line and "\\x07x" in line


def test_more_than_the_screen_holds_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    lines = at_width(Bars([Bar(f"run-{number}", 1, 2) for number in range(30)]), 80, monkeypatch)
    assert len(lines) == 8 and lines[-1] == "… and 23 more"


# on a terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> SmallTerminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    return SmallTerminal()


def test_the_whole_is_shown_above_its_parts(terminal: SmallTerminal, clock: Clock) -> None:
    with Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("first-one", "preparing"))
        progress(Step("", "preparing", 1, 3, "competition"))
        progress.draw()
        whole, part = str(terminal.screen).splitlines()
        assert "1 of 3 competitions" in whole and "–" in whole
        assert part.startswith("first-one") and part.endswith("preparing")
        assert not terminal.screen.is_cursor_shown


def test_lines_stay_above_the_bars_and_the_bars_go(terminal: SmallTerminal, clock: Clock) -> None:
    with Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("first-one", "preparing"))
        progress.draw()
        progress(Step("first-one", ""))
        progress(Step("second-one", "preparing"))
        progress.tell("first-one: prepared in /data")
        progress.draw()
        assert str(terminal.screen).splitlines()[0] == "first-one: prepared in /data"
        assert str(terminal.screen).splitlines()[1].startswith("second-one")
        progress.draw()
    assert str(terminal.screen) == "first-one: prepared in /data"
    assert terminal.screen.is_cursor_shown


def test_steps_draw_nothing_however_many_there_are(terminal: SmallTerminal, clock: Clock) -> None:
    with Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("x", "unpacking", 0, 10_000))
        progress.draw()
        drawn = terminal.getvalue()
        for done in range(10_000):
            progress(Step("x", "unpacking", done, 10_000))
        assert terminal.getvalue() == drawn
        progress.draw()
        assert terminal.getvalue() != drawn


def test_results_are_printed_without_bars_around_them(terminal: SmallTerminal, clock: Clock) -> None:
    with Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("x", "auditing", 1, 3, "check"))
        progress.draw()
        with progress.set_aside():
            assert str(terminal.screen) == "" and terminal.screen.is_cursor_shown
            print("a finding", file=terminal)
        progress.draw()
        assert str(terminal.screen).splitlines()[0] == "a finding"
        assert "1 of 3 checks" in str(terminal.screen)


def test_log_lines_come_above_the_bars(terminal: SmallTerminal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        with Progress(clock=clock, beat=None) as progress:
            progress(Step("x", "unpacking", 1, 3))
            progress.draw()
            logging.getLogger("mlebench.test").warning("something happened")
            progress.draw()
            lines = str(terminal.screen).splitlines()
            assert lines[0] == "something happened" and len(lines) == 2
        assert handler.stream is terminal and sys.stderr is terminal
    finally:
        logging.getLogger().removeHandler(handler)


def test_an_interrupted_command_shows_the_cursor_again(terminal: SmallTerminal, clock: Clock) -> None:
    with pytest.raises(KeyboardInterrupt), Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("x", "unpacking", 1, 3))
        progress.draw()
        raise KeyboardInterrupt
    assert str(terminal.screen) == "" and terminal.screen.is_cursor_shown


def test_bars_have_no_colour_where_none_is_wanted(terminal: SmallTerminal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Progress(stream=terminal, clock=clock, beat=None) as progress:
        progress(Step("x", "unpacking", 1, 3))
        progress.draw()
    assert "\x1b[3" not in terminal.getvalue() and "━" in terminal.getvalue()


# elsewhere


@pytest.fixture
def dumb(monkeypatch: pytest.MonkeyPatch) -> SmallTerminal:
    monkeypatch.setenv("TERM", "dumb")
    return SmallTerminal()


@pytest.mark.parametrize("stream", [io.StringIO, SmallTerminal])
def test_a_log_gets_a_line_for_what_takes_long_and_then_one_every_half_minute(
    stream: Callable[[], io.StringIO], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    log = stream()
    with Progress(stream=log, clock=clock, beat=None) as progress:
        progress(Step("x", "preparing"))
        progress.draw()
        assert log.getvalue() == ""
        for second in range(1, 66):
            clock.now += 1
            progress(Step("x", "downloading" if second > 1 else "preparing", second * MIB, 200 * MIB))
            progress.draw()
    assert log.getvalue().splitlines() == [
        "x: downloading 4.0 MiB of 200.0 MiB, 1.0 MiB/s, 3 min 16 s left",
        "x: downloading 34.0 MiB of 200.0 MiB, 1.0 MiB/s, 2 min 46 s left",
        "x: downloading 64.0 MiB of 200.0 MiB, 1.0 MiB/s, 2 min 16 s left",
    ]


def test_a_phase_without_a_count_tells_how_long_it_has_taken(clock: Clock) -> None:
    log = io.StringIO()
    with Progress(stream=log, clock=clock, beat=None) as progress:
        progress(Step("x", "preparing"))
        for _ in range(40):
            clock.now += 1
            progress.draw()
    assert log.getvalue().splitlines() == ["x: preparing", "x: preparing, 32 s so far"]


def test_a_wait_is_reported_at_once(clock: Clock) -> None:
    log = io.StringIO()
    with Progress(stream=log, clock=clock, beat=None) as progress:
        progress(Step("x", "waiting 8 s: the connection broke", 3, 9))
    assert log.getvalue() == "x: waiting 8 s: the connection broke 3 B of 9 B\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_quiet_one_shows_nothing(term: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    terminal = SmallTerminal()
    with Progress(quiet=True, stream=terminal, clock=clock) as progress:
        progress(Step("x", "waiting 8 s: the connection broke"))
        clock.now += 100
        progress.draw()
        progress.tell("x: prepared")
    assert terminal.getvalue() == ""


# counting


def test_a_tally_reports_the_beginning_the_end_and_a_few_steps_a_second(clock: Clock) -> None:
    steps: list[Step] = []
    tally = Tally(steps.append, "x", "unpacking", 1000, clock=clock)
    for _ in range(1000):
        clock.now += 0.001
        tally.add()
    assert steps[0].done == 0 and steps[-1].done == 1000
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert len(steps) <= 7


def test_a_tally_never_exceeds_its_total(clock: Clock) -> None:
    steps: list[Step] = []
    tally = Tally(steps.append, "x", "unpacking", 10, clock=clock)
    for size in (7, 7, 7):
        tally.add(size)
    assert [step.done for step in steps] == [0, 10]


# in a real terminal


def test_ctrl_c_leaves_a_clean_terminal(tmp_path: Path) -> None:
    """The bars are gone, the cursor is there, and one sentence says what happened."""
    script = tmp_path / "long.py"
    script.write_text(
        "import sys, signal\n"
        "from mlebench._support.steps import Step\n"
        "from mlebench.cli.main import main\n"
        "from mlebench.cli.commands import audit\n"
        "from mlebench.cli.progress import Progress\n"
        # a program in the background of a shell ignores it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def run(arguments):\n"
        "    with Progress() as progress:\n"
        "        progress(Step('x', 'unpacking', 1, 3))\n"
        "        signal.pause()\n"
        "audit.run = run\n"
        "sys.exit(main(['audit', 'x']))\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen([sys.executable, str(script)], stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        # a block may end within a letter
        seen = b""
        while b"unpacking" not in seen:
            seen += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while block := os.read(ours, 4096):
                seen += block
        except OSError:
            # the other side is closed
            pass
        assert process.wait() == 130
    os.close(ours)
    screen = Screen(seen.decode().replace("\r\n", "\n"), 80)
    assert str(screen) == "mlebench audit: interrupted"
    assert screen.is_cursor_shown
