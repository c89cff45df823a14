"""Progress of long work on stderr: bars on a terminal, plain lines elsewhere, nothing with `--quiet`.

Steps only change what is known; a thread draws it a few times a second, so that listening costs the work nothing.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from grading.wording import counted
from mlebench._support.quantities import show_duration, show_size
from mlebench._support.steps import BYTES, Step
from mlebench._support.terminal import is_screen, make_console

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_BEAT = 0.25
"""Seconds between two drawings."""
_LONG = 2.0
"""Seconds after which a phase is worth a line."""
_LINE_EVERY = 30.0
_WINDOW = 15.0
"""Seconds over which a pace is averaged, or the last `_FEWEST` samples where they took longer."""
_FEWEST = 10
_APART = 0.2
_UNKNOWN = "–"
_LEAST_LABEL, _LEAST_BAR, _LONGEST_BAR, _LEAST_NOTE = 8, 6, 30, 16
_COUNTS = ("bar", "amount", "rate")
_WIDE = 80
"""Columns from which names may take more of a line."""
_WAITING = "waiting"
"""Phases that begin with it say why nothing happens, and are reported at once."""


class Pace:
    """How fast something is done, averaged over the last seconds so that the time left is steady."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, done: int) -> None:
        """Note that `done` are done by now."""
        now, samples = self._clock(), self._samples
        if samples and done < samples[-1][1]:
            # it began anew
            samples.clear()
        if samples and done == samples[-1][1]:
            return
        if len(samples) > 1 and now - samples[-2][0] < _APART:
            samples.pop()
        samples.append((now, done))
        while len(samples) > _FEWEST and samples[1][0] < now - _WINDOW:
            samples.popleft()

    @property
    def rate(self) -> float:
        """Done per second; 0 while unknown. It falls once nothing happens for longer than one takes."""
        if len(self._samples) < 2:
            return 0.0
        (began, first), (last, done) = self._samples[0], self._samples[-1]
        took, more = last - began, done - first
        stalled = max(0.0, self._clock() - last - took / more)
        return more / (took + stalled) if took + stalled > 0 else 0.0

    def left(self, done: int, total: int | None) -> float | None:
        """Seconds left; None while unknown."""
        rate = self.rate
        if total is None or rate <= 0 or done > total:
            return None
        since = self._clock() - self._samples[-1][0]
        return max(0.0, (total - done) / rate - min(since, 1 / rate))


def amount(step: Step) -> str:
    """What is done, such as `1.2 GiB of 5.7 GiB` or `12 of 22 competitions`; empty in phases that do not count."""
    if step.unit == BYTES:
        of = f" of {show_size(step.total)}" if step.total is not None else ""
        return f"{show_size(step.done)}{of}" if of or step.done else ""
    return f"{step.done:,} of {counted(step.total, step.unit)}" if step.total is not None else ""


def describe(step: Step, pace: Pace) -> str:
    """The facts in one line: `downloading 1.2 GiB of 5.7 GiB, 34.0 MiB/s, 2 min 12 s left`."""
    counts = amount(step)
    rate = f", {show_size(pace.rate)}/s" if counts and step.unit == BYTES and pace.rate else ""
    left = pace.left(step.done, step.total)
    time_left = f", {show_duration(left)} left" if counts and left else ""
    return f"{step.phase}{' ' if counts else ''}{counts}{rate}{time_left}"


class Bar(NamedTuple):
    """One line with a bar."""

    label: str
    done: float = 0
    total: float | None = None
    """None where nothing is counted; then there is no bar."""
    amount: str = ""
    rate: str = ""
    left: str = ""
    note: str = ""


class Bars:
    """Lines with bars for a rich console, laid out for its width: what matters least is left out where room is short."""

    def __init__(self, bars: Sequence[Bar], most: int | None = None) -> None:
        """Args:
        bars: from the top down.
        most: lines at most; by default what the terminal can hold.
        """
        self._bars = bars
        self._most = most

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        most = self._most or max(2, options.size.height - 3)
        shown = [_readable(bar) for bar in self._bars[:most]]
        widths = _widths(shown, options.max_width) if shown else {}
        for bar in shown:
            yield _line(bar, widths)
        if len(self._bars) > most:
            yield Text(f"… and {len(self._bars) - most} more", no_wrap=True, overflow="ellipsis")


