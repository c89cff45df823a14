"""What any local run does, whatever walls stand around its agent: limits of time kept, nothing left behind, found again."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import handle as local_handle
from mlebench.sandbox.local import places, processes
from mlebench.sandbox.local.ending import ASKED, Ending, keep_asked, read_asked, read_ending
from mlebench.sandbox.local.places import STATE
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.scripted import SUBMIT
from tests.waiting import wait_until

Requests = Callable[..., RunRequest]
Agents = Callable[..., AgentSpec]
PROFILE = Profile(name="toy", time_limit=30, network="none")


def play(sandbox: LocalSandbox, request: RunRequest) -> Outcome:
    handle = sandbox.start(request)
    return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def alive(request: RunRequest) -> list[int]:
    return [process.pid for process in processes.marked(processes.mark_of(request.run_dir, request.attempt))]


def ending(request: RunRequest) -> Ending | None:
    return read_ending(request.run_dir / STATE, processes.mark_of(request.run_dir, request.attempt))


def is_ready(request: RunRequest) -> bool:
    """Whether the agent has made logs/ready."""
    return (request.run_dir / "logs" / "ready").exists()


@pytest.fixture
def socket_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the folder of sockets is to be; in a temporary folder with a short path, as sockets need one."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="m") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder) / f"mlebench-{os.getuid()}"


def test_an_agent_that_lives_in_an_image_is_refused(sandbox: LocalSandbox, agent: Agents) -> None:
    for settings in ("image: me/mine:1", "stages: [node]"):
        chosen = agent(settings=settings)
        assert sandbox.problems([chosen], PROFILE) == ["agent scripted needs an image; run it with `--sandbox docker`"]
    assert sandbox.problems([agent()], PROFILE) == []


def test_agent_cannot_change_its_folder_or_the_environment_of_the_harness(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "private")
    chosen = agent("echo changed >> start.sh; env")
    request = request_for(chosen)
    play(sandbox, request)
    assert "changed" not in (chosen.directory / "start.sh").read_text().splitlines()
    assert "KAGGLE_KEY" not in (request.run_dir / "run.log").read_text()


def test_an_agent_that_the_shutdown_of_the_machine_ended_is_not_to_blame(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was started anew, when the next harness finds its end."""
    request = request_for(agent("kill -TERM $$"))
    handle = sandbox.start(request)
    wait_until(lambda: ending(request) is not None and not alive(request))
    monkeypatch.setattr(local_handle, "boot_id", lambda: "another start of the machine")
    attached = sandbox.attach(request)
    assert attached is not None
    outcome = attached.wait(handle.started_at + timedelta(seconds=300))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "terminated", "infrastructure")


def test_an_agent_that_was_terminated_while_nothing_waited_for_it_is_not_to_blame(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    """A node that is taken away ends its agents, and may end those who wait for them first."""
    request = request_for(agent("kill -TERM $$"))
    sandbox.start(request)
    wait_until(lambda: ending(request) is not None and not alive(request))
    attached = sandbox.attach(request)
    assert attached is not None
    outcome = attached.wait(datetime.now(UTC) + timedelta(seconds=300))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "place-lost", "infrastructure")


