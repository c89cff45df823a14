"""Progress of run groups on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import command
from mlebench._support.plain_files import open_plain
from mlebench._support.quantities import show_duration
from mlebench._support.terminal import is_screen
from mlebench.cli.output import COLOURS
from mlebench.cli.progress import Bar, Bars, LiveArea
from mlebench.runs.group import Group
from mlebench.runs.record import now, seconds_between
from mlebench.runs.schedule.overview import MEDALS, Display, Overview, RunView, Silent
from mlebench.runs.wording import limits_text, usage_text
from mlebench.sandbox import notices
from mlebench.sandbox.model_status import ModelStatus, read_status

if TYPE_CHECKING:
    from rich.console import RenderableType

_LINE_EVERY_SECONDS = 30.0
_REFRESH_EVERY_SECONDS = 1.0
_LINES_AROUND = 6
_LOG_TAIL = 4096
_LONGEST_LINE = 200


def make_display(stream: TextIO | None = None, *, quiet: bool = False) -> Display:
    """The display that suits `stream` (stderr by default); a quiet one only reports missing isolation."""
    stream = stream or sys.stderr
    if quiet:
        return Quiet(stream)
    return Screen(stream) if is_screen(stream) else Lines(stream)


class Quiet(Silent):
    """Reports only that agents are not isolated."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, groups: list[Group]) -> None:
        """What the sandboxes say of themselves."""
        for line in _notices(groups):
            print(line, file=self._stream, flush=True)


class Lines:
    """One line per run that ends, and one every half minute."""

    every = _LINE_EVERY_SECONDS

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def begin(self, groups: list[Group]) -> None:
        """A line per group, and how to follow them."""
        for line in _opening(groups):
            self.say(line)

    def show(self, overview: Overview) -> None:
        """A line unless one was printed lately."""
        if time.monotonic() - self._last >= _LINE_EVERY_SECONDS:
            self.say(summary_line(overview))

    def ended(self, view: RunView, overview: Overview) -> None:
        """A line for a run that has ended."""
        self.say(f"[{overview.ended()}/{len(overview.runs)}] {view.key}: {outcome_text(view)}")

    def say(self, sentence: str) -> None:
        """A line."""
        print(sentence, file=self._stream, flush=True)
        self._last = time.monotonic()

    def close(self, overview: Overview) -> None:
        """The last line."""
        self.say(summary_line(overview))


class Screen:
    """A bar for all runs above one for each run in work, refreshed once a second."""

    every = _REFRESH_EVERY_SECONDS

    def __init__(self, stream: TextIO) -> None:
        self._area = LiveArea(stream)
        self._last = 0.0

    def begin(self, groups: list[Group]) -> None:
        """A line per group, and how to follow them."""
        for line in _opening(groups):
            self._area.write(line)

    def show(self, overview: Overview) -> None:
        """Refresh, at most once a second."""
        if time.monotonic() - self._last >= _REFRESH_EVERY_SECONDS:
            self._area.draw(screen(overview, rows=max(3, self._area.height - _LINES_AROUND)))
            self._last = time.monotonic()

    def ended(self, view: RunView, overview: Overview) -> None:
        """A line above the bars for a run that has ended."""
        style = "green" if view.medal or view.valid else "red" if view.state == "failed" else ""
        self._area.write(f"[{overview.ended()}/{len(overview.runs)}] {view.key}: {outcome_text(view)}", style)

    def say(self, sentence: str) -> None:
        """A line above the bars."""
        self._area.write(sentence, "yellow")

    def close(self, overview: Overview) -> None:
        """Leave the last line in the place of the bars."""
        self._area.clear()
        self._area.write(summary_line(overview), "bold")


def screen(overview: Overview, rows: int = 20) -> RenderableType:
    """The bars and the line of counts under the first.

    Args:
        overview: the runs.
        rows: most runs shown; the longest running come first.
    """
    from rich.console import Group as Stack
    from rich.text import Text

    running = overview.running()
    several = len({view.agent for view in overview.runs.values()}) > 1
    bars = [run_bar(view, f"{view.agent} {view.run_id}" if several else view.run_id) for view in running[:rows]]
    more = [Text(f"… and {len(running) - rows} more")] if len(running) > rows else []
    return Stack(
        Bars([overall_bar(overview, overview.seconds_left()), *bars], rows + 1), *more, Text(counts_text(overview), style="bold")
    )


def overall_bar(overview: Overview, seconds_left: float | None) -> Bar:
    """How many runs have ended, and the time left; None is unknown."""
    ended, total = overview.ended(), len(overview.runs)
    left = "" if ended == total else "–" if seconds_left is None or seconds_left < 1 else f"{show_duration(seconds_left)} left"
    return Bar("all runs", ended, total, f"{ended:,} of {counted(total, 'run')}", left=left)


