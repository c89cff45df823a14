"""Runs an agent on the task: passes it the prompt, logs what it does, and lets an agent that stops early go on.

An agent's folder needs only a subclass of `CommandLineAgent`, which knows a program's command line and files, or of
`LibraryAgent`, which calls a library within this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Any

from mlebench_agent.models import SPENT, BudgetSpent
from mlebench_agent.task import Task, say

_LEAST_SECONDS = 60.0
"""With less time than this left, no agent is asked to go on."""
_FAILURES_IN_A_ROW = 3
_KEPT_WAITING_IN_A_ROW = 12
_QUICK_SECONDS = 20.0
_LONGEST_PAUSE = 60.0
_LONGEST_LINE = 400
_READ_OUT_SECONDS = 5.0
_NOT_STARTED = 127
"""A shell's exit code for a program that it cannot find."""
_SECONDS_TO_SAVE = 2.0
_SECONDS_BETWEEN_REPORTS = 60.0
_LONGEST_PIECE = 2**22
"""Characters of a line that are read at once; programs hardly ever print longer lines."""
_LARGEST_END = 2**20
"""Bytes at the end of a failed call's output that are read again."""
_READER = "reader"
_OTHER_FORM = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""Errors of reading output or files in an unexpected format."""


class Agent:
    """What both kinds share: arguments, a folder, turns, and reported usage."""

    name = ""
    """Also the name of its folder in `logs/`."""
    defaults: Mapping[str, Any] = {}
    """Its arguments other than `continue`."""
    is_at_its_limit = False
    """Whether a limit, such as the step limit or the budget, is reached, so that asking the agent to go on is pointless."""
    is_kept_waiting = False
    """Whether the last turn failed because the provider was busy or down, so that another turn may succeed."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.arguments = task.arguments
        self.folder = task.logs / self.name
        """Where its sessions belong: this folder is kept with the run, even if the run is stopped."""
        self.reported_usage: Mapping[str, Any] = {}
        self._report_lock = threading.RLock()

    def prepare(self) -> None:
        """Write configuration; called once."""

    def take_turn(self, prompt: str, number: int) -> int:
        """Work until the agent stops; returns an exit code. Turns after number 1 continue the same session."""
        raise NotImplementedError

    def end(self) -> None:
        """Called as soon as a signal to stop arrives, within a turn or between turns."""

    def usage(self) -> Mapping[str, Any]:
        """The agent's own counts so far, flat. Reports read these: `calls`, `input_tokens` (cached ones included),
        `cached_tokens`, `cache_write_tokens`, `output_tokens` (reasoning included), `reasoning_tokens`, `cost_usd`.
        """
        return {}

    def report_usage(self) -> None:
        """Record `usage()`; called after each turn, and by an agent at any time, from any thread."""
        with self._report_lock:
            try:
                self.reported_usage = self.usage()
                self.task.report_usage(self.reported_usage)
            except (OSError, *_OTHER_FORM) as error:
                say(f"{self.name}: cannot read its usage: {type(error).__name__}: {error}")


