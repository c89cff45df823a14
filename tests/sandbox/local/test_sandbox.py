"""The local sandbox: the container's layout in a folder, limits kept, nothing left behind, found again after a crash."""

from __future__ import annotations

import os
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

from mlebench._support.paths import content_dir
from mlebench.agents import AgentSpec
from mlebench.errors import StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import handle as local_handle
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.ending import Ending, read_ending
from mlebench.sandbox.local.places import STATE
from mlebench.sandbox.local.plain import NOTICE, PlainWalls
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.ordinary_user import needs_root, run_as_ordinary_user
from tests.scripted import SUBMIT
from tests.waiting import wait_until

Requests = Callable[..., RunRequest]
Agents = Callable[..., AgentSpec]
PROFILE = Profile(name="toy", time_limit=30, network="open")


def play(request: RunRequest) -> Outcome:
    handle = LocalSandbox(PlainWalls()).start(request)
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


def test_what_agents_build_on_is_found_by_each_interpreter_and_kept_by_none(agent: Agents, request_for: Requests) -> None:
    """As in a container: `mlebench_agent` alone, whichever Python the agent brings, and it is no output of the run."""
    script = f"""
        set -e
        cd /
        python -c 'import mlebench_agent.task as task; print("first", task.__file__)'
        "{sys.executable}" -s -c 'import mlebench_agent.models as models; print("second", models.__file__)'
        printf 'PYTHONPATH %s' "$PYTHONPATH"; echo
        echo spoilt > "$PYTHONPATH/mlebench_agent/task.py"
        echo mine > "$PYTHONPATH/left.txt"
    """
    request = request_for(agent(script + SUBMIT), limits={"snapshot_every": 0.05})
    assert play(request).state == "finished", (request.run_dir / "run.log").read_text()
    library = request.run_dir / "home" / ".lib"
    log = (request.run_dir / "run.log").read_text()
    assert f"first {library}/mlebench_agent/task.py" in log
    assert f"second {library}/mlebench_agent/models.py" in log
    assert f"PYTHONPATH {library}\n" in log
    # what one agent makes of its copy reaches no other and is not kept
    assert "spoilt" not in (content_dir("containers") / "runtime" / "mlebench_agent" / "task.py").read_text()
    kept = {path.name for path in request.run_dir.rglob("*")}
    assert not kept.intersection({".lib", "mlebench_agent", "left.txt", "task.py", "__pycache__"})


def test_an_agent_that_lives_in_an_image_is_refused(agent: Agents) -> None:
    for settings in ("image: me/mine:1", "stages: [node]"):
        chosen = agent(settings=settings)
        assert LocalSandbox(PlainWalls()).problems([chosen], PROFILE) == [
            "agent scripted needs an image; run it with `--sandbox docker`"
        ]
    assert LocalSandbox(PlainWalls()).problems([agent()], PROFILE) == []


def test_agent_cannot_change_its_folder_or_the_environment_of_the_harness(
    agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "private")
    chosen = agent("echo changed >> start.sh; env")
    request = request_for(chosen)
    play(request)
    assert "changed" not in (chosen.directory / "start.sh").read_text().splitlines()
    assert "KAGGLE_KEY" not in (request.run_dir / "run.log").read_text()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exit-code"),
        ("kill -9 $$", "killed"),
        ("exit 137", "killed"),
        ("kill -TERM $$", "exit-code"),
        ("exit 143", "exit-code"),
        ("kill -9 $PPID", "killed"),
    ],
)
def test_failure_of_the_agent_is_named_and_is_its_own(agent: Agents, request_for: Requests, script: str, reason: str) -> None:
    outcome = play(request_for(agent(script)))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", reason, "agent")
    assert outcome.resources["cpu_seconds"] >= 0


