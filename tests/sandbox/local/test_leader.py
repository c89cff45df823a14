"""Whatever an agent starts ends with its run, and nothing it does to those who hold it changes whose end it was."""

from __future__ import annotations

import os
import resource
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from mlebench.agents import AgentSpec
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import descendants, processes
from mlebench.sandbox.local.handle import LocalHandle
from mlebench.sandbox.local.leader import ENDING
from mlebench.sandbox.local.places import STATE
from mlebench.sandbox.local.plain import PlainWalls
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
Requests = Callable[..., RunRequest]
Agents = Callable[..., AgentSpec]
DAEMON = textwrap.dedent("""
    python - <<'END'
    import os, signal, sys, time
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    os.chdir("/")
    name = os.environ["LOGS_DIR"] + "/ready"
    os.execve(sys.executable, ["-sh", "-c", "import time,os;open(%r,'w').write(str(os.getpid()));time.sleep(900)" % name], {})
    END
    until [ -s "$LOGS_DIR/ready" ]; do sleep 0.02; done
""")
"""Leaves a process without the run's mark, session, group, name or parent, which minds no signal."""
UNTIL_GO = """
    until [ -e "$LOGS_DIR/go" ]; do sleep 0.02; done
"""
BOMB = """
    python - <<'END'
    import os, time
    # bounded, as it is a test: at most 2 ** 7 processes live at once, each replaced when it ends
    for _ in range(7):
        os.fork()
    os.setpgrp() if os.getpid() != os.getsid(0) else None
    open(os.environ["LOGS_DIR"] + "/ready", "w").write(str(os.getpid()))
    while True:
        child = os.fork()
        if child == 0:
            time.sleep(0.05)
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(0.05)
            os._exit(0)
        os.waitpid(child, 0)
    END
"""


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """No process that works in a test's folder, or whose program names it, outlives the test."""
    yield
    # the kernel takes a while to take apart what was killed
    wait_until(lambda: not of_the_test(tmp_path), explain=lambda: of_the_test(tmp_path))


def of_the_test(tmp_path: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), process.cwd()])
        except (psutil.Error, OSError):
            continue
        if str(tmp_path) in words and process.pid != os.getpid():
            found.append(words)
    return found


def play(request: RunRequest) -> Outcome:
    handle = LocalSandbox(PlainWalls()).start(request)
    return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def overrun(request: RunRequest) -> Outcome:
    """The outcome of an attempt whose deadline comes once the agent has written logs/ready."""
    handle = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: ready(request))
    return handle.wait(handle.started_at)


def left_alone(request: RunRequest) -> LocalHandle:
    """A handle that has left its agent, which goes on then."""
    handle = LocalSandbox(PlainWalls()).start(request)
    handle.detach()
    assert handle.wait(handle.started_at + timedelta(seconds=600)).reason == "detached"
    (request.run_dir / "logs" / "go").touch()
    return handle


def ready(request: RunRequest) -> str:
    path = request.run_dir / "logs" / "ready"
    return path.read_text() if path.exists() else ""


def test_a_daemon_that_hides_from_every_search_ends_with_the_agent(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent(DAEMON + "exit 0"))
    assert play(request).reason == "exited"
    assert not processes.is_alive(int(ready(request)))


def test_a_daemon_that_hides_from_every_search_ends_at_the_deadline(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent(DAEMON + "sleep 600"), limits={"grace": 0.2})
    assert overrun(request).reason == "timed-out"
    assert not processes.is_alive(int(ready(request)))


def test_it_ends_with_the_agent_although_no_harness_is_there(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent(DAEMON + UNTIL_GO + "exit 4"))
    handle = left_alone(request)
    wait_until(lambda: ready(request) and not processes.is_alive(int(ready(request))))
    wait_until(lambda: processes.keeper(processes.mark_of(request.run_dir, 1)) is None)
    attached = LocalSandbox(PlainWalls()).attach(request)
    assert attached is not None
    assert attached.wait(handle.started_at + timedelta(seconds=600)).exit_code == 4


