"""Progress for people: one screen that refreshes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from mlebench._support.quantities import show_duration
from mlebench.runs.record import now, seconds_between
from mlebench.runs.schedule.overview import MEDALS, Display, Progress, RunView

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_LINE_EVERY_SECONDS = 60.0
_REFRESH_EVERY_SECONDS = 1.0


def make_display(stream: TextIO | None = None) -> Display:
    """The display that suits `stream` (stderr by default)."""
    stream = stream or sys.stderr
    return Screen(stream) if stream.isatty() else Lines(stream)


class Lines:
    """One line per run that ends, and one a minute."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def show(self, progress: Progress) -> None:
        """A line when nothing was said for a while."""
        if time.monotonic() - self._last >= _LINE_EVERY_SECONDS:
            self.say(summary_line(progress))

    def ended(self, view: RunView, progress: Progress) -> None:
        """A line for a run that has ended."""
        done = sum(run.state not in ("pending", "running") for run in progress.runs.values())
        self.say(f"[{done}/{len(progress.runs)}] {view.key}: {verdict(view)}")

    def say(self, sentence: str) -> None:
        """A line."""
        print(sentence, file=self._stream, flush=True)
        self._last = time.monotonic()

    def close(self, progress: Progress) -> None:
        """The last line."""
        self.say(summary_line(progress))


class Screen:
    """Slots, queue, finished and failed runs, medals and the time left, on one screen."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console: Console = Console(file=stream)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._started = False
        self._last = 0.0

    def show(self, progress: Progress) -> None:
        """Refresh, at most once a second."""
        if time.monotonic() - self._last >= _REFRESH_EVERY_SECONDS:
            self._refresh(progress)

    def ended(self, view: RunView, progress: Progress) -> None:
        """A line above the screen for a run that has ended."""
        from rich.text import Text

        style = "green" if view.medal or view.valid else "red" if view.state == "failed" else ""
        self._console.print(Text(f"{view.key}: {verdict(view)}", style=style))

    def say(self, sentence: str) -> None:
        """A line above the screen."""
        from rich.text import Text

        self._console.print(Text(sentence, style="yellow"))

    def close(self, progress: Progress) -> None:
        """Leave the last state standing."""
        self._refresh(progress)
        self._live.stop()

    def _refresh(self, progress: Progress) -> None:
        if not self._started:
            self._live.start()
            self._started = True
        self._live.update(screen(progress, rows=max(3, self._console.height - 8)), refresh=True)
        self._last = time.monotonic()


def screen(progress: Progress, rows: int = 20) -> RenderableType:
    """The whole screen.

    Args:
        rows: most runs shown; the longest at work come first.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", expand=False)
    for name in ("slot", "run", "agent", "time", "of about"):
        table.add_column(name, justify="right" if name in ("slot", "time", "of about") else "left")
    at_work = progress.at_work()
    for slot, view in enumerate(at_work[:rows], start=1):
        elapsed = seconds_between(view.started_at, now())
        table.add_row(str(slot), Text(view.run_id), Text(view.agent), show_duration(elapsed), show_duration(view.expected))
    more = [Text(f"… and {len(at_work) - rows} more at work")] if len(at_work) > rows else []
    return Group(*([table] if at_work else []), *more, Text(summary_line(progress), style="bold"))


def summary_line(progress: Progress) -> str:
    """Counts, medals and time left in one line."""
    counts = progress.counts()
    medals = progress.medals()
    parts = [
        f"{counts['finished']} finished",
        f"{counts['failed'] - min(counts['infrastructure'], counts['failed'])} failed",
        f"{counts['timed-out']} timed out",
    ]
    if counts["infrastructure"]:
        parts.append(f"{counts['infrastructure']} lost to the infrastructure")
    if counts["cancelled"]:
        parts.append(f"{counts['cancelled']} cancelled")
    parts += [f"{counts['running']} at work", f"{counts['pending']} waiting"]
    won = ", ".join(f"{medals[name]} {name}" for name in MEDALS)
    left = f"; about {show_duration(progress.seconds_left())} left" if counts["running"] or counts["pending"] else ""
    return f"{', '.join(parts)}; medals: {won}{left}"


def verdict(view: RunView) -> str:
    """How a run ended, in a few words."""
    took = f" in {show_duration(view.wall_seconds)}"
    if view.valid:
        score = f"score {view.score:.5g}" if view.score is not None else "undefined score"
        state = "" if view.state == "finished" else f"{view.state}, "
        return f"{state}{score}, {view.medal or 'no'} medal{took}"
    if view.infrastructure:
        return f"{view.state} for a fault of the infrastructure ({view.reason}){took}"
    return f"{view.state} ({view.reason}){took}"