def test_an_agent_that_terminates_itself_before_our_eyes_is(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    outcome = play(sandbox, request_for(agent("kill -TERM $$")))
    assert (outcome.state, outcome.reason, outcome.exit_code, outcome.failure_class) == ("failed", "exit-code", 143, "agent")


@pytest.mark.parametrize(("ask", "reason"), [("stop", "cancelled"), ("detach", "detached")])
def test_what_a_harness_is_asked_just_after_its_agent_was_terminated_comes_first(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch, ask: str, reason: str
) -> None:
    """A queue ends all processes of a job at once, the agent's and the harness's."""
    monkeypatch.setattr(local_handle, "_LATE_SECONDS", 300.0)
    request = request_for(agent("kill -TERM $$"))
    handle = sandbox.start(request)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(handle.wait, handle.started_at + timedelta(seconds=300))
        wait_until(lambda: ending(request) is not None and not alive(request))
        handle.stop(1) if ask == "stop" else handle.detach()
        assert ended.result().reason == reason


@pytest.mark.parametrize(
    ("why", "state", "reason", "failure_class"),
    [("deadline", "timed-out", "timed-out", "agent"), ("stop", "failed", "place-lost", "infrastructure")],
)
@pytest.mark.parametrize("saves", ["exit 0", "exit 3", "trap - TERM; kill -TERM $$"])
def test_an_agent_that_a_harness_ended_before_it_died_did_not_end_by_itself(
    sandbox: LocalSandbox,
    agent: Agents,
    request_for: Requests,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
    state: str,
    reason: str,
    failure_class: str,
    saves: str,
) -> None:
    """Whatever it says to that: who finds its end later knows why it was asked."""
    request = request_for(agent(f'trap "{saves}" TERM; touch "$LOGS_DIR/ready"; while true; do sleep 0.05; done'), {"grace": 60})
    handle = sandbox.start(request)
    wait_until(lambda: is_ready(request))

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(handle, "_conclude", die)
        if why == "stop":
            handle.stop(60)
        with pytest.raises(SystemExit):
            handle.wait(datetime.now(UTC) + timedelta(seconds=0 if why == "deadline" else 300))
    found = sandbox.attach(request)
    assert found is not None
    outcome = found.wait(datetime.now(UTC) + timedelta(seconds=300))
    assert (outcome.state, outcome.reason, outcome.failure_class) == (state, reason, failure_class)


def watched_twice(sandbox: LocalSandbox, request: RunRequest) -> tuple[local_handle.LocalHandle, local_handle.LocalHandle]:
    """An agent that has begun, by whoever started it and by another harness."""
    first = sandbox.start(request)
    wait_until(lambda: is_ready(request))
    second = sandbox.attach(request)
    assert second is not None
    return first, second


def test_of_two_that_wait_for_an_agent_both_know_why_one_ended_it(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    """A place that was believed dead is still running beside its successor."""
    request = request_for(agent('touch "$LOGS_DIR/ready"; sleep 900'))
    first, second = watched_twice(sandbox, request)
    with ThreadPoolExecutor(2) as threads:
        later = threads.submit(second.wait, datetime.now(UTC) + timedelta(seconds=300))
        assert threads.submit(first.wait, datetime.now(UTC)).result().state == "timed-out"
        assert later.result().state == "timed-out"


def test_who_looks_while_another_harness_clears_up_knows_the_end_that_it_recorded(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why it was ended may be gone already while other files of the attempt still lie there."""
    request = request_for(agent('touch "$LOGS_DIR/ready"; sleep 900'))
    first, second = watched_twice(sandbox, request)
    state, remove = request.run_dir / STATE, places.remove_tree
    outcomes: list[Outcome | None] = []

    def remove_slowly(path: Path) -> None:
        if path == state and not outcomes:
            (state / ASKED).unlink()
            outcomes.append(None)
            outcomes[0] = second.wait(datetime.now(UTC) + timedelta(seconds=300))
        remove(path)

    monkeypatch.setattr(places, "remove_tree", remove_slowly)
    outcomes_of_both = [first.wait(datetime.now(UTC)), *outcomes]
    assert [outcome and outcome.state for outcome in outcomes_of_both] == ["timed-out"] * 2


def test_a_harness_that_died_before_it_had_ended_an_agent_explains_no_later_end(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    request = request_for(agent("exit 3"))
    sandbox.start(request)
    mark = processes.mark_of(request.run_dir, request.attempt)
    keep_asked(request.run_dir / STATE, mark, "stop", -1000)
    wait_until(lambda: ending(request) is not None and not alive(request))
    attached = sandbox.attach(request)
    assert attached is not None
    outcome = attached.wait(datetime.now(UTC) + timedelta(seconds=300))
    assert (outcome.reason, outcome.exit_code, outcome.failure_class) == ("exit-code", 3, "agent")


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"mark": 1}', '{"mark": "MARK"}', '{"mark": "MARK", "why": [], "since": 0, "until": 1e999}']
)
def test_what_no_harness_wrote_about_an_end_says_nothing(tmp_path: Path, content: str) -> None:
    assert read_asked(tmp_path, "MARK") is None
    (tmp_path / ASKED).write_text(content)
    assert read_asked(tmp_path, "MARK") is None


def overrun(sandbox: LocalSandbox, request: RunRequest) -> Outcome:
    """The outcome of an attempt whose deadline comes once the agent has made logs/ready."""
    handle = sandbox.start(request)
    wait_until(lambda: is_ready(request))
    return handle.wait(datetime.now(UTC))


def test_time_limit_ends_every_process_and_keeps_the_submission(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
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
    outcome = overrun(sandbox, request)
    assert time.monotonic() - started < 300
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("timed-out", "timed-out", "agent")
    assert (request.run_dir / "submission" / "submission.csv").exists()
    wait_until(lambda: not alive(request))


def test_agent_may_save_its_work_in_the_grace_period(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    script = """
        trap 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"; exit 0' TERM
        touch "$LOGS_DIR/ready"
        sleep 600 & wait
    """
    request = request_for(agent(script), limits={"grace": 60})
    outcome = overrun(sandbox, request)
    assert outcome.state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").exists()


def test_what_the_agent_left_in_the_background_may_save_its_work_too(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    script = """
        cat > save.sh <<'END'
            trap 'while kill -0 "$AGENT"; do sleep 0.05; done; echo saved > "$SUBMISSION_DIR/submission.csv"; exit' TERM
            touch "$LOGS_DIR/ready"
            sleep 600 & wait
END
        AGENT=$$ setsid bash save.sh &
        wait
    """
    request = request_for(agent(script), limits={"grace": 60})
    assert overrun(sandbox, request).state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "saved\n"


def test_processes_that_the_agent_left_behind_are_ended(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600 & setsid sleep 601 & exit 0"))
    assert play(sandbox, request).state == "finished"
    wait_until(lambda: not alive(request))


def test_stopping_from_another_thread_cancels(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent('touch "$LOGS_DIR/ready"; sleep 600'))
    handle = sandbox.start(request)

    def stop() -> None:
        wait_until(lambda: is_ready(request))
        handle.stop(0.2)

    threading.Thread(target=stop).start()
    outcome = handle.wait(handle.started_at + timedelta(seconds=300))
    assert (outcome.state, outcome.failure_class) == ("cancelled", None)


def test_secrets_never_reach_the_log(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    script = 'echo "the key is $KEY"; printf "%s" "$KEY" >&2; printf "sk-"; echo "secret-value"'
    request = request_for(agent(script), environment={"KEY": "sk-secret-value"}, secrets=("sk-secret-value",))
    play(sandbox, request)
    log = (request.run_dir / "run.log").read_text()
    assert log.count("***") == 3
    assert "secret-value" not in log


@pytest.mark.skipif(shutil.which("curl") is None, reason="the checker's script needs curl")
def test_agent_may_ask_whether_its_submission_is_valid(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
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
    play(sandbox, request)
    log = (request.run_dir / "run.log").read_text()
    assert "valid: the submission is valid\nexit 0" in log, log
    assert "column y is missing\nexit 1" in log


def start_and_die(sandbox: LocalSandbox, request: RunRequest) -> None:
    """Start the request in a harness that is killed at once."""
    code = textwrap.dedent("""
        import os, pickle, signal, sys
        from mlebench.sandbox import get_sandbox
        get_sandbox(sys.argv[1]).start(pickle.loads(sys.stdin.buffer.read()))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", code, sandbox.name], input=pickle.dumps(request), check=False)


def test_live_attempt_is_found_again_with_its_time_and_exit_code(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    request = request_for(agent('until [ -e "$LOGS_DIR/go" ]; do sleep 0.05; done; echo the end; exit 5'))
    before = datetime.now(UTC)
    start_and_die(sandbox, request)
    handle = sandbox.attach(request)
    assert handle is not None
    assert before - timedelta(seconds=0.02) <= handle.started_at <= datetime.now(UTC)
    (request.run_dir / "logs" / "go").touch()
    outcome = handle.wait(handle.started_at + timedelta(seconds=600))
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert "the end" in (request.run_dir / "run.log").read_text()


def test_attempt_that_ended_meanwhile_is_found_with_its_end(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("exit 0"))
    start_and_die(sandbox, request)
    wait_until(lambda: ending(request) is not None and not alive(request))
    handle = sandbox.attach(request)
    assert handle is not None
    assert handle.wait(datetime.now(UTC) + timedelta(seconds=60)).state == "finished"


def test_no_trace_is_found_of_what_never_ran(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    assert sandbox.attach(request_for(agent())) is None


def test_attempt_past_its_limit_is_stopped_when_found(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600"), limits={"grace": 0.2})
    start_and_die(sandbox, request)
    handle = sandbox.attach(request)
    assert handle is not None
    assert handle.wait(handle.started_at).state == "timed-out"
    wait_until(lambda: not alive(request))


def test_the_checker_takes_no_larger_submission_than_that_of_a_container(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests
) -> None:
    script = """
        dd if=/dev/zero of="$SUBMISSION_DIR/submission.csv" bs=1M seek=65 count=0 2>&1
        "$MLEBENCH_HOME/validate_submission.sh"; echo "exit $?"
    """
    asked: list[Path] = []
    request = request_for(agent(script), validate=lambda path: (asked.append(path) is None, ""))
    play(sandbox, request)
    assert "larger than 64.0 MiB\nexit 2" in (request.run_dir / "run.log").read_text()
    assert asked == []


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_run_does_not_start_where_others_could_answer_for_the_checker(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, socket_dir: Path, mode: int
) -> None:
    theirs = socket_dir
    theirs.mkdir()
    theirs.chmod(mode)
    request = request_for(agent("touch $LOGS_DIR/ready"), validate=lambda path: (True, ""))
    with pytest.raises(StartFailed, match=f"chmod 700 {theirs}"):
        sandbox.start(request)
    assert list(theirs.iterdir()) == []
    assert not is_ready(request)
    theirs.chmod(0o700)
    assert play(sandbox, request).state == "finished"


def test_an_agent_that_is_found_again_goes_on_without_a_checker_where_there_can_be_none(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, socket_dir: Path
) -> None:
    request = request_for(agent('until [ -e "$LOGS_DIR/go" ]; do sleep 0.05; done'))
    start_and_die(sandbox, request)
    socket_dir.symlink_to(request.run_dir)
    handle = sandbox.attach(replace(request, validate=lambda path: (True, "")))
    assert handle is not None
    (request.run_dir / "logs" / "go").touch()
    assert handle.wait(handle.started_at + timedelta(seconds=600)).state == "finished"
    assert "submission checker is no longer available" in (request.run_dir / "run.log").read_text()


def test_descriptors_are_given_back(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("exit 0"), environment={"A": "b"}, secrets=("secret",))
    play(sandbox, request)
    before = open_descriptors()
    for _ in range(5):
        play(sandbox, request)
    assert open_descriptors() <= before + 1


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_agents_that_start_at_the_same_time_all_start(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, tmp_path: Path
) -> None:
    """A script whose copy another start's process still held open for writing could not be executed ("text file busy")."""
    request = request_for(agent("exit 7"))

    def start(number: int) -> int | None:
        run_dir = tmp_path / "many" / str(number)
        run_dir.mkdir(parents=True)
        handle = sandbox.start(replace(request, run_id=f"run-{number}", run_dir=run_dir))
        return handle.wait(handle.started_at + timedelta(seconds=300)).exit_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(start, range(160))) == {7}


@pytest.mark.parametrize(
    ("start", "mode"),
    [
        ("#!/usr/bin/env python\nprint('it', 'ran')\n", 0o644),
        ("#!/bin/sh\necho it ran\n", 0o644),
        ("echo it ran\n", 0o644),
        ("echo it ran\n", 0o755),
    ],
)
def test_a_start_script_runs_by_its_first_line_or_else_by_sh(
    sandbox: LocalSandbox, agent: Agents, request_for: Requests, start: str, mode: int
) -> None:
    chosen = agent()
    (chosen.directory / "start.sh").write_text(start)
    (chosen.directory / "start.sh").chmod(mode)
    request = request_for(chosen)
    assert play(sandbox, request).reason == "exited"
    assert "it ran" in (request.run_dir / "run.log").read_text()


def test_secrets_larger_than_a_pipe_are_masked(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    secrets = tuple(f"secret-{number}-" + "value" * 1000 for number in range(20))
    request = request_for(agent('echo "$KEY"'), environment={"KEY": secrets[-1]}, secrets=secrets)
    assert play(sandbox, request).reason == "exited"
    assert secrets[-1] not in (request.run_dir / "run.log").read_text()


def test_a_word_that_no_process_can_be_given_is_said(sandbox: LocalSandbox, agent: Agents, request_for: Requests) -> None:
    with pytest.raises(StartFailed, match="null"):
        sandbox.start(request_for(agent(), environment={"KEY": "a\0b"}))
