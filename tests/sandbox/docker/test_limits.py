"""A run that goes beyond its limits ends with a name for it, and harms neither the host nor other runs."""

from __future__ import annotations

import pytest

from tests.sandbox.docker.conftest import Bench, Ended

FORK_BOMB = """exec python - <<'END'
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(0.01)
    except OSError:
        pass
END
"""


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """On an engine that holds nobody to limits a fork bomb takes the whole machine."""
    if bench.enforcement != "enforced":
        pytest.skip("this engine holds nobody to limits, and runs that must be held are refused")
    return bench


def check_out_of_memory(bench: Bench, ended: Ended) -> None:
    """Podman does not tell why the kernel ended what was not the first process of a container."""
    if bench.engine == "docker":
        assert (ended.outcome.state, ended.outcome.reason) == ("failed", "out-of-memory")
        assert "512.0 MiB" in ended.outcome.detail
    else:
        assert (ended.outcome.state, ended.outcome.reason) in [("failed", "out-of-memory"), ("failed", "killed")]


def test_memory_hog_ends_as_out_of_memory(bench: Bench) -> None:
    ended = bench.run("echo 'id,y' > /home/submission/submission.csv\nexec python -c 'x = b\"a\" * (3 * 2**30)'")
    assert ended.outcome.failure_class == "agent"
    check_out_of_memory(bench, ended)
    # what it had submitted by then is copied out
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "id,y\n"


def test_memory_of_a_child_process_counts_too(bench: Bench) -> None:
    ended = bench.run("python -c 'x = b\"a\" * (3 * 2**30)' & wait $!")
    check_out_of_memory(bench, ended)


def test_shared_memory_is_limited(bench: Bench) -> None:
    ended = bench.run("dd if=/dev/zero of=/dev/shm/x bs=1M count=200 2>/dev/null; stat -c %s /dev/shm/x", profile={"shm": "16m"})
    assert str(16 * 2**20) in ended.log


def test_fork_bomb_is_ended_while_another_run_goes_on(bench: Bench) -> None:
    request = bench.request(FORK_BOMB, run_id="bomb_seed0", profile={"pids": 100, "time_limit": 600})
    bomb = bench.sandbox.start(request)
    bomb._guard.stuck_seconds = 2
    other = bench.run("python -c 'print(6 * 7)'", run_id="other_seed0")
    assert other.outcome.state == "finished"
    assert "42" in other.log
    ended = bench.end(bomb, request)
    assert (ended.outcome.state, ended.outcome.reason) == ("failed", "process-limit")
    assert ended.outcome.failure_class == "agent"
    assert ended.outcome.resources["peak_processes"] >= 100


def test_disk_filler_is_ended_before_the_host_is_full(bench: Bench) -> None:
    # not as fast as the disk: of the seconds that a busy machine takes to notice, none fills the host
    write = "dd if=/dev/zero bs=4M count=1 2>/dev/null >> /home/code/junk"
    slowly = f"i=0; while [ $i -lt 3000 ]; do {write}; i=$((i + 1)); sleep 0.02; done"
    filler = f"echo 'id,y' > /home/submission/submission.csv\n{slowly}; sleep 60"
    ended = bench.run(filler, profile={"disk": "300m", "max_output": "10m"})
    assert (ended.outcome.state, ended.outcome.reason) == ("failed", "disk-full")
    assert ended.outcome.failure_class == "agent"
    assert ended.outcome.resources["disk_bytes"] < 10 * 2**30
    assert (ended.run_dir / "submission" / "submission.csv").exists()
    assert not (ended.run_dir / "code" / "junk").exists()
    assert "left out code/junk" in ended.log


def test_sleeper_is_stopped_within_the_grace_period_and_its_submission_kept(bench: Bench) -> None:
    script = "trap '' TERM\necho last > /home/submission/submission.csv\necho ready\nsleep 600"
    ended = bench.overrun(script, profile={"grace": 2})
    assert (ended.outcome.state, ended.outcome.reason) == ("timed-out", "timed-out")
    assert ended.outcome.failure_class == "agent"
    assert 2 <= (ended.outcome.ended_at - ended.outcome.started_at).total_seconds() < 300
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "last\n"


def test_every_process_is_told_before_the_end(bench: Bench) -> None:
    # the one in a session of its own too
    save = (
        "trap 'while kill -0 $$ 2>/dev/null; do sleep 0.1; done; echo saved > /home/submission/submission.csv; exit' TERM\n"
        "echo ready; while :; do sleep 0.1; done"
    )
    # $$ is the agent's own process, which ends first
    script = f'setsid sh -c "{save}" &\nwait'
    ended = bench.overrun(script, profile={"grace": 60})
    assert ended.outcome.state == "timed-out"
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "saved\n"


def test_cpu_share_is_limited(bench: Bench) -> None:
    measure = (
        "import time\nwall, cpu = time.time(), time.process_time()\n"
        "while time.time() - wall < 2: pass\nprint('share', (time.process_time() - cpu) / (time.time() - wall))"
    )
    ended = bench.run("exec python /home/agent/measure.py", files={"measure.py": measure}, profile={"cpus": 0.25})
    share = float(ended.log.split("share ")[1].split()[0])
    assert share < 0.4