@pytest.mark.parametrize(
    "kill",
    [
        "kill -KILL $PPID",
        'kill -KILL $(ps -o ppid= -p "$PPID")',
        "kill -KILL -$(ps -o pgid= -p $PPID | tr -d ' ')",
        "kill -USR1 $(ps -o ppid= -p $PPID)",
    ],
    ids=["the leader", "the keeper", "both", "the keeper by another signal"],
)
def test_an_agent_that_kills_those_who_hold_it_ended_by_itself(agent: Agents, request_for: Requests, kill: str) -> None:
    request = request_for(agent(f"sleep 900 & setsid sleep 901 &\n{kill}; sleep 902"))
    outcome = play(request)
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "killed", "agent")


@pytest.mark.parametrize("kill", ["kill -KILL $PPID", 'kill -KILL $(ps -o ppid= -p "$PPID")'], ids=["the leader", "the keeper"])
def test_killing_one_of_the_two_sets_nothing_free(agent: Agents, request_for: Requests, kill: str) -> None:
    request = request_for(agent(f"{DAEMON}{kill}; sleep 903"))
    assert play(request).reason == "killed"
    assert not processes.is_alive(int(ready(request)))


LIMITS = """
    python - <<'END'
    import os, resource
    def parent(pid):
        return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
    leader = parent(os.getppid())
    for holder in (leader, parent(leader))[:%d]:
        resource.prlimit(holder, resource.RLIMIT_%s, (%d, %d))
    END
"""


@pytest.mark.parametrize("holders", [1, 2])
@pytest.mark.parametrize(("limit", "value"), [("NOFILE", 0), ("NOFILE", 3), ("AS", 1), ("FSIZE", 0)])
def test_lowering_the_limits_of_those_who_hold_it_sets_nothing_free(
    agent: Agents, request_for: Requests, holders: int, limit: str, value: int
) -> None:
    request = request_for(agent(DAEMON + LIMITS % (holders, limit, value, resource.RLIM_INFINITY) + "exit 3"))
    assert play(request).failure_class == "agent"
    assert not processes.is_alive(int(ready(request)))


def test_who_cannot_end_what_it_holds_stays_until_a_harness_does(agent: Agents, request_for: Requests) -> None:
    """Only root can raise such a limit again; for others the run lasts until its time is up."""
    request = request_for(agent(DAEMON + LIMITS % (2, "NOFILE", 0, 0) + "exit 3"), limits={"grace": 0.2})
    handle = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: ready(request))
    assert handle.wait(datetime.now(UTC) + timedelta(seconds=8)).failure_class == "agent"
    assert not processes.is_alive(int(ready(request)))


def test_an_agent_that_kills_the_keeper_without_a_harness_is_no_failure_of_the_infrastructure(
    agent: Agents, request_for: Requests
) -> None:
    request = request_for(agent(UNTIL_GO + 'kill -KILL $(ps -o ppid= -p "$PPID"); sleep 904'))
    handle = left_alone(request)
    wait_until((request.run_dir / STATE / ENDING).exists)
    attached = LocalSandbox(PlainWalls()).attach(request)
    assert attached is not None
    assert attached.wait(handle.started_at + timedelta(seconds=600)).reason == "killed"


def test_those_who_hold_an_agent_are_waited_for_no_longer_when_it_stopped_them(agent: Agents, request_for: Requests) -> None:
    script = "kill -STOP $PPID $(ps -o ppid= -p $PPID); echo $$ > $LOGS_DIR/ready; sleep 905"
    assert overrun(request_for(agent(script), limits={"grace": 0.2})).reason == "timed-out"


def test_a_signal_to_all_of_its_group_reaches_the_agent_alone(agent: Agents, request_for: Requests) -> None:
    outcome = play(request_for(agent("trap '' TERM; kill -TERM 0; exit 7")))
    assert (outcome.exit_code, outcome.failure_class) == (7, "agent")


