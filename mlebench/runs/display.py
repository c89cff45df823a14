"""How groups get on, for people: one screen that refreshes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from grading.wording import counted
from mlebench._support.quantities import show_count, show_duration, show_size
from mlebench._support.terminal import is_screen, make_console
from mlebench.profiles import Profile
from mlebench.runs.group import Group
from mlebench.runs.record import now, seconds_between
from mlebench.runs.schedule.overview import MEDALS, Display, Overview, RunView, Silent
from mlebench.sandbox import notices
from mlebench.sandbox.model_status import ModelStatus, read_status

if TYPE_CHECKING:
    from rich.console import RenderableType

_LINE_EVERY_SECONDS = 60.0
_REFRESH_EVERY_SECONDS = 1.0


def make_display(stream: TextIO | None = None, *, quiet: bool = False) -> Display:
    """The display that suits `stream` (stderr by default); a quiet one only says what must not go unsaid."""
    stream = stream or sys.stderr
    if quiet:
        return Quiet(stream)
    return Screen(stream) if is_screen(stream) else Lines(stream)


class Quiet(Silent):
    """Says nothing but that agents are not isolated, where they are not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, groups: list[Group]) -> None:
        """What the sandboxes say of themselves."""
        for line in _notices(groups):
            print(line, file=self._stream, flush=True)


class Lines:
    """One line per run that ends, and one a minute."""

    every = _LINE_EVERY_SECONDS

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def begin(self, groups: list[Group]) -> None:
        """A line per group."""
        for line in [*map(_headline, groups), *_notices(groups)]:
            self.say(line)

    def show(self, overview: Overview) -> None:
        """A line when nothing was said for a while."""
        if time.monotonic() - self._last >= _LINE_EVERY_SECONDS:
            self.say(summary_line(overview))

    def ended(self, view: RunView, overview: Overview) -> None:
        """A line for a run that has ended."""
        done = sum(run.state not in ("pending", "running") for run in overview.runs.values())
        self.say(f"[{done}/{len(overview.runs)}] {view.key}: {outcome_text(view)}")

    def say(self, sentence: str) -> None:
        """A line."""
        print(sentence, file=self._stream, flush=True)
        self._last = time.monotonic()

    def close(self, overview: Overview) -> None:
        """The last line."""
        self.say(summary_line(overview))


class Screen:
    """Slots, queue, finished and failed runs, medals and the time left, on one screen."""

    every = _REFRESH_EVERY_SECONDS

    def __init__(self, stream: TextIO) -> None:
        from rich.live import Live

        self._console = make_console(stream)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._started = False
        self._last = 0.0

    def begin(self, groups: list[Group]) -> None:
        """A line per group."""
        from rich.text import Text

        for line in [*map(_headline, groups), *_notices(groups)]:
            # left whole for the terminal to wrap, so that a path can be copied
            self._console.print(Text(line), soft_wrap=True)

    def show(self, overview: Overview) -> None:
        """Refresh, at most once a second."""
        if time.monotonic() - self._last >= _REFRESH_EVERY_SECONDS:
            self._refresh(overview)

    def ended(self, view: RunView, overview: Overview) -> None:
        """A line above the screen for a run that has ended."""
        from rich.text import Text

        style = "green" if view.medal or view.valid else "red" if view.state == "failed" else ""
        self._console.print(Text(f"{view.key}: {outcome_text(view)}", style=style))

    def say(self, sentence: str) -> None:
        """A line above the screen."""
        from rich.text import Text

        self._console.print(Text(sentence, style="yellow"))

    def close(self, overview: Overview) -> None:
        """Leave the last state standing."""
        self._refresh(overview)
        self._live.stop()

    def _refresh(self, overview: Overview) -> None:
        if not self._started:
            self._live.start()
            self._started = True
        self._live.update(screen(overview, rows=max(3, self._console.height - 8)), refresh=True)
        self._last = time.monotonic()


