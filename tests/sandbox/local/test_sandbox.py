"""The local sandbox: the container's layout in a folder, limits kept, nothing left behind, found again after a crash."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.sandbox import LocalSandbox, mark
from tests.sandbox.local.conftest import SUBMIT

Requests = Callable[..., RunRequest]
Agents = Callable[..., AgentSpec]


def play(request: RunRequest) -> Outcome:
    handle = LocalSandbox().start(request)
    return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_agent_finds_the_containers_layout(agent: Agents, request_for: Requests) -> None:
    script = """
        set -e
        cd "$MLEBENCH_HOME"
        cat data/description.md instructions.txt
        test -f data/test.csv && test -x agent/start.sh && test ! -e data/../private
        echo log > logs/a.log; echo code > code/a.py; cp "$DATA_DIR/sample_submission.csv" submission/submission.csv
        echo "seed $MLEBENCH_SEED of $COMPETITION_ID, steps: $1"
    """
    request = request_for(agent(script, settings="arguments: {steps: 20}"))
    outcome = play(request)
    log = (request.run_dir / "run.log").read_text()
    assert (outcome.state, outcome.exit_code, outcome.failure_class) == ("finished", 0, None), log
    assert "What to do.How to do it." in log
    assert "seed 7 of toy-a, steps: steps=20" in log
    assert "isolates nothing" in log
    assert (request.run_dir / "logs" / "a.log").read_text() == "log\n"
    assert (request.run_dir / "code" / "a.py").exists()
    assert (request.run_dir / "submission" / "submission.csv").read_text().startswith("id,y")
    assert not (request.run_dir / "home").exists()


def test_agent_cannot_change_its_folder_or_the_environment_of_the_harness(
    agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "private")
    chosen = agent("echo changed >> start.sh; env")
    request = request_for(chosen)
    play(request)
    assert "changed" not in (chosen.directory / "start.sh").read_text().splitlines()
    assert "KAGGLE_KEY" not in (request.run_dir / "run.log").read_text()


@pytest.mark.parametrize(("script", "reason"), [("exit 3", "exit-code"), ("kill -9 $$", "killed")])
def test_failure_of_the_agent_is_named_and_is_its_own(agent: Agents, request_for: Requests, script: str, reason: str) -> None:
    outcome = play(request_for(agent(script)))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", reason, "agent")
    assert outcome.resources["cpu_seconds"] >= 0


def test_agent_that_is_terminated_from_outside_is_not_to_blame(agent: Agents, request_for: Requests) -> None:
    outcome = play(request_for(agent("kill -TERM $$")))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "terminated", "infrastructure")


def overrun(request: RunRequest) -> Outcome:
    """The outcome of an attempt whose deadline comes once the agent has made logs/ready."""
    handle = LocalSandbox().start(request)
    wait_for(lambda: (request.run_dir / "logs" / "ready").exists())
    return handle.wait(datetime.now(UTC))


def test_time_limit_ends_every_process_and_keeps_the_submission(agent: Agents, request_for: Requests) -> None:
    script = (
        SUBMIT
        + """
        trap '' TERM
        (trap '' TERM; sleep 600) &
        setsid sleep 601 &
        touch "$LOGS_DIR/ready"
        sleep 602
    """
    )
    request = request_for(agent(script), limits={"grace": 0.3})
    started = time.monotonic()
    outcome = overrun(request)
    assert time.monotonic() - started < 300
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("timed-out", "timed-out", "agent")
    assert (request.run_dir / "submission" / "submission.csv").exists()
    wait_for(lambda: not processes.marked(mark(request.run_dir, request.attempt)))


def test_agent_may_save_its_work_in_the_grace_period(agent: Agents, request_for: Requests) -> None:
    script = """
        trap 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"; exit 0' TERM
        touch "$LOGS_DIR/ready"
        while true; do sleep 0.05; done
    """
    request = request_for(agent(script), limits={"grace": 60})
    outcome = overrun(request)
    assert outcome.state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").exists()


def test_what_the_agent_left_in_the_background_may_save_its_work_too(agent: Agents, request_for: Requests) -> None:
    script = """
        cat > save.sh <<'END'
            trap 'sleep 0.5; echo saved > "$SUBMISSION_DIR/submission.csv"; exit' TERM
            touch "$LOGS_DIR/ready"
            while true; do sleep 0.05; done
