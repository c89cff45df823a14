"""What an agent within walls of bubblewrap tries against those who hold it, its limits and other runs."""

from __future__ import annotations

import os
import resource
import sys
from datetime import timedelta
from typing import Any

from mlebench.sandbox import get_sandbox
from mlebench.sandbox.local import leader, processes
from tests.bubblewrap import needs_bubblewrap
from tests.sandbox.bubblewrap.conftest import Bench
from tests.waiting import wait_until

pytestmark = needs_bubblewrap

MEBIBYTE = 2**20


def script_of(program: str) -> dict[str, Any]:
    return {"script": f"exec {sys.executable} /home/agent/a.py", "files": {"a.py": program}}


def test_who_takes_its_own_output_away_is_watched_all_the_same(bench: Bench) -> None:
    thief = """
import os, time
mine = os.open("/proc/self/fd/1", os.O_RDONLY)
for _ in range(8):
    if os.fork() == 0:
        while True:
            os.read(mine, 100)
for _ in range(300):
    os.write(1, b"x")
    time.sleep(0.005)
held = bytearray(300 * 2**20)
for place in range(0, len(held), 4096):
    held[place] = 1
time.sleep(600)
"""
    ended = bench.run(**script_of(thief), profile={"memory": 256 * MEBIBYTE})
    assert ended.outcome.reason == "out-of-memory", ended.log


def test_nobody_poses_as_who_holds_another_run(bench: Bench) -> None:
    other = bench.request("true", run_id="other_seed0")
    mark = processes.mark_of(other.run_dir, other.attempt)
    pose = f"{processes.MARK_VARIABLE}={mark} exec setsid --wait bash -c 'touch /home/logs/ready; sleep 600; :' {leader.__file__}"
    request = bench.request(pose)
    handle = get_sandbox("bubblewrap").start(request)
    try:
        wait_until((request.run_dir / "logs" / "ready").exists)
        assert list(processes.marked(mark))
        assert processes.keeper(mark) is None
    finally:
        handle.stop(0)
        handle.wait(handle.started_at + timedelta(seconds=300))


def test_an_agent_keeps_to_its_cores_whatever_it_asks_for(bench: Bench) -> None:
    [core, *_] = sorted(os.sched_getaffinity(0))
    wider = "import os; os.sched_setaffinity(0, range(os.cpu_count())); print(sorted(os.sched_getaffinity(0)))"
    assert bench.run(**script_of(wider), cpu_ids=(core,)).said == [str([core])]


def test_a_crash_starts_no_program_of_the_machine_that_keeps_dumps(bench: Bench) -> None:
    # 1 is the one limit that the kernel minds for a pipe as well as for a file
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    expected = 0 if most == 0 else 1
    asking = "import resource; print(*resource.getrlimit(resource.RLIMIT_CORE))"
    assert bench.run(**script_of(asking)).said == [f"{expected} {expected}"]