class CommandLineAgent(Agent):
    """A program: how it is set up, called and continued, and how it reports usage."""

    def keep(self, place: Path) -> None:
        """Redirect a folder that the program writes, such as `~/.NAME/sessions`, to `folder`; called once."""
        kept = self.folder / place.name
        kept.mkdir(exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(kept)

    def environment(self) -> Mapping[str, str]:
        """Environment variables in addition to those of the run."""
        return {}

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        """The command line of a call that works until the program stops; calls after the first continue the same session."""
        raise NotImplementedError

    def stdin(self, prompt: str) -> str | None:
        """What the program reads from standard input; None for nothing."""
        return None

    def shown(self, line: str) -> str | None:
        """What the run's log shows of a line of its output, on one line and shortened; None for nothing."""
        return self.shown_event(json.loads(line)) if line.startswith("{") else line

    def shown_event(self, event: Mapping[str, Any]) -> str | None:
        """The same for a line that is an event, a JSON object."""
        return json.dumps(event)

    def says_to_wait(self, output: str) -> bool:
        """Whether the output of a failed call shows that the provider was busy or down.

        Not needed for a program that retries often enough by itself.
        """
        return False

    def take_turn(self, prompt: str, number: int) -> int:
        """Call the program; returns its exit code. A signal to stop reaches it, too, so that it saves its work."""
        text = self.stdin(prompt)
        words = list(self.command(prompt, is_first=number == 1))
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
                cwd=self.task.home,
                encoding="utf-8",
                errors="backslashreplace",
            )
        except (OSError, ValueError) as error:
            say(f"{self.name}: {words[0]} cannot be started: {error}")
            return _NOT_STARTED
        output = self.folder / f"turn-{number:03d}.log"
        reader = threading.Thread(target=self._read, args=(process.stdout, output), daemon=True, name=_READER)
        reader.start()
        threads = [reader]
        if process.stdin is not None:
            threads.append(threading.Thread(target=self._write, args=(process.stdin, text or ""), daemon=True))
            threads[-1].start()
        code = process.wait()
        # its background processes may keep its output and input open
        for thread in threads:
            thread.join(_READ_OUT_SECONDS)
        end = _end_of(output) if code != 0 else ""
        self.is_at_its_limit = self.is_at_its_limit or SPENT in end
        self.is_kept_waiting = code != 0 and self._says_to_wait(end)
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """Record the usage so far, in case the program is killed before it exits."""
        timer = threading.Timer(_SECONDS_TO_SAVE, self.report_usage)
        timer.daemon = True
        timer.start()

    def _says_to_wait(self, end: str) -> bool:
        try:
            return self.says_to_wait(end)
        except _OTHER_FORM:
            return False

    def _write(self, stream: IO[str], text: str) -> None:
        # a program that exits without reading may leave a process behind that keeps its input open
        try:
            with stream:
                stream.write(text)
        except BrokenPipeError:
            say(f"{self.name}: the program did not read its prompt")

    def _read(self, stream: IO[str], output: Path) -> None:
        """Read all its output: a program whose output nobody reads blocks."""
        reported = time.monotonic()
        kept = _KeptOutput(self.name, output)
        while line := stream.readline(_LONGEST_PIECE):
            kept.write(line)
            shown = " ".join((self._shown(line) or "").split())
            if shown:
                say(shown[:_LONGEST_LINE])
            if time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
                self.report_usage()
                reported = time.monotonic()

    def _shown(self, line: str) -> str | None:
        try:
            return self.shown(line.rstrip("\n"))
        except _OTHER_FORM:
            return line


class _KeptOutput:
    """The file of a turn's output. If it cannot be written, the log says so once and the turn goes on."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._file: IO[str] | None = None
        with self._attempt():
            # the program may have replaced it with a pipe or a link
            path.unlink(missing_ok=True)
            self._file = path.open("w", encoding="utf-8")

    def write(self, text: str) -> None:
        """Append and flush."""
        if self._file is not None:
            with self._attempt():
                self._file.write(text)
                self._file.flush()

    @contextlib.contextmanager
    def _attempt(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._file = None
            say(f"{self._name}: the program's output is no longer recorded: {error}")


def _end_of(output: Path) -> str:
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - _LARGEST_END))
            return file.read(_LARGEST_END).decode("utf-8", "replace")
    except OSError:
        return ""


class LibraryAgent(Agent):
    """A library, called within this process."""

    def work_on(self, prompt: str, *, is_first: bool) -> None:
        """Work until the agent stops; turns after the first continue the same conversation.

        Raises:
            BudgetSpent: the run's budget for models is spent.
        """
        raise NotImplementedError

    def says_to_wait(self, error: Exception) -> bool:
        """Whether the exception that ended a turn shows that the provider was busy or down.

        Not needed for a library that retries often enough by itself.
        """
        return False

    def take_turn(self, prompt: str, number: int) -> int:
        """0, or 1 if it ended with an exception, which the log shows."""
        self.is_kept_waiting = False
        try:
            self.work_on(prompt, is_first=number == 1)
        except BudgetSpent as error:
            say(f"{self.name}: {error}")
            self.is_at_its_limit = True
            return 1
        except Exception as error:
            traceback.print_exc()
            self.say(f"{type(error).__name__}: {error}")
            self.is_kept_waiting = self.says_to_wait(error)
            return 1
        return 0

    def end(self) -> None:
        """Record the usage and exit at once: a library might treat an exception as a failure and retry."""
        self.report_usage()
        sys.stdout.flush()
        os._exit(128 + signal.SIGTERM)

    def say(self, text: str) -> None:
        """Add a line to the run's log, whatever the text is."""
        line = " ".join(text.split())
        if line:
            say(line[:_LONGEST_LINE])