def test_processes_that_start_others_without_end_are_ended(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent(BOMB), limits={"grace": 0.2})
    started = time.monotonic()
    assert overrun(request).reason == "timed-out"
    assert time.monotonic() - started < 300


def test_nobody_takes_the_place_of_a_process_that_is_ended(tmp_path: Path) -> None:
    """All are stopped before the first is killed: a watcher cannot start anew what it watches."""
    trace = tmp_path / "trace"
    code = f"while :; do sh -c 'echo $$ >> {trace}; sleep 906'; done"
    watcher = psutil.Popen(["setsid", "-w", "sh", "-c", f"{code} & {code} & wait"])
    wait_until(lambda: trace.exists() and len(trace.read_text().split()) == 2)
    assert descendants.end_below(watcher.pid, 20) == 0
    assert len(trace.read_text().split()) == 2
    watcher.kill()
    watcher.wait()


def test_an_exit_code_is_not_the_agents_to_write(agent: Agents, request_for: Requests) -> None:
    """A process in the background writes an end of its own as soon as there is a place for it."""
    script = """
        (while :; do echo '{"code": 143, "boot": "", "mark": ""}' > "$MLEBENCH_HOME/../.local/ending.json"; done) &
    """
    request = request_for(agent(script + UNTIL_GO + "exit 3"))
    handle = left_alone(request)
    wait_until(lambda: processes.keeper(processes.mark_of(request.run_dir, 1)) is None)
    attached = LocalSandbox(PlainWalls()).attach(request)
    assert attached is not None
    outcome = attached.wait(handle.started_at + timedelta(seconds=600))
    assert (outcome.exit_code, outcome.reason, outcome.failure_class) == (3, "exit-code", "agent")


def test_signals_are_as_a_program_expects_them(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("grep -E '^Sig(Blk|Ign)' /proc/self/status"))
    play(request)
    lines = [line for line in (request.run_dir / "run.log").read_text().splitlines() if line.startswith("Sig")]
    ignored = int(lines[1].split()[1], 16)
    assert not any(ignored >> (number - 1) & 1 for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1))


def test_the_agent_keeps_to_its_cores(agent: Agents, request_for: Requests) -> None:
    core = min(os.sched_getaffinity(0))
    request = request_for(agent("nproc; grep Cpus_allowed_list /proc/self/status"), cpu_ids=(core,))
    play(request)
    assert f"Cpus_allowed_list:\t{core}\n" in (request.run_dir / "run.log").read_text()


def test_a_limit_is_counted_by_no_wall_clock(agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps a day back and a day forth while the agent is running."""
    from mlebench.sandbox.local import handle as local_handle

    class Jumping(datetime):
        day = 0

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            cls.day = -cls.day or 1
            return datetime.now(UTC) + timedelta(days=cls.day)

    request = request_for(agent('until [ -e "$LOGS_DIR/go" ]; do sleep 0.02; done'), limits={"grace": 0.2})
    handle = LocalSandbox(PlainWalls()).start(request)
    monkeypatch.setattr(local_handle, "datetime", Jumping)
    monkeypatch.setattr("time.time", lambda: 0.0)
    (request.run_dir / "logs" / "go").touch()
    assert handle.wait(handle.started_at + timedelta(seconds=300)).reason == "exited"
    again = request_for(agent("sleep 907"), limits={"grace": 0.2})
    begun = time.monotonic()
    handle = LocalSandbox(PlainWalls()).start(again)
    outcome = handle.wait(handle.started_at + timedelta(seconds=1))
    assert outcome.reason == "timed-out"
    assert 0.9 < time.monotonic() - begun < 300
    assert outcome.started_at is not None and outcome.ended_at is not None
    assert 0.9 < (outcome.ended_at - outcome.started_at).total_seconds() < 300