def test_an_agent_that_the_shutdown_of_the_machine_ended_is_not_to_blame(
    agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was started anew, when the next harness finds its end."""
    request = request_for(agent("kill -TERM $$"))
    handle = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: ending(request) is not None and not alive(request))
    monkeypatch.setattr(local_handle, "boot_id", lambda: "another start of the machine")
    attached = LocalSandbox(PlainWalls()).attach(request)
    assert attached is not None
    outcome = attached.wait(handle.started_at + timedelta(seconds=30))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "terminated", "infrastructure")


def overrun(request: RunRequest) -> Outcome:
    """The outcome of an attempt whose deadline comes once the agent has made logs/ready."""
    handle = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: is_ready(request))
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
    wait_until(lambda: not alive(request))


def test_agent_may_save_its_work_in_the_grace_period(agent: Agents, request_for: Requests) -> None:
    script = """
        trap 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"; exit 0' TERM
        touch "$LOGS_DIR/ready"
        sleep 600 & wait
    """
    request = request_for(agent(script), limits={"grace": 60})
    outcome = overrun(request)
    assert outcome.state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").exists()


def test_what_the_agent_left_in_the_background_may_save_its_work_too(agent: Agents, request_for: Requests) -> None:
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
    assert overrun(request).state == "timed-out"
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "saved\n"


def test_processes_that_the_agent_left_behind_are_ended(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600 & setsid sleep 601 & exit 0"))
    assert play(request).state == "finished"
    wait_until(lambda: not alive(request))


def test_stopping_from_another_thread_cancels(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent('touch "$LOGS_DIR/ready"; sleep 600'))
    handle = LocalSandbox(PlainWalls()).start(request)

    def stop() -> None:
        wait_until(lambda: is_ready(request))
        handle.stop(0.2)

    threading.Thread(target=stop).start()
    outcome = handle.wait(handle.started_at + timedelta(seconds=60))
    assert (outcome.state, outcome.failure_class) == ("cancelled", None)


def test_secrets_never_reach_the_log(agent: Agents, request_for: Requests) -> None:
    script = 'echo "the key is $KEY"; printf "%s" "$KEY" >&2; printf "sk-"; echo "secret-value"'
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


def test_a_submission_is_kept_while_the_agent_goes_on(agent: Agents, request_for: Requests) -> None:
    script = """
        echo first > "$SUBMISSION_DIR/submission.csv"
        touch -d '1 minute ago' "$SUBMISSION_DIR/submission.csv"
        until ls "$MLEBENCH_HOME"/../snapshots/*.csv; do sleep 0.05; done
        echo last > "$SUBMISSION_DIR/submission.csv"
    """
    request = request_for(agent(script), limits={"snapshot_every": 0.05})
    assert play(request).state == "finished"
    [kept] = (request.run_dir / "snapshots").iterdir()
    assert kept.read_text() == "first\n"
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "last\n"


def start_and_die(request: RunRequest) -> None:
    """Start the request in a harness that is killed at once."""
    import pickle

    code = textwrap.dedent("""
        import os, pickle, signal, sys
        from mlebench.sandbox.local.plain import NOTICE, PlainWalls
        from mlebench.sandbox.local.sandbox import LocalSandbox
        LocalSandbox(PlainWalls()).start(pickle.loads(sys.stdin.buffer.read()))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(request), check=False)


def test_live_attempt_is_found_again_with_its_time_and_exit_code(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent('until [ -e "$LOGS_DIR/go" ]; do sleep 0.05; done; echo the end; exit 5'))
    before = datetime.now(UTC)
    start_and_die(request)
    handle = LocalSandbox(PlainWalls()).attach(request)
    assert handle is not None
    assert before - timedelta(seconds=0.02) <= handle.started_at <= datetime.now(UTC)
    (request.run_dir / "logs" / "go").touch()
    outcome = handle.wait(handle.started_at + timedelta(seconds=600))
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert "the end" in (request.run_dir / "run.log").read_text()


def test_attempt_that_ended_meanwhile_is_found_with_its_end(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("exit 0"))
    start_and_die(request)
    wait_until(lambda: ending(request) is not None and not alive(request))
    handle = LocalSandbox(PlainWalls()).attach(request)
    assert handle is not None
    assert handle.wait(datetime.now(UTC) + timedelta(seconds=60)).state == "finished"


def test_no_trace_is_found_of_what_never_ran(agent: Agents, request_for: Requests) -> None:
    assert LocalSandbox(PlainWalls()).attach(request_for(agent())) is None


def test_attempt_past_its_limit_is_stopped_when_found(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("sleep 600"), limits={"grace": 0.2})
    start_and_die(request)
    handle = LocalSandbox(PlainWalls()).attach(request)
    assert handle is not None
    assert handle.wait(handle.started_at).state == "timed-out"
    wait_until(lambda: not alive(request))


def test_the_checker_takes_no_larger_submission_than_that_of_a_container(agent: Agents, request_for: Requests) -> None:
    script = """
        dd if=/dev/zero of="$SUBMISSION_DIR/submission.csv" bs=1M seek=65 count=0 2>&1
        "$MLEBENCH_HOME/validate_submission.sh"; echo "exit $?"
    """
    asked: list[Path] = []
    request = request_for(agent(script), validate=lambda path: (asked.append(path) is None, ""))
    play(request)
    assert "larger than 64.0 MiB\nexit 2" in (request.run_dir / "run.log").read_text()
    assert asked == []


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_run_does_not_start_where_others_could_answer_for_the_checker(
    agent: Agents, request_for: Requests, socket_dir: Path, mode: int
) -> None:
    theirs = socket_dir
    theirs.mkdir()
    theirs.chmod(mode)
    request = request_for(agent("touch $LOGS_DIR/ready"), validate=lambda path: (True, ""))
    with pytest.raises(StartFailed, match=f"chmod 700 {theirs}"):
        LocalSandbox(PlainWalls()).start(request)
    assert list(theirs.iterdir()) == []
    assert not is_ready(request)
    theirs.chmod(0o700)
    assert play(request).state == "finished"


def test_an_agent_that_is_found_again_goes_on_without_a_checker_where_there_can_be_none(
    agent: Agents, request_for: Requests, socket_dir: Path
) -> None:
    request = request_for(agent('until [ -e "$LOGS_DIR/go" ]; do sleep 0.05; done'))
    start_and_die(request)
    socket_dir.symlink_to(request.run_dir)
    handle = LocalSandbox(PlainWalls()).attach(replace(request, validate=lambda path: (True, "")))
    assert handle is not None
    (request.run_dir / "logs" / "go").touch()
    assert handle.wait(handle.started_at + timedelta(seconds=600)).state == "finished"
    assert "no submission checker any more" in (request.run_dir / "run.log").read_text()


def test_gpus_are_counted_as_they_were_booked(agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,2,1")
    request = request_for(agent('echo "gpus $CUDA_VISIBLE_DEVICES by $CUDA_DEVICE_ORDER"'), gpu_ids=("2", "MIG-7089"))
    play(request)
    assert "gpus 2,MIG-7089 by PCI_BUS_ID\n" in (request.run_dir / "run.log").read_text()


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
        handle = LocalSandbox(PlainWalls()).start(replace(request, run_id=f"run-{number}", run_dir=run_dir))
        return handle.wait(handle.started_at + timedelta(seconds=30)).exit_code

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
def test_a_start_script_runs_by_its_first_line_or_else_by_sh(agent: Agents, request_for: Requests, start: str, mode: int) -> None:
    chosen = agent()
    (chosen.directory / "start.sh").write_text(start)
    (chosen.directory / "start.sh").chmod(mode)
    request = request_for(chosen)
    assert play(request).reason == "exited"
    assert "it ran" in (request.run_dir / "run.log").read_text()


def test_secrets_larger_than_a_pipe_are_masked(agent: Agents, request_for: Requests) -> None:
    secrets = tuple(f"secret-{number}-" + "value" * 1000 for number in range(20))
    request = request_for(agent('echo "$KEY"'), environment={"KEY": secrets[-1]}, secrets=secrets)
    assert play(request).reason == "exited"
    assert secrets[-1] not in (request.run_dir / "run.log").read_text()


def test_a_word_that_no_process_can_be_given_is_said(agent: Agents, request_for: Requests) -> None:
    with pytest.raises(StartFailed, match="null"):
        LocalSandbox(PlainWalls()).start(request_for(agent(), environment={"KEY": "a\0b"}))


def test_no_line_of_an_agent_looks_like_the_harnesss(agent: Agents, request_for: Requests) -> None:
    script = r"""
        echo '[mlebench] 2026-01-01 00:00:00 printed'
        printf 'epoch 1\r[mlebench] overwritten\n\033[2K[mle'
        until grep -q overwritten "$MLEBENCH_HOME/../run.log"; do sleep 0.02; done
        printf 'bench] in two parts\n'
        echo '[mlebench] 2026-01-01 00:00:00 written' >> "$MLEBENCH_HOME/../run.log"
        printf 'without an end'
    """
    request = request_for(agent(script))
    play(request)
    lines = (request.run_dir / "run.log").read_text().splitlines()
    assert [line[31:] for line in lines if line.startswith("[mlebench]")] == [
        NOTICE,
        "what somebody else than the harness wrote into this log was replaced or left out",
        "exited (0)",
    ]
    assert sum("[agent: mle" in line for line in lines) == 4
    assert "without an end" in lines


def test_a_log_that_an_agent_emptied_or_replaced_says_so(agent: Agents, request_for: Requests) -> None:
    script = """
        echo one
        until grep -q one "$MLEBENCH_HOME/../run.log"; do sleep 0.02; done
        : > "$MLEBENCH_HOME/../run.log"
        echo two
    """
    request = request_for(agent(script))
    play(request)
    log = (request.run_dir / "run.log").read_text()
    assert "two\n" in log and "became shorter" in log


def test_an_obfuscated_run_says_that_nothing_is_hidden_here(agent: Agents, request_for: Requests) -> None:
    request = request_for(agent("env | grep -v -e PATH -e HOME -e _DIR -e PWD"), obfuscated=True)
    play(request)
    log = (request.run_dir / "run.log").read_text()
    assert "the plain sandbox hides nothing" in log
    assert "toy-a" not in log


def test_secrets_are_masked_in_what_a_local_agent_leaves(agent: Agents, request_for: Requests) -> None:
    script = 'echo "$KEY" > "$CODE_DIR/key"; touch "$LOGS_DIR/$KEY" "$SUBMISSION_DIR/x"; ln -s a "$SUBMISSION_DIR/l-$KEY"'
    request = request_for(agent(script), environment={"KEY": "sk-secret-value"}, secrets=("sk-secret-value",))
    outcome = play(request)
    assert (request.run_dir / "code" / "key").read_text() == "***\n"
    assert [path.name for path in (request.run_dir / "logs").iterdir()] == ["***"]
    assert outcome.resources["left_out"] == {"submission/l-***": "a link"}


@needs_root
def test_an_ordinary_users_runs_end_as_well() -> None:
    run_as_ordinary_user(__file__, "(left or background or overrun or layout or secrets) and not ordinary")