def converse(kind: type[Agent], words: Sequence[str]) -> int:
    """Run the agent to its end; returns the exit code of the last turn.

    With the argument `continue=true`, an agent that stops early is asked to continue the same session until time or budget runs
    out, it reaches a limit of its own, or it fails immediately several times in a row. An agent that stops because the provider
    is unavailable is always asked to go on.
    """
    task = Task(words, {"continue": False, **kind.defaults})
    agent = kind(task)
    agent.folder.mkdir(parents=True, exist_ok=True)
    agent.prepare()
    conversation = _Conversation(agent)
    return conversation.run()


class _Patience:
    """Decides whether an agent is asked to go on, from how its turns end."""

    def __init__(self, goes_on: bool) -> None:
        self._goes_on = goes_on
        self._quick = self._failures = self._kept_waiting = 0

    def pause(self, code: int, seconds: float, *, is_kept_waiting: bool, has_got_on: bool) -> float | None:
        """Seconds until the next turn; None if there is none.

        Args:
            code: the exit code of the last turn.
            seconds: how long the last turn took.
            is_kept_waiting: whether it failed because the provider was unavailable.
            has_got_on: whether the provider answered at all during it.
        """
        if is_kept_waiting:
            self._kept_waiting = 1 if has_got_on else self._kept_waiting + 1
            return None if self._kept_waiting > _KEPT_WAITING_IN_A_ROW else min(_LONGEST_PAUSE, 2.0**self._kept_waiting)
        is_quick = seconds < _QUICK_SECONDS
        self._quick = self._quick + 1 if is_quick else 0
        self._failures = self._failures + 1 if is_quick and code != 0 else 0
        self._kept_waiting = 0
        if not self._goes_on or self._failures >= _FAILURES_IN_A_ROW:
            return None
        if self._failures:
            return 2.0**self._failures
        # keeps an agent that has nothing more to say from spending its budget within a minute
        return min(_LONGEST_PAUSE, 2.0**self._quick) if self._quick > 1 else 0.0


class _Conversation:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._task = agent.task
        self._is_told_to_end = False
        self._turn = 0
        # a child program gets the signal, too, and saves its work; its counts must be written after that
        signal.signal(signal.SIGTERM, self._note_end)
        signal.signal(signal.SIGINT, self._note_end)

    def _note_end(self, number: int, frame: FrameType | None) -> None:
        self._is_told_to_end = True
        self._agent.end()

    def run(self) -> int:
        agent, patience = self._agent, _Patience(self._task.arguments["continue"])
        while True:
            started, used = time.monotonic(), agent.reported_usage
            self._turn += 1
            code = agent.take_turn(self._task.prompt if self._turn == 1 else self._task.reminder, self._turn)
            seconds = time.monotonic() - started
            agent.report_usage()
            say(f"{agent.name}: turn {self._turn} ended after {seconds:.0f} s with exit code {code}")
            has_got_on = agent.reported_usage != used
            pause = patience.pause(code, seconds, is_kept_waiting=agent.is_kept_waiting, has_got_on=has_got_on)
            if pause is None or self._is_over:
                return code
            self._pause(pause)
            if self._is_over:
                return code

    @property
    def _is_over(self) -> bool:
        return self._is_told_to_end or self._agent.is_at_its_limit or self._task.seconds_left < _LEAST_SECONDS

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_told_to_end:
            time.sleep(0.2)


def main(kind: type[Agent]) -> None:
    """The entire main program of an agent."""
    code = converse(kind, sys.argv[1:])
    sys.stdout.flush()
    if any(thread.name == _READER for thread in threading.enumerate()):
        # background processes may still be writing, and an interpreter cannot exit while a thread prints
        os._exit(code)
    sys.exit(code)
