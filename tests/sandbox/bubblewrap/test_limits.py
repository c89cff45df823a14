"""Limits hold within walls of bubblewrap, and a run that goes beyond one is named by the word that it has in a container."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from mlebench.sandbox import get_sandbox
from mlebench.sandbox.local import processes
from tests.bubblewrap import needs_bubblewrap
from tests.sandbox.bubblewrap.conftest import Bench
from tests.waiting import wait_until

pytestmark = needs_bubblewrap

EAT = """
def eat():
    held = []
    while True:
        try:
            held.append(bytearray(2**24))
        except MemoryError:
            # a busy kernel refuses now and then; a hog does not give up for it
            continue
        for place in range(0, 2**24, 4096):
            held[-1][place] = 1
"""
HOGS = {
    "its own": "eat()",
    "a child's": "import os\nif os.fork():\n    os.wait()\nelse:\n    eat()",
    "of many, none of which has much": """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(100 * 2**20)
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(600)
time.sleep(600)
""",
    "without a name": "import os\nfile = os.memfd_create('x')\nwhile True:\n    os.write(file, bytes(2**20))",
    "shared by descent": """
import mmap, time
held = mmap.mmap(-1, 2**30)
for place in range(0, 2**30, 4096):
    held[place] = 1
time.sleep(600)
""",
    "in /dev/shm": """
import time
file = open("/dev/shm/x", "wb")
while True:
    file.write(bytes(2**20))
""",
    "of one that hides itself": "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\neat()",
}


@pytest.mark.parametrize("program", HOGS.values(), ids=HOGS)
def test_memory_hog_ends_as_out_of_memory(bench: Bench, program: str) -> None:
    limits = {"memory": 400 * 2**20, "shm": 2**30}
    ended = bench.run(f"exec {sys.executable} /home/agent/hog.py", files={"hog.py": EAT + program}, profile=limits)
    assert (ended.outcome.reason, ended.outcome.failure_class) == ("out-of-memory", "agent"), ended.log
    assert "more than its 400.0 MiB of memory" in ended.outcome.detail


HIDDEN = """
import mmap, time
held = mmap.mmap(-1, 600 * 2**20)
for start in range(0, 600 * 2**20, 2**20):
    for place in range(start, start + 2**20, 4096):
        held[place] = 1
    held.madvise(mmap.MADV_DONTNEED, start, 2**20)
time.sleep(600)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may ask how large a mapped file is")
def test_memory_that_no_process_counts_is_found(bench: Bench) -> None:
    limits = {"memory": 400 * 2**20}
    ended = bench.run(f"exec {sys.executable} /home/agent/hog.py", files={"hog.py": HIDDEN}, profile=limits)
    assert ended.outcome.reason == "out-of-memory", ended.log


def test_memory_that_processes_share_counts_once(bench: Bench) -> None:
    program = """
import os, time
held = bytearray(200 * 2**20)
for place in range(0, len(held), 4096):
    held[place] = 1
children = [os.fork() for _ in range(5) if True]
if 0 in children:
    time.sleep(3)
    os._exit(0)
time.sleep(3)
"""
    ended = bench.run(f"exec {sys.executable} /home/agent/a.py", files={"a.py": program}, profile={"memory": 500 * 2**20})
    assert ended.outcome.state == "finished", ended.log
    assert ended.outcome.resources["peak_memory_bytes"] > 200 * 2**20


def test_shared_memory_is_limited(bench: Bench) -> None:
    ended = bench.run("dd if=/dev/zero of=/dev/shm/x bs=1M count=50", profile={"shm": 16 * 2**20})
    assert ended.outcome.reason == "exit-code"
    assert "No space left" in ended.log


def test_fork_bomb_is_ended_while_another_run_goes_on(bench: Bench) -> None:
    # it has an end, so that it harms no machine on which nothing stops it
    bomb = """
import os, time
for _ in range(11):
    try:
        os.fork()
    except OSError:
        break
time.sleep(600)
"""
    other = bench.request("until [ -e /home/logs/go ]; do sleep 0.1; done; echo went on", run_id="other_seed0")
    handle = get_sandbox("bubblewrap").start(other)
    # an ordinary user's bomb lasts until its time is up
    limits = {"pids": 200, "time_limit": 300 if os.getuid() == 0 else 60}
    ended = bench.run(f"exec {sys.executable} /home/agent/bomb.py", files={"bomb.py": bomb}, profile=limits)
    (other.run_dir / "logs" / "go").touch()
    assert handle.wait(handle.started_at + timedelta(seconds=300)).state == "finished"
    if os.getuid() == 0:
        assert (ended.outcome.reason, ended.outcome.failure_class) == ("process-limit", "agent"), ended.log
    else:
        # the kernel counts an ordinary user's processes, and the bomb stands at the limit
        assert ended.outcome.reason in ("process-limit", "timed-out"), ended.log