def _readable(bar: Bar) -> Bar:
    from mlebench.cli.output import cell_text

    return bar._replace(label=cell_text(bar.label), note=cell_text(bar.note))


def _line(bar: Bar, widths: dict[str, int]) -> Any:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    cells: dict[str, Any] = {name: Text(str(getattr(bar, name))) for name in widths if name != "bar"}
    cells["label"].stylize("bold")
    if bar.total is not None:
        share = min(1.0, bar.done / bar.total) if bar.total else 1.0
        cells["bar"] = ProgressBar(total=1.0, completed=share, width=widths["bar"])
    elif "note" in widths:
        cells["bar"] = Text("")
    else:
        # with nothing to count, the note has the room of the bar and the amounts
        free = [widths[name] + 1 for name in _COUNTS if name in widths]
        widths = {name: size for name, size in widths.items() if name not in _COUNTS[1:]} | {"bar": sum(free) - 1}
        cells["bar"] = Text(bar.note)
    table = Table.grid(padding=(0, 1))
    for name, size in widths.items():
        is_number = name in ("amount", "rate", "left")
        table.add_column(width=size, no_wrap=True, overflow="ellipsis", justify="right" if is_number else "left")
    table.add_row(*(cells[name] for name in widths))
    return table


def _widths(bars: Sequence[Bar], width: int) -> dict[str, int]:
    """The columns that fit and their widths, in their order."""
    from rich.cells import cell_len

    longest = {name: max(cell_len(getattr(bar, name)) for bar in bars) for name in ("label", "amount", "rate", "left", "note")}
    # a line that fills the last column wraps on some terminals
    room = width - 1
    label = min(longest["label"], max(_LEAST_LABEL, 2 * width // 5 if width >= _WIDE else width // 3))
    room -= label + 1 + _LEAST_BAR
    chosen = {"label": label, "bar": _LEAST_BAR}
    for name in ("left", "amount", "note", "rate"):
        size = longest[name]
        if name == "note" and size >= room > _LEAST_NOTE:
            size = room - 1
        if size and size < room:
            chosen[name] = size
            room -= size + 1
    chosen["bar"] += max(0, min(room, _LONGEST_BAR - _LEAST_BAR))
    return {name: chosen[name] for name in ("label", "bar", "amount", "rate", "left", "note") if name in chosen}


class LiveArea:
    """The lower lines of a terminal, drawn again and again, with what else is written to stderr above them."""

    def __init__(self, stream: TextIO) -> None:
        self._console = make_console(stream)
        self._live: Any = None
        self._handlers: list[tuple[logging.StreamHandler[Any], Any]] = []

    @property
    def height(self) -> int:
        """Lines of the terminal."""
        return self._console.height

    def draw(self, content: Any) -> None:
        """Show `content` in the place of what is shown."""
        if self._live is None:
            self._start()
        self._live.update(content, refresh=True)

    def write(self, line: str, style: str = "") -> None:
        """Write a line that stays, above what is drawn; the terminal wraps it, so that a path in it can be copied."""
        from rich.text import Text

        self._console.print(Text(line, style=style), soft_wrap=True)

    def clear(self) -> None:
        """Remove what is drawn and show the cursor again."""
        if self._live is None:
            return
        live, self._live = self._live, None
        for handler, stream in self._handlers:
            handler.setStream(stream)
        self._handlers = []
        live.stop()

    def _start(self) -> None:
        from rich.live import Live

        before = sys.stderr
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        # logging keeps the stream that it began with, and would write into the bars
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                self._handlers.append((handler, before))
                handler.setStream(sys.stderr)


class _Work:
    """The work on one subject."""

    def __init__(self, step: Step, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin(step)

    def _begin(self, step: Step) -> None:
        self.step = step
        self.began = self._clock()
        self.reported_at: float | None = None
        self.pace = Pace(self._clock)
        self.pace.update(step.done)

    def update(self, step: Step) -> None:
        """Take a step."""
        if (step.phase, step.unit) != (self.step.phase, self.step.unit):
            self._begin(step)
        self.step = step
        self.pace.update(step.done)

    def is_due(self) -> bool:
        """Whether a plain line is due, which is then taken as written."""
        now = self._clock()
        since = self.began - _LINE_EVERY + _LONG if self.reported_at is None else self.reported_at
        is_notice = self.reported_at is None and self.step.phase.startswith(_WAITING)
        if now < since + _LINE_EVERY and not is_notice:
            return False
        self.reported_at = now
        return True

    def line(self) -> str:
        """The facts for a log."""
        subject = f"{self.step.subject}: " if self.step.subject else ""
        so_far = "" if amount(self.step) or self._elapsed() < _LINE_EVERY else f", {show_duration(self._elapsed())} so far"
        return f"{subject}{describe(self.step, self.pace)}{so_far}"

    def bar(self) -> Bar:
        """The facts for a screen."""
        step = self.step
        counts = amount(step)
        left = self.pace.left(step.done, step.total)
        return Bar(
            step.subject or step.phase,
            step.done,
            step.total,
            counts,
            f"{show_size(self.pace.rate)}/s" if counts and step.unit == BYTES and self.pace.rate else "",
            (_UNKNOWN if left is None else f"{show_duration(left)} left") if step.total is not None else self._so_far(),
            step.phase if step.subject else "",
        )

    def _so_far(self) -> str:
        return f"{show_duration(self._elapsed())} so far" if self._elapsed() >= _LONG else ""

    def _elapsed(self) -> float:
        return self._clock() - self.began


class Progress:
    """Shows the steps of long work; a context manager and a `Listener`.

    The subject "" is the whole, shown above its parts.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        beat: float | None = _BEAT,
    ) -> None:
        """Args:
        quiet: show nothing.
        stream: where to; stderr by default.
        clock: returns seconds.
        beat: seconds between two drawings; None to draw only when `draw` is called.
        """
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._clock = clock
        self._beat = beat
        self._works: dict[str, _Work] = {}
        self._lock = threading.Lock()
        """Of what is known."""
        self._drawing = threading.RLock()
        """Of the terminal; taken before the other."""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._area = LiveArea(self._stream) if not quiet and is_screen(self._stream) else None

    def __enter__(self) -> Progress:
        if self._beat is not None and not self._quiet:
            self._thread = threading.Thread(target=self._draw_again_and_again, daemon=True, name="progress")
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._drawing:
            if self._area is not None:
                self._area.clear()

    def __call__(self, step: Step) -> None:
        """Take a step; draws nothing."""
        if self._quiet:
            return
        with self._lock:
            if not step.phase:
                self._works.pop(step.subject, None)
            elif step.subject in self._works:
                self._works[step.subject].update(step)
            else:
                self._works[step.subject] = _Work(step, self._clock)
            is_notice = step.phase.startswith(_WAITING)
        if is_notice and self._area is None:
            self.draw()

    def tell(self, line: str) -> None:
        """Print a line that stays, above the bars."""
        if self._quiet:
            return
        with self._drawing:
            if self._area is not None:
                self._area.write(line)
            else:
                self._print(line)

    @contextlib.contextmanager
    def set_aside(self) -> Iterator[None]:
        """Within the block there are no bars, so that results can be printed to stdout."""
        with self._drawing:
            if self._area is not None:
                self._area.clear()
            yield

    def draw(self) -> None:
        """Draw the bars, or print the lines that are due."""
        if self._quiet:
            return
        with self._drawing:
            if self._area is not None:
                with self._lock:
                    bars = [work.bar() for work in self._sorted()]
                if bars:
                    self._area.draw(Bars(bars))
                else:
                    self._area.clear()
                return
            with self._lock:
                lines = [work.line() for work in self._sorted() if work.is_due()]
            for line in lines:
                self._print(line)

    def _sorted(self) -> Iterable[_Work]:
        return sorted(self._works.values(), key=lambda work: work.step.subject != "")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _draw_again_and_again(self) -> None:
        while not self._ended.wait(self._beat):
            self.draw()
