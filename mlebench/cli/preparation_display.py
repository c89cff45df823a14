"""What people see while competitions are prepared: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlebench._support.quantities import show_duration, show_size
from mlebench._support.terminal import is_screen

if TYPE_CHECKING:
    from mlebench._support.steps import Step

_LINE_EVERY = 30.0
_QUIET_PHASES = {"asks Kaggle", "preparing", "making the mock", "removing raw data"}


class Speed:
    """Bytes a second of one download, over what arrived while somebody watched."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._first: int | None = None
        self.rate = 0.0

    def update(self, done: int) -> None:
        """Note that `done` bytes are there."""
        if self._first is None or done < self._first:
            self._started, self._first = time.monotonic(), done
        elapsed = time.monotonic() - self._started
        self.rate = (done - self._first) / elapsed if elapsed > 0 else 0.0

    def left(self, done: int, total: int | None) -> float | None:
        """Seconds left; None where that cannot be told."""
        return (total - done) / self.rate if total is not None and self.rate > 0 else None


def describe(step: Step, speed: Speed) -> str:
    """One line: `downloading 1.2 GiB of 5.7 GiB, 34.0 MiB/s, 2 min 12 s left`."""
    if step.phase != "downloading":
        return step.phase
    of = f" of {show_size(step.total)}" if step.total is not None else ""
    rate = f", {show_size(speed.rate)}/s" if speed.rate else ""
    left = speed.left(step.done, step.total)
    time_left = f", {show_duration(left)} left" if left else ""
    return f"downloading {show_size(step.done)}{of}{rate}{time_left}"


class PreparationDisplay:
    """Shows the steps of several competitions on stderr; a context manager and a `Listener`. A quiet one shows nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._speeds: dict[str, Speed] = {}
        self._phases: dict[str, str] = {}
        self._told_at: dict[str, float] = {}
        self._live: Any = None
        self._latest: dict[str, str] = {}

    def __enter__(self) -> PreparationDisplay:
        if is_screen(sys.stderr) and not self._quiet:
            from rich.live import Live

            from mlebench._support.terminal import make_console

            self._live = Live(console=make_console(sys.stderr), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, step: Step) -> None:
        """Take a step of a competition."""
        if self._quiet:
            return
        name = step.competition_id
        speed = self._speeds.setdefault(name, Speed())
        if step.phase == "downloading":
            speed.update(step.done)
        line = describe(step, speed)
        if self._live:
            self._latest[name] = line
            self._redraw()
        elif self._is_due(step):
            print(f"{name}: {line}", file=sys.stderr, flush=True)

    def tell(self, line: str) -> None:
        """Print a line that stays: the end of a competition."""
        if self._quiet:
            return
        name = line.partition(":")[0]
        for known in (self._latest, self._speeds, self._phases, self._told_at):
            known.pop(name, None)
        if self._live:
            self._live.console.print(line)
            self._redraw()
        else:
            print(line, file=sys.stderr, flush=True)

    def _is_due(self, step: Step) -> bool:
        name, now = step.competition_id, time.monotonic()
        finished = step.phase == "downloading" and step.done == step.total
        new = self._phases.get(name) != step.phase
        due = finished or (new and step.phase not in _QUIET_PHASES)
        due = due or (step.phase == "downloading" and now > self._told_at.get(name, 0.0) + _LINE_EVERY)
        self._phases[name] = step.phase
        if due:
            self._told_at[name] = now
        return due

    def _redraw(self) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for name, line in self._latest.items():
            table.add_row(Text(name, style="bold"), Text(line))
        self._live.update(table, refresh=True)
