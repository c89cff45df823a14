"""What an agent uses is counted with all that it started, and nothing of those who hold it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.sandbox.base import Measured, RunRequest
from mlebench.sandbox.local.handle import LocalHandle
from mlebench.sandbox.local.kernel_counts import OncePerPage
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc")
Requests = Callable[..., RunRequest]
Agents = Callable[..., AgentSpec]
MEBIBYTE = 2**20
WAIT = 'touch "$LOGS_DIR/ready"\nuntil [ -e "$CODE_DIR/go" ]; do sleep 0.05; done\n'


class Running:
    """An agent that runs until it is released."""

    def __init__(self, sandbox: LocalSandbox, request: RunRequest) -> None:
        self._request = request
        self.handle: LocalHandle = sandbox.start(request)

    def measure(self) -> Measured | None:
        return self.handle.measure()

    def when(self, holds: Callable[[Measured], bool]) -> Measured:
        """The first measure for which something holds, once the agent is ready."""
        wait_until((self._request.run_dir / "logs" / "ready").exists)

        def fitting() -> Measured | None:
            found = self.measure()
            return found if found is not None and holds(found) else None

        found = wait_until(fitting, explain=self.measure)
        assert found is not None
        return found

    def end(self) -> None:
        (self._request.run_dir / "code" / "go").touch()
        assert self.handle.wait(self.handle.started_at + timedelta(seconds=300)).exit_code == 0


@pytest.fixture
def working(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> Iterator[Callable[[str], Running]]:
    """Starts an agent whose script is given; it is let go in the end."""
    started: list[Running] = []

    def start(script: str) -> Running:
        started.append(Running(sandbox, request_for(agent(f"{textwrap.dedent(script)}\n{WAIT}"))))
        return started[-1]

    yield start
    for running in started:
        running.end()
        assert running.measure() is None


def test_a_script_that_waits_uses_next_to_nothing(working: Callable[[str], Running]) -> None:
    """Neither those who hold an agent nor its walls are counted."""
    found = working("").when(lambda found: True)
    assert found.processes is not None and 1 <= found.processes <= 4
    assert found.memory_bytes is not None and 0 < found.memory_bytes < 20 * MEBIBYTE


def test_memory_and_threads_of_whatever_it_started_count(working: Callable[[str], Running]) -> None:
    """Also of one that hides from its parent."""
    running = working("""
        (setsid python -c '
        import threading, time
        x = bytearray(100 * 2**20)
        for _ in range(20):
            threading.Thread(target=time.sleep, args=(900,), daemon=True).start()
        time.sleep(900)' &)
    """)
    found = running.when(lambda found: (found.memory_bytes or 0) >= 100 * MEBIBYTE and (found.processes or 0) >= 21)
    assert (found.memory_bytes or 0) < 200 * MEBIBYTE
    assert (found.processes or 0) < 40


def test_pages_that_processes_share_count_once(working: Callable[[str], Running]) -> None:
    running = working("""
        python -c '
        import os, time
        x = bytearray(100 * 2**20)
        for _ in range(7):
            if os.fork() == 0:
                break
        time.sleep(900)' &
    """)
    found = running.when(lambda found: (found.processes or 0) >= 9 and (found.memory_bytes or 0) >= 100 * MEBIBYTE)
    assert (found.memory_bytes or 0) < 250 * MEBIBYTE


def test_processor_time_of_those_that_ended_counts(working: Callable[[str], Running]) -> None:
    """Also of those whose parent was not there to see it."""
    spin = "python -c 'import time\nwhile time.process_time() < 0.4: pass'"
    running = working(f"{spin}\n({spin} &)\n")
    first = running.when(lambda found: (found.cpu_seconds or 0) >= 0.8)
    second = running.measure()
    assert second is not None and (second.cpu_seconds or 0) >= (first.cpu_seconds or 0)


def test_disk_is_counted_where_it_is_limited(sandbox: LocalSandbox, working: Callable[[str], Running]) -> None:
    running = working('head -c 30000000 /dev/zero > "$CODE_DIR/x"')
    if sandbox.name == "plain":
        assert running.when(lambda found: True).disk_bytes is None
    else:
        found = running.when(lambda found: (found.disk_bytes or 0) >= 30_000_000)
        assert (found.disk_bytes or 0) < 60_000_000


def test_whoever_attaches_measures_the_same_agent(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("x=$(head -c 30000000 /dev/zero | tr '\\0' x)\n" + WAIT))
    running = Running(sandbox, request)
    running.when(lambda found: (found.memory_bytes or 0) >= 30_000_000)
    running.handle.detach()
    assert running.handle.wait(running.handle.started_at + timedelta(seconds=300)).reason == "detached"
    attached = sandbox.attach(request)
    assert attached is not None
    running.handle = attached
    running.when(lambda found: (found.memory_bytes or 0) >= 30_000_000)
    running.end()


def test_counting_page_by_page_is_done_as_often_as_it_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    now, used = [0.0], [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.thread_time", lambda: used[0])
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        used[0] += 1.0
        return 60

    once = OncePerPage()
    now[0] = 1.0
    # where one process has nearly all, nothing is counted
    assert once.estimate([98, 1, 1], count) == 100
    assert (once.estimate([50, 50], count), len(counted)) == (60, 1)
    assert (once.estimate([25, 25], count), len(counted)) == (30, 1)
    # a second of the processor is one part of two hundred
    now[0] = 200.0
    assert (once.estimate([50, 50], count), len(counted)) == (60, 1)
    now[0] = 202.0
    assert (once.estimate([50, 50], count), len(counted)) == (60, 2)
    # and what has doubled is another thing
    assert (once.estimate([150, 150], count), len(counted)) == (60, 3)
    assert (once.estimate([], count), len(counted)) == (0, 3)
