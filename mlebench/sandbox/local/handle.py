"""One attempt as processes of this machine: waited for, stopped at its time limit, cleaned up."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from mlebench._support.folders import remove_tree
from mlebench._support.plain_files import read_plain
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, RunRequest, exited
from mlebench.sandbox.checker import Checker
from mlebench.sandbox.kept_outcome import keep_outcome
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.outputs import reclaim, settle
from mlebench.sandbox.run_log import RunLog
from mlebench.sandbox.snapshots import Snapshots

STATE = ".local"
"""Folder in a run's: the mark of its processes, the agent's exit code once it has ended, the id of the log's filter."""
_LOOK_SECONDS = 30.0
_FILTER_SECONDS = 10.0
_LARGEST_STATE = 2**16
_SHUTDOWN_CODES = (128 + signal.SIGTERM, 128 + signal.SIGKILL)
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class LocalHandle:
    """One attempt; `process` is known only to the harness that started it."""

    def __init__(
        self,
        request: RunRequest,
        log: RunLog,
        mark: str,
        pid: int | None,
        started_at: datetime,
        checker: Checker | None = None,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.label = request.label
        self.cpu_ids = request.cpu_ids
        self.started_at = started_at
        self._request = request
        self._log = log
        self._mark = mark
        self._pid = pid
        self._process = process
        self._inherited_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._exit = processes.Exit(pid) if pid is not None else None
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._checker = checker
        self._lock = threading.Lock()

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        if self._exit is None or self._pid is None:
            return self._conclude(None, modified(self._request.run_dir / STATE / "exit_code"))
        forced = self._observe(deadline)
        if forced == "detach":
            self._close()
            return Outcome("cancelled", "detached", "the agent keeps running without a harness", started_at=self.started_at)
        if forced is not None:
            grace = self._stop_grace if forced == "stop" else self._request.profile.grace
            processes.terminate_all(self._pid, self._mark)
            self._wait_through(grace)
        ended_at = datetime.now(UTC)
        processes.kill_all(self._pid, self._mark)
        return self._conclude(forced, ended_at)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled."""
        self._stop_grace = grace
        self._ask("stop")

    def detach(self) -> None:
        """Leave the agent at work."""
        self._ask("detach")

    def _ask(self, what: Literal["stop", "detach"]) -> None:
        with self._lock:
            self._asked = self._asked or what
            if self._exit is not None:
                self._exit.wake()

    def _observe(self, deadline: datetime) -> Literal["stop", "detach", "deadline"] | None:
        """Until the agent has ended by itself (None) or must be ended."""
        assert self._exit is not None
        run_dir, every = self._request.run_dir, self._request.profile.snapshot_every
        started, secrets = self.started_at.timestamp(), self._request.secrets
        snapshots = Snapshots(run_dir / "snapshots", every, started, self._log.note, secrets)
        pause = min(_LOOK_SECONDS, every or _LOOK_SECONDS)
        while True:
            left = (deadline - datetime.now(UTC)).total_seconds()
            if self._exit.wait(max(0.0, min(pause, left))):
                return None
            if self._asked:
                return self._asked
            if left <= pause and datetime.now(UTC) >= deadline:
                return "deadline"
            if snapshots.due():
                snapshots.take(run_dir / "submission" / "submission.csv", run_dir)

    def _wait_through(self, grace: float) -> None:
        """Until nothing of the attempt is left, at most `grace` seconds."""
        assert self._exit is not None
        end = time.monotonic() + grace
        while (left := end - time.monotonic()) > 0 and not self._exit.wait(left):
            pass
        # what the agent left in the background is saving its work too
        processes.wait_until_gone(self._mark, end - time.monotonic())

    def _conclude(self, forced: str | None, ended_at: datetime) -> Outcome:
        usage = self._collect_process()
        run_dir = self._request.run_dir
        _wait_for_filter(run_dir / STATE)
        outcome = _name_outcome(forced, self._exit_code(forced), self._request.profile, modified(run_dir / STATE / "exit_code"))
        reclaim(run_dir)
        left_out = settle(run_dir, self._request.profile.max_output, self._log.note)
        if left_out.of_submission:
            usage["left_out"] = left_out.of_submission
        self._log.note(outcome.log_line)
        outcome = replace(outcome, started_at=self.started_at, ended_at=ended_at, resources=usage)
        keep_outcome(run_dir, self._request.attempt, outcome)
        with contextlib.suppress(OSError):
            if not self._request.keep:
                remove_tree(run_dir / "home")
            remove_tree(run_dir / STATE)
        self._close()
        return outcome

    def _exit_code(self, forced: str | None) -> int | None:
        """The agent's exit code; None where nobody was there to see its end and no code is to be found."""
        code = exit_code(self._request.run_dir)
        if code is not None or forced is not None or self._pid is None:
            return code
        # the session's leader ended before our eyes: the agent killed it, or removed what it wrote
        own = self._process.returncode if self._process is not None else None
        if own is None:
            return 128 + signal.SIGKILL
        return own if own >= 0 else 128 - own

    def _collect_process(self) -> dict[str, Any]:
        if self._process is None:
            return {}
        with contextlib.suppress(ChildProcessError):
            _, status, usage = os.wait4(self._process.pid, 0)
            # Popen would otherwise look for a child that is collected already
            self._process.returncode = os.waitstatus_to_exitcode(status)
            measured = {"cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}
            # a new process counts the memory of the one it was forked from until it executes its program
            if usage.ru_maxrss <= self._inherited_peak:
                return measured
            return measured | {"peak_memory_bytes": usage.ru_maxrss * _MAXRSS_UNIT}
        return {}

    def _close(self) -> None:
        with self._lock:
            if self._exit is not None:
                self._exit.close()
                self._exit = None
        if self._checker is not None:
            # it takes the server a moment to notice, and nobody has to wait for that
            threading.Thread(target=self._checker.close, name="close the checker", daemon=True).start()
            self._checker = None


def exit_code(run_dir: Path) -> int | None:
    """The code with which the agent ended; None while it has not, or where no code is to be found."""
    code = _number(read(run_dir / STATE / "exit_code"))
    return code if code is not None and code <= 255 else None


def read(path: Path) -> str | None:
    """The text of a file of the run's state, None where there is none; the agent may have written it."""
    try:
        return read_plain(path, _LARGEST_STATE).decode("utf-8", "surrogateescape")
    except OSError:
        return None


def modified(path: Path) -> datetime:
    """When a file was written (UTC); now, where it is not there or says that it was written later."""
    now = datetime.now(UTC)
    try:
        return min(now, datetime.fromtimestamp(path.lstat().st_mtime, UTC))
    except (OSError, OverflowError, ValueError):
        return now


def _number(text: str | None) -> int | None:
    found = re.fullmatch(r"([0-9]{1,9})\s*", text or "")
    return int(found[1]) if found else None


def _wait_for_filter(state: Path) -> None:
    """Every writer is gone, so the filter ends as soon as it has written the last words."""
    filter_pid = _number(read(state / "filter"))
    if filter_pid is None or not processes.is_alive(filter_pid):
        return
    waiting = processes.Exit(filter_pid)
    waiting.wait(_FILTER_SECONDS)
    waiting.close()


def _name_outcome(forced: str | None, code: int | None, profile: Profile, ended_at: datetime) -> Outcome:
    """The outcome of an attempt, times and usage left out.

    Args:
        forced: why the harness ended it, if it did.
        code: the agent's exit code, if it left one.
        profile: the limits.
        ended_at: when it left its exit code.
    """
    if forced == "deadline":
        return Outcome("timed-out", "timed-out", f"stopped at its time limit of {profile.time_limit:g} s", code, "agent")
    if forced == "stop":
        return Outcome("cancelled", "cancelled", "stopped on request", code)
    if code is None:
        detail = "its processes vanished (killed from outside or out of memory)"
        return Outcome("failed", "lost", detail, code, "infrastructure")
    if code in _SHUTDOWN_CODES and ended_at.timestamp() < psutil.boot_time():
        # an agent that ends with such a code by itself ends on a machine that goes on
        detail = "was ended by the shutdown of the machine"
        return Outcome("failed", "terminated", detail, code, "infrastructure")
    return exited(code)