@pytest.mark.parametrize("place", ["/home/code/x", "/home/x", "/tmp/x", "/var/tmp/x"])
def test_disk_filler_is_ended_wherever_it_writes(bench: Bench, place: str) -> None:
    ended = bench.run(f"dd if=/dev/zero of={place} bs=1M count=200; sleep 600", profile={"disk": 100 * 2**20})
    assert (ended.outcome.reason, ended.outcome.failure_class) == ("disk-full", "agent"), ended.log
    assert list((ended.run_dir).glob(".local")) == []


NAMELESS = {
    "open": "time.sleep(600)",
    "mapped": "held = mmap.mmap(file.fileno(), 150 * 2**20)\nfile.close()\ntime.sleep(600)",
}


@pytest.mark.parametrize("hold", NAMELESS.values(), ids=NAMELESS)
def test_a_file_that_lost_its_name_takes_its_place_on_disk(bench: Bench, hold: str) -> None:
    program = f"""
import mmap, os, time
file = open("/tmp/x", "w+b")
os.unlink("/tmp/x")
for _ in range(150):
    file.write(bytes(2**20))
file.flush()
{hold}
"""
    limits = {"disk": 100 * 2**20}
    ended = bench.run(f"exec {sys.executable} /home/agent/a.py", files={"a.py": program}, profile=limits)
    assert (ended.outcome.reason, ended.outcome.failure_class) == ("disk-full", "agent"), ended.log


def test_every_process_is_told_before_the_end(bench: Bench) -> None:
    script = """
        (trap 'echo child > /home/code/child; exit' TERM; touch /home/logs/child; while :; do sleep 0.05; done) &
        trap 'echo parent > /home/code/parent; exit' TERM
        touch /home/logs/parent
        while :; do sleep 0.05; done
    """
    request = bench.request(script, profile={"grace": 60})
    handle = get_sandbox("bubblewrap").start(request)
    wait_until(lambda: all((request.run_dir / "logs" / name).exists() for name in ("child", "parent")))
    threading.Thread(target=handle.stop, args=(60,)).start()
    assert handle.wait(handle.started_at + timedelta(seconds=300)).state == "cancelled"
    assert {path.name for path in (request.run_dir / "code").iterdir()} == {"child", "parent"}


def test_an_agent_that_kills_all_it_can_ended_by_itself(bench: Bench) -> None:
    for end in ("kill -9 $$", "exit 137"):
        ended = bench.run(end)
        assert (ended.outcome.reason, ended.outcome.failure_class) == ("killed", "agent"), ended.log


def command_lines() -> Iterator[bytes]:
    """Those of all processes of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # one that ends meanwhile has none
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def test_nothing_of_a_run_is_left_on_the_machine(bench: Bench) -> None:
    marker = f"left-{abs(hash(bench.folder)):x}"
    start = f"bash -c 'exec -a {marker} sleep 600'"
    ended = bench.run(f"setsid {start} & ({start} &) ; exit 0")
    assert ended.outcome.state == "finished"
    assert [words for words in command_lines() if marker.encode() in words] == []
    assert {path.name for path in ended.run_dir.iterdir()} >= {"run.log", "submission", "logs", "code"}
    assert not (ended.run_dir / "home").exists()


def test_a_machine_that_asks_every_process_to_leave_lets_the_agent_save_its_work(bench: Bench) -> None:
    # as a queue does at the end of a job, and a service manager at the end of a service
    wait = "until [ -e /home/logs/go ]; do sleep 0.05; done"
    script = f"trap '{wait}; echo saved > /home/code/saved; exit' TERM; touch /home/logs/ready; while :; do sleep 0.05; done"
    request = bench.request(script)
    handle = get_sandbox("bubblewrap").start(request)
    wait_until((request.run_dir / "logs" / "ready").exists)
    keeper = processes.keeper(processes.mark_of(request.run_dir, request.attempt))
    assert keeper is not None
    for process in [keeper, *keeper.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    (request.run_dir / "logs" / "go").touch()
    outcome = handle.wait(handle.started_at + timedelta(seconds=300))
    assert (request.run_dir / "code" / "saved").exists(), outcome