END
        setsid bash save.sh &
        wait
    """
    request = request_for(agent(script), limits={"grace": 60})
    assert overrun(request).state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "saved\n"


def test_processes_that_the_agent_left_behind_are_ended(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600 & setsid sleep 601 & exit 0"))
    assert play(request).state == "finished"
    wait_for(lambda: not processes.marked(mark(request.run_dir, request.attempt)))


def test_stopping_from_another_thread_cancels(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600"))
    handle = LocalSandbox().start(request)
    threading.Timer(0.2, handle.stop, [0.2]).start()
    outcome = handle.wait(handle.started_at + timedelta(seconds=60))
    assert (outcome.state, outcome.failure_class) == ("cancelled", None)


def test_secrets_never_reach_the_log(agent: Agents, request_for: Requests) -> None:
    script = 'echo "the key is $KEY"; printf "%s" "$KEY" >&2; sleep 0.1; printf "sk-"; sleep 0.1; echo "secret-value"'
    request = request_for(agent(script), environment={"KEY": "sk-secret-value"}, secrets=("sk-secret-value",))
    play(request)
    log = (request.run_dir / "run.log").read_text()
    assert log.count("***") == 3
    assert "secret-value" not in log


@pytest.mark.skipif(shutil.which("curl") is None, reason="the checker's script needs curl")
def test_agent_may_ask_whether_its_submission_is_valid(agent: Agents, request_for: Requests) -> None:
    script = (
        SUBMIT
        + """
        cd "$MLEBENCH_HOME"
        ./validate_submission.sh; echo "exit $?"
        ./validate_submission.sh data/test.csv; echo "exit $?"
    """
    )

    def validate(path: Path) -> tuple[bool, str]:
        return ("y" in path.read_text(), "column y is missing")

    request = request_for(agent(script), validate=validate)
    play(request)
    log = (request.run_dir / "run.log").read_text()
    assert "valid: the submission is valid\nexit 0" in log, log
    assert "column y is missing\nexit 1" in log


def test_changed_submissions_are_kept_as_snapshots(agent: Agents, request_for: Requests) -> None:
    script = """
        for step in 1 2 3; do
            echo "$step" > "$SUBMISSION_DIR/submission.csv"
            touch -d '1 minute ago' "$SUBMISSION_DIR/submission.csv"
            sleep 1.2
        done
    """
    request = request_for(agent(script), limits={"snapshot_every": 0.2})
    play(request)
    kept = sorted((request.run_dir / "snapshots").glob("*.csv"))
    assert [path.read_text().strip() for path in kept] == ["1", "2", "3"]
    assert all(len(path.stem) == 6 and path.stem.isdigit() for path in kept)


def test_a_link_instead_of_a_submission_is_no_snapshot(agent: Agents, request_for: Requests) -> None:
    script = 'ln -s /etc/hostname "$SUBMISSION_DIR/submission.csv"; sleep 1'
    request = request_for(agent(script), limits={"snapshot_every": 0.2})
    play(request)
    assert not list((request.run_dir / "snapshots").iterdir())


def start_and_die(request: RunRequest) -> None:
    """Start the request in a harness that is killed at once."""
    import pickle

    code = textwrap.dedent("""
        import os, pickle, signal, sys
        from mlebench.sandbox.local.sandbox import LocalSandbox
        LocalSandbox().start(pickle.loads(sys.stdin.buffer.read()))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(request), check=False)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_live_attempt_is_found_again_with_its_time_and_exit_code(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 1.5; echo the end; exit 5"))
    before = datetime.now(UTC)
    start_and_die(request)
    time.sleep(0.3)
    handle = LocalSandbox().attach(request)
    assert handle is not None
    assert abs((handle.started_at - before).total_seconds()) < 2
    outcome = handle.wait(handle.started_at + timedelta(seconds=60))
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert "the end" in (request.run_dir / "run.log").read_text()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_attempt_that_ended_meanwhile_is_found_with_its_end(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("exit 0"))
    start_and_die(request)
    wait_for(lambda: (request.run_dir / ".local" / "exit_code").exists())
    handle = LocalSandbox().attach(request)
    assert handle is not None
    assert handle.wait(datetime.now(UTC) + timedelta(seconds=60)).state == "finished"


def test_no_trace_is_found_of_what_never_ran(agent: Agents, request_for: Requests) -> None:
    assert LocalSandbox().attach(request_for(agent())) is None


def test_attempt_past_its_limit_is_stopped_when_found(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600"), limits={"time_limit": 0.2, "grace": 0.2})
    start_and_die(request)
    time.sleep(0.4)
    handle = LocalSandbox().attach(request)
    assert handle is not None
    assert handle.wait(handle.started_at + timedelta(seconds=0.2)).state == "timed-out"
    wait_for(lambda: not processes.marked(mark(request.run_dir, request.attempt)))


def test_descriptors_are_given_back(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("exit 0"), environment={"A": "b"}, secrets=("secret",))
    play(request)
    before = open_descriptors()
    for _ in range(5):
        play(request)
    assert open_descriptors() <= before + 1


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_agents_that_start_at_the_same_time_all_start(agent: Agents, request_for: Requests, tmp_path: Path) -> None:
    """A script whose copy another start's process still held open for writing could not be executed ("text file busy")."""
    request = request_for(agent("exit 7"))

    def start(number: int) -> int | None:
        run_dir = tmp_path / "many" / str(number)
        run_dir.mkdir(parents=True)
        handle = LocalSandbox().start(replace(request, run_id=f"run-{number}", run_dir=run_dir))
        return handle.wait(handle.started_at + timedelta(seconds=30)).exit_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(start, range(160))) == {7}
