"""Children call one function with a pipe, and neither import the program that starts them nor outlive what they serve."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mlebench._support.children import start_child


def describe(connection: Connection) -> None:
    connection.send((os.getpid(), os.environ.get("MARK"), signal.getsignal(signal.SIGINT), sys.stdin.read()))


def wait_for_the_end(connection: Connection) -> None:
    with pytest.raises(EOFError):
        connection.recv()


def fail(connection: Connection) -> None:
    raise SystemExit(7)


def leave_a_process(connection: Connection) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], close_fds=False)
    connection.send(left.pid)


def test_a_child_gets_the_pipe_and_the_environment() -> None:
    process, connection = start_child(describe, {"MARK": "set"})
    with connection:
        assert connection.recv() == (process.pid, "set", signal.SIG_IGN, "")
    assert process.wait() == 0


def test_a_closed_pipe_is_the_end_of_the_file_for_both() -> None:
    process, connection = start_child(wait_for_the_end)
    connection.close()
    assert process.wait() == 0

    process, connection = start_child(fail)
    with connection, pytest.raises(EOFError):
        connection.recv()
    assert process.wait() == 7


def test_a_child_that_cannot_start_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(FileNotFoundError):
        start_child(describe)
    # what an earlier test left to the collector may be closed meanwhile
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_what_a_child_starts_does_not_hold_its_pipe() -> None:
    """A process that outlives the child would hide its end."""
    process, connection = start_child(leave_a_process)
    with connection:
        left = connection.recv()
        try:
            with pytest.raises(EOFError):
                connection.recv()
        finally:
            os.kill(left, signal.SIGKILL)
    assert process.wait() == 0