def run_bar(view: RunView, label: str, words: str = "") -> Bar:
    """How long a run in work has taken of its time limit, its calls to models, and the last line of its log.

    Args:
        view: the run.
        label: what it is called.
        words: what it is doing, if anything is known.
    """
    elapsed = seconds_between(view.started_at, now())
    limit = view.time_limit or view.expected
    left = f"about {show_duration(max(0.0, view.expected - elapsed))} left" if view.learned else ""
    status = read_status(view.run_dir) if view.run_dir else None
    known = "" if status is not None and words == status.waiting else words
    notes = [known, status_text(status), last_line(view.run_dir) if view.run_dir else ""]
    amount = f"{show_duration(elapsed)} of {show_duration(limit)}"
    return Bar(label, elapsed, limit, amount, left=left, note=" · ".join(filter(None, notes)))


def last_line(run_dir: Path) -> str:
    """The last line of a run's log that is not blank, without colours and made printable; empty if there is none."""
    try:
        with open_plain(run_dir / "run.log") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LOG_TAIL))
            text = file.read(_LOG_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""
    # a progress bar's carriage returns end lines here
    lines = [line.strip() for line in COLOURS.sub("", text).replace("\r", "\n").split("\n")]
    return printable(next((line for line in reversed(lines) if line), ""), _LONGEST_LINE)


def summary_line(overview: Overview) -> str:
    """Counts, medals and time left in one line."""
    counts = overview.counts()
    seconds = overview.seconds_left() if counts["running"] or counts["pending"] else 0
    # once runs take longer than was expected, nothing is known
    left = f"; about {show_duration(seconds)} left" if seconds >= 1 else ""
    return f"{counts_text(overview)}{left}"


def counts_text(overview: Overview) -> str:
    """Counts, medals and the mean score so far in one line."""
    counts, medals = overview.counts(), overview.medals()
    numbers = {
        "finished": counts["finished"],
        "failed": counts["failed"] - min(counts["infrastructure"], counts["failed"]),
        "timed out": counts["timed-out"],
        "lost to infrastructure failures": counts["infrastructure"],
        "cancelled": counts["cancelled"],
        "running": counts["running"],
        "queued": counts["pending"],
    }
    parts = [f"{count:,} {name}" for name, count in numbers.items() if count or name == "finished"]
    won = ", ".join(f"{medals[name]} {name}" for name in MEDALS)
    share = overview.medal_share()
    rate = f" ({100 * share:.0f} % of graded runs)" if share is not None else ""
    mean = overview.mean_score()
    scored = f"; mean score {mean:.5g}" if mean is not None else ""
    paused = "".join(f"; {name} is paused, {goes_on} resumes it" for name, goes_on in overview.paused.items())
    return f"{', '.join(parts)}; medals: {won}{rate}{scored}{paused}"


def status_text(status: ModelStatus | None) -> str:
    """A run's calls to models so far, such as `12 calls, 3.4k tokens, 0.12 USD; waits for the limit of openai`."""
    if status is None:
        return ""
    used = usage_text(status.calls, status.input_tokens + status.output_tokens, status.cost_usd)
    return f"{used}; {status.waiting}" if status.waiting else used


def outcome_text(view: RunView) -> str:
    """How a run ended, in a few words."""
    used = view.usage and usage_text(view.usage.calls, view.usage.tokens, view.usage.cost_usd)
    took = f" in {show_duration(view.wall_seconds)}{f', {used}' if used else ''}"
    if view.valid:
        score = f"score {view.score:.5g}" if view.score is not None else "undefined score"
        state = "" if view.state == "finished" else f"{view.state}, "
        return f"{state}{score}, {'mock data' if view.mock else (view.medal or 'no') + ' medal'}{took}"
    if view.infrastructure:
        return f"{view.state}: infrastructure failure ({view.reason}){took}"
    return f"{view.state} ({view.reason}){took}"


def _opening(groups: list[Group]) -> list[str]:
    return [*map(_headline, groups), *_notices(groups), *_hint(groups)]


def _headline(group: Group) -> str:
    plan = group.plan
    return (
        f"{group.folder}: {counted(len(plan.runs), 'run')} of {plan.agent.id}, profile {plan.profile.name} "
        f"({limits_text(plan.profile)}), sandbox {plan.sandbox}"
    )


def _hint(groups: list[Group]) -> list[str]:
    if not groups:
        return []
    group = groups[0]
    watch, view = group.command("runs", group.name, "--watch"), command("view", runs_dir=group.folder.parent)
    tail = group.command("runs", group.name, "--tail", group.plan.runs[0].run_id)
    return [f"follow the runs in another terminal with {watch}, the log of one with {tail}, or all in a browser with {view}"]


def _notices(groups: list[Group]) -> list[str]:
    found = [notice for group in groups for notice in notices(group.plan.sandbox, with_models=group.plan.has_gateway)]
    return list(dict.fromkeys(found))
