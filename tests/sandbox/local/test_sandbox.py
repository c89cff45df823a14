"""The local sandbox: the container's layout in a folder, limits kept, nothing left behind, found again after a crash."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from mlebench._support.paths import content_dir
from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.ending import Ending, read_ending
from mlebench.sandbox.local.places import STATE
from mlebench.sandbox.local.plain import NOTICE, PlainWalls
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.ordinary_user import needs_root, run_as_ordinary_user
from tests.scripted import SUBMIT

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
    assert "no isolation" in log
    assert (request.run_dir / "logs" / "a.log").read_text() == "log\n"
    assert (request.run_dir / "code" / "a.py").exists()
    assert (request.run_dir / "submission" / "submission.csv").read_text().startswith("id,y")
    assert not (request.run_dir / "home").exists()


def test_what_agents_build_on_is_found_by_each_interpreter_and_kept_by_none(agent: Agents, request_for: Requests) -> None:
    """As in a container: only `mlebench_agent`, whichever Python the agent brings, and it is not part of the run's output."""
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


def test_a_submission_is_kept_while_the_agent_goes_on(agent: Agents, request_for: Requests) -> None:
    script = """
        echo first > "$SUBMISSION_DIR/submission.csv"
        touch -d '1 minute ago' "$SUBMISSION_DIR/submission.csv"
        until ls "$MLEBENCH_HOME"/../snapshots/*.csv; do sleep 0.05; done
        echo last > "$SUBMISSION_DIR/submission.csv"
    """
    request = request_for(agent(script), limits={"snapshot_every": 0.05})
    assert play(request).state == "finished"
    first, *later = (path.read_text() for path in sorted((request.run_dir / "snapshots").iterdir()))
    # where the agent is slow to end, its last version may be kept as well
    assert first == "first\n" and later in ([], ["last\n"])
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "last\n"


def test_gpus_are_counted_as_they_were_booked(agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,2,1")
    request = request_for(agent('echo "gpus $CUDA_VISIBLE_DEVICES by $CUDA_DEVICE_ORDER"'), gpu_ids=("2", "MIG-7089"))
    play(request)
    assert "gpus 2,MIG-7089 by PCI_BUS_ID\n" in (request.run_dir / "run.log").read_text()


def test_no_line_of_an_agent_looks_like_the_harnesss(agent: Agents, request_for: Requests) -> None:
    script = r"""
        echo '[mlebench] 2026-01-01 00:00:00 printed'
        printf 'epoch 1\r[mlebench] overwritten\n\033[2K[mle'
        until grep -qs overwritten "$MLEBENCH_HOME/../run.log"; do sleep 0.02; done
        printf 'bench] in two parts\n'
        echo '[mlebench] 2026-01-01 00:00:00 written' >> "$MLEBENCH_HOME/../run.log"
        printf 'without an end'
    """
    request = request_for(agent(script))
    play(request)
    lines = (request.run_dir / "run.log").read_text().splitlines()
    assert [line[31:] for line in lines if line.startswith("[mlebench]")] == [
        NOTICE,
        "text that was not written to this log by the harness was replaced or left out",
        "exited (0)",
    ]
    assert sum("[agent: mle" in line for line in lines) == 4
    assert "without an end" in lines


def test_a_log_that_an_agent_emptied_or_replaced_says_so(agent: Agents, request_for: Requests) -> None:
    script = """
        echo one
        until grep -qs one "$MLEBENCH_HOME/../run.log"; do sleep 0.02; done
        : > "$MLEBENCH_HOME/../run.log"
        echo two
    """
    request = request_for(agent(script))
    play(request)
    log = (request.run_dir / "run.log").read_text()
    assert "two\n" in log and "this log was truncated" in log


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
