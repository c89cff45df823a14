"""The parent's side of the process that runs checks: what dies or never ends is a fault of the folder, and the rest goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from mlebench._support.children import start_child
from mlebench.errors import Interrupted
from mlebench.scaffold.check.job import Check, Job
from mlebench.scaffold.check.todo import Todo
from mlebench.scaffold.check.worker import work

_START_SECONDS = 120.0
_LEAVE_SECONDS = 10.0
_LOOK_SECONDS = 0.25
_MOST_BYTES = 2**24


class Ended(NamedTuple):
    """How one check ended."""

    check: Check
    todo: list[Todo]
    raised: bool
    """Whether checks that need this one cannot be run."""
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing is at fault."""
        return all(todo.kind != "fault" for todo in self.todo)


def run_job(
    job: Job,
    begin: Callable[[str], None] = lambda name: None,
    environment: Mapping[str, str] | None = None,
    most_seconds: float | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Ended]:
    """Run the checks of a job in a process of their own, and in a new one after each that ends or holds up its process.

    Args:
        job: the job.
        begin: is called with the name of each check that begins.
        environment: variables to set for the process.
        most_seconds: for one check, in place of its own limit.
        stop: ends everything when it is set.

    Raises:
        Interrupted: `stop` was set.
    """
    checks = {check.name: check for check in job.checks()}
    done: set[str] = set()
    failed: set[str] = set()
    while not checks.keys() <= done | failed:
        before = len(done)
        for ended in _in_one_process(job, checks, done, failed, begin, environment, most_seconds, stop or threading.Event()):
            done.add(ended.check.name)
            if ended.raised:
                failed |= {ended.check.name, *_needing(ended.check.name, checks)}
            yield ended
        if len(done) == before:
            return


def _in_one_process(
    job: Job,
    checks: Mapping[str, Check],
    done: set[str],
    failed: set[str],
    begin: Callable[[str], None],
    environment: Mapping[str, str] | None,
    most_seconds: float | None,
    stop: threading.Event,
) -> Iterator[Ended]:
    process, connection = start_child(work, environment)
    current: Check | None = None
    late = False
    try:
        order = {"job": asdict(job), "done": sorted(done), "failed": sorted(failed)}
        # one that is gone is explained below
        with contextlib.suppress(OSError):
            connection.send_bytes(json.dumps(order).encode())
        while True:
            limit = _START_SECONDS if current is None else current.seconds and (most_seconds or current.seconds)
            message = _received(connection, limit, stop)
            if message is None or "late" in message:
                late = message is not None
                break
            if "begun" in message:
                current = checks[message["begun"]]
                begin(current.name)
            else:
                ended, current = checks[message["ended"]], None
                yield Ended(ended, [Todo(**todo) for todo in message["todo"]], message["raised"], message["seconds"])
    finally:
        code = _end(process, connection)
    if current is not None:
        yield Ended(current, [_overdue(current, limit) if late else _broken(current, code)], True, limit or 0.0)


def _needing(name: str, checks: Mapping[str, Check]) -> Iterator[str]:
    """The checks that cannot be run without another one, directly or not."""
    for later, check in checks.items():
        if name in check.needs:
            yield later
            yield from _needing(later, checks)


def _received(connection: Connection, limit: float | None, stop: threading.Event) -> dict[str, Any] | None:
    """The next message; None if the process is gone, and one with `late` if it says nothing for so long.

    Raises:
        Interrupted: `stop` is set.
    """
    ends_at = None if limit is None else time.monotonic() + limit
    try:
        # this process may have been held up itself: what came meanwhile is not late
        is_last = False
        while not connection.poll(_LOOK_SECONDS):
            if stop.is_set():
                raise Interrupted("interrupted")
            if is_last:
                return {"late": True}
            is_last = ends_at is not None and time.monotonic() > ends_at
        message: dict[str, Any] = json.loads(connection.recv_bytes(_MOST_BYTES))
    except (EOFError, OSError, ValueError):
        return None
    return message


def _overdue(check: Check, limit: float | None) -> Todo:
    return Todo(
        f"{check.file} did not end within {limit or 0:g} s ({check.name})",
        f"look for an endless loop in {check.file}",
        check.file,
    )


def _broken(check: Check, code: int) -> Todo:
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    fix = f"look for a crash, too much memory or `os._exit` in {check.file}"
    return Todo(f"{check.file} ended its process {how} ({check.name})", fix, check.file)


def _end(process: subprocess.Popen[bytes], connection: Connection) -> int:
    """End the process with all that it started; one that runs an agent ends it when asked to leave.

    Returns:
        Its exit code, that of its own if it had ended.
    """
    for number, patience in ((signal.SIGTERM, _LEAVE_SECONDS), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        # before it has a group of its own
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    connection.close()
    return process.wait()