def screen(overview: Overview, rows: int = 20) -> RenderableType:
    """The whole screen.

    Args:
        rows: most runs shown; the longest running come first.
    """
    from rich.console import Group as Stack
    from rich.table import Table
    from rich.text import Text

    running = overview.running()
    models = [read_status(view.run_dir) if view.run_dir else None for view in running[:rows]]
    names = ["slot", "run", "agent", "time", "of about", *(["models"] if any(models) else [])]
    table = Table(header_style="bold", expand=False)
    for name in names:
        table.add_column(name, justify="right" if name in ("slot", "time", "of about") else "left")
    for slot, (view, status) in enumerate(zip(running, models, strict=False), start=1):
        elapsed = seconds_between(view.started_at, now())
        cells: list[RenderableType] = [
            str(slot),
            Text(view.run_id),
            Text(view.agent),
            show_duration(elapsed),
            show_duration(view.expected),
        ]
        table.add_row(*cells, *([Text(status_text(status))] if len(names) > len(cells) else []))
    more = [Text(f"… and {len(running) - rows} more")] if len(running) > rows else []
    return Stack(*([table] if running else []), *more, Text(summary_line(overview), style="bold"))


def summary_line(overview: Overview) -> str:
    """Counts, medals and time left in one line."""
    counts = overview.counts()
    medals = overview.medals()
    parts = [
        f"{counts['finished']} finished",
        f"{counts['failed'] - min(counts['infrastructure'], counts['failed'])} failed",
        f"{counts['timed-out']} timed out",
    ]
    if counts["infrastructure"]:
        parts.append(f"{counts['infrastructure']} lost to the infrastructure")
    if counts["cancelled"]:
        parts.append(f"{counts['cancelled']} cancelled")
    parts += [f"{counts['running']} running", f"{counts['pending']} waiting"]
    won = ", ".join(f"{medals[name]} {name}" for name in MEDALS)
    left = f"; about {show_duration(overview.seconds_left())} left" if counts["running"] or counts["pending"] else ""
    paused = "".join(f"; {name} is paused, {goes_on} goes on" for name, goes_on in overview.paused.items())
    return f"{', '.join(parts)}; medals: {won}{left}{paused}"


def status_text(status: ModelStatus | None) -> str:
    """How a run gets on with its models, such as `12 calls, 3.4k tokens, 0.12 USD; waits for the limit of openai`."""
    if status is None:
        return ""
    used = usage_text(status.calls, status.input_tokens + status.output_tokens, status.cost_usd)
    return f"{used}; {status.waiting}" if status.waiting else used


def usage_text(calls: int | None, tokens: int | None, usd: float | None) -> str:
    """What calls to models used, as far as it is known; empty where nothing is."""
    parts = [
        None if calls is None else counted(calls, "call"),
        None if tokens is None else f"{show_count(tokens)} tokens",
        None if usd is None else f"{usd:.2f} USD",
    ]
    return ", ".join(filter(None, parts))


def outcome_text(view: RunView) -> str:
    """How a run ended, in a few words."""
    used = view.usage and usage_text(view.usage.calls, view.usage.tokens, view.usage.cost_usd)
    took = f" in {show_duration(view.wall_seconds)}{f', {used}' if used else ''}"
    if view.valid:
        score = f"score {view.score:.5g}" if view.score is not None else "undefined score"
        state = "" if view.state == "finished" else f"{view.state}, "
        return f"{state}{score}, {'mock data' if view.mock else (view.medal or 'no') + ' medal'}{took}"
    if view.infrastructure:
        return f"{view.state} for a fault of the infrastructure ({view.reason}){took}"
    return f"{view.state} ({view.reason}){took}"


def limits_text(profile: Profile) -> str:
    """A profile's limits in a few words."""
    budget = f", budget {profile.budget.words}" if profile.budget.words else ""
    hosts = f" and {', '.join(profile.allow)}" if profile.allow else ""
    return (
        f"{profile.cpus:g} CPU{'' if profile.cpus == 1 else 's'}, {show_size(profile.memory)}, {counted(profile.gpus, 'GPU')}, "
        f"at most {show_duration(profile.time_limit)}, network {profile.network}{hosts}{budget}"
    )


def _headline(group: Group) -> str:
    plan = group.plan
    return (
        f"{group.folder}: {counted(len(plan.runs), 'run')} of {plan.agent.id}, profile {plan.profile.name} "
        f"({limits_text(plan.profile)}), sandbox {plan.sandbox}"
    )


def _notices(groups: list[Group]) -> list[str]:
    found = [notice for group in groups for notice in notices(group.plan.sandbox, with_models=group.plan.has_gateway)]
    return list(dict.fromkeys(found))
