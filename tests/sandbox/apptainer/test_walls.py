"""Whole runs in our image, held by keeper and leader, behind a command line that Apptainer documents."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.apptainer.walls import NOTICE
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.handle import LocalHandle
from tests.gateway.asking import CLIENT, access
from tests.gateway.provider import KEY, Provider
from tests.sandbox.apptainer.archives import make_archive
from tests.sandbox.apptainer.site import Site
from tests.scripted import SUBMIT
from tests.waiting import wait_until

Agents = Callable[..., AgentSpec]
Requests = Callable[..., RunRequest]
PROFILE = Profile(name="toy", time_limit=60, network="none")


def start(request: RunRequest) -> LocalHandle:
    handle = get_sandbox("apptainer").start(request)
    assert isinstance(handle, LocalHandle)
    return handle


def play(request: RunRequest) -> Outcome:
    handle = start(request)
    return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def log_of(request: RunRequest) -> str:
    return (request.run_dir / "run.log").read_text(errors="replace")


def wait_for(request: RunRequest, name: str) -> None:
    """Until the agent has made a file in its logs."""
    wait_until(lambda: (request.run_dir / "logs" / name).exists(), seconds=180, explain=lambda: log_of(request))


def assert_nothing_left(request: RunRequest) -> None:
    mark = processes.mark_of(request.run_dir, request.attempt)
    wait_until(lambda: not list(processes.marked(mark)), seconds=60)
    assert sorted(path.name for path in request.run_dir.iterdir() if path.name != ".outcome.json") == [
        "code", "logs", "run.log", "snapshots", "submission",
    ]  # fmt: skip


def test_an_agent_finds_what_it_finds_in_a_container(with_base: Site, agent: Agents, request_for: Requests) -> None:
    script = """
        set -e
        cd /home
        pwd; echo "HOME $HOME, DATA_DIR $DATA_DIR"
        cat data/description.md instructions.txt; echo
        test -f data/test.csv && test -x agent/start.sh
        echo log > logs/a.log; echo code > code/a.py; cp "$DATA_DIR/sample_submission.csv" submission/submission.csv
        echo "seed $MLEBENCH_SEED of $COMPETITION_ID, steps: $1, key $KEY"
        python -c 'import mlebench_agent.task as task, pandas; print(task.__file__)'
        touch data/new 2>/dev/null || echo "data is read-only"
        { echo mine > data/test.csv; } 2>/dev/null || echo "its files too"
        df /tmp > /dev/null && touch /tmp/mine && echo "and /tmp is mine"
    """
    given = {"environment": {"KEY": "$(id) and 'quotes'"}, "secrets": ("sk-never-there",)}
    request = request_for(agent(script, settings="arguments: {steps: 20}"), **given)
    outcome = play(request)
    log = log_of(request)
    assert (outcome.state, outcome.reason, outcome.exit_code) == ("finished", "exited", 0), log
    assert "/home\nHOME /home, DATA_DIR /home/data\nWhat to do.How to do it.\n" in log
    assert "seed 7 of toy-a, steps: steps=20, key $(id) and 'quotes'" in log
    assert "/opt/mlebench/lib/mlebench_agent/task.py" in log
    assert "data is read-only\nits files too\nand /tmp is mine\n" in log
    assert NOTICE in log
    assert (request.run_dir / "submission" / "submission.csv").read_text().startswith("id,y")
    assert (request.run_dir / "code" / "a.py").exists()
    record = next(json.loads(path.read_text()) for path in Path(os.environ["MLEBENCH_IMAGES_DIR"]).glob("*.json"))
    assert outcome.resources["image_digest"] == record["id"]
    assert outcome.resources["cpu_seconds"] > 0
    assert_nothing_left(request)


def test_secrets_are_in_no_word_that_others_can_read(with_base: Site, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent('echo "it is $KEY"'), environment={"KEY": "sk-secret"}, secrets=("sk-secret",))
    play(request)
    assert "it is ***" in log_of(request)
    *_, call = with_base.calls("exec")
    assert not [word for word in call["words"] if "sk-secret" in word]
    assert call["environment"]["APPTAINERENV_KEY"] == "sk-secret"


def test_nothing_of_the_machine_is_seen(
    with_base: Site, agent: Agents, request_for: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "answers"
    secret.mkdir()
    (secret / "private.csv").write_text("the answers")
    monkeypatch.setenv("APPTAINER_BIND", f"{secret}:/mnt")
    monkeypatch.setenv("OF_THE_HARNESS", "open")
    with_base.change(bind_paths=[str(secret)])
    script = f"""
        ls /mnt {secret} {tmp_path} /home/../private 2>&1
        env | grep -c OF_THE_HARNESS
        cat /proc/net/dev | grep -c :
        for process in /proc/[0-9]*; do tr '\\0' ' ' < $process/cmdline; echo; done
        curl --silent --max-time 5 http://1.1.1.1 || echo "no way out"
    """
    request = request_for(agent(script))
    assert play(request).state == "finished"
    log = log_of(request)
    assert "answers" not in log.replace(str(secret), ""), log
    assert f"cannot access '{secret}'" in log
    assert "\n0\n1\n" in log
    assert "leader.py" not in log
    assert "no way out" in log


@pytest.mark.parametrize("allows", [{}, {"network_none": False}])
def test_the_checker_answers_at_a_port_of_the_runs_own(
    with_base: Site, agent: Agents, request_for: Requests, allows: dict[str, bool]
) -> None:
    with_base.change(**allows)
    script = """
        cd /home
        ./validate_submission.sh; echo "exit $?"
        curl --silent --form file=@data/test.csv http://localhost:5000/validate; echo
    """

    def validate(path: Path) -> tuple[bool, str]:
        return ("y" in path.read_text(), "column y is missing")

    request = request_for(agent(SUBMIT + script), validate=validate)
    assert play(request).state == "finished"
    assert "valid: the submission is valid\nexit 0" in log_of(request), log_of(request)
    assert "column y is missing" in log_of(request)


def test_models_are_asked_through_the_runs_own_gateway(
    with_base: Site, agent: Agents, request_for: Requests, tmp_path: Path
) -> None:
    with Provider(KEY) as provider:
        models = access(provider)
        spec = agent("exec python /home/agent/program.py")
        (spec.directory / "program.py").write_text(CLIENT + "print(BASE, ask()[0])\n")
        limits = {"network": "models", "budget": models.budget, "patience": models.patience}
        request = request_for(spec, limits, models=models, secrets=(KEY,))
        assert play(request).state == "finished", log_of(request)
        assert "http://localhost:5001/v1 200" in log_of(request)
        assert [received.key for received in provider.received] == [KEY]


def test_an_open_network_is_the_machines_and_no_port_of_it_is_taken(
    with_base: Site, agent: Agents, request_for: Requests
) -> None:
    with_base.change(network_none=False, user_namespaces=False)
    script = """
        cd /home
        ./validate_submission.sh; echo "exit $?"
        readlink /proc/self/ns/net
        grep -q ':1388 ' /proc/net/tcp && echo taken || echo free
    """
    request = request_for(agent(SUBMIT + script), {"network": "open"}, validate=lambda path: (True, ""))
    assert play(request).state == "finished"
    # its devices come and go with the containers of others
    assert f"exit 0\n{Path('/proc/self/ns/net').readlink()}\nfree\n" in log_of(request), log_of(request)
    *_, call = with_base.calls("exec")
    assert "--net" not in call["words"]


def test_an_obfuscated_run_finds_no_path_that_names_its_competition(
    with_base: Site, agent: Agents, request_for: Requests, tmp_path: Path
) -> None:
    public = tmp_path / "token" / "public"
    public.mkdir(parents=True)
    (public / "test.csv").write_text("id\n1\n")
    (public / "images").mkdir()
    (public / "images" / "1.png").write_text("of a train")
    script = """
        cat /proc/self/mountinfo; env; cat /proc/*/cmdline | tr '\\0' ' '; echo
        cat /home/data/description.md /home/data/images/1.png; ls /home/data
        touch /home/data/new 2>/dev/null || echo "data is read-only"
        echo saved > /home/submission/submission.csv
    """
    request = request_for(agent(script), public_dir=public, obfuscated=True)
    assert play(request).state == "finished"
    log = log_of(request)
    assert "toy-a" not in log
    assert "COMPETITION_ID=competition" in log
    assert "What to do.of a traindescription.md\nimages\ntest.csv\ndata is read-only" in log
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "saved\n"
    assert_nothing_left(request)


def test_at_the_time_limit_an_agent_saves_its_work(with_base: Site, agent: Agents, request_for: Requests) -> None:
    script = """
        cat > save.sh <<'END'
            trap 'cat /home/instructions.txt > /home/code/of-another; exit' TERM
            touch /home/logs/b
            sleep 600 & wait
END
        setsid bash save.sh &
        save() {
            until [ -e /home/code/of-another ]; do sleep 0.05; done
            cp /home/data/test.csv /home/submission/submission.csv
            exit
        }
        trap save TERM
        until [ -e /home/logs/b ]; do sleep 0.05; done
        touch /home/logs/ready
        sleep 600 & wait
    """
    request = request_for(agent(script), {"grace": 120})
    handle = start(request)
    wait_for(request, "ready")
    outcome = handle.wait(handle.started_at)
    assert (outcome.state, outcome.reason) == ("timed-out", "timed-out"), log_of(request)
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "id\na\nb\n", log_of(request)
    assert_nothing_left(request)


def test_a_run_is_cancelled_with_all_that_it_started(with_base: Site, agent: Agents, request_for: Requests) -> None:
    script = 'trap "" TERM; setsid sleep 601 & touch "$LOGS_DIR/ready"; while :; do sleep 600; done'
    request = request_for(agent(script))
    handle = start(request)

    def stop() -> None:
        wait_for(request, "ready")
        handle.stop(0.2)

    threading.Thread(target=stop).start()
    assert handle.wait(handle.started_at + timedelta(seconds=300)).state == "cancelled"
    assert_nothing_left(request)


def test_a_run_is_found_again_by_the_next_harness(with_base: Site, agent: Agents, request_for: Requests) -> None:
    script = 'touch "$LOGS_DIR/ready"; until [ -e "$LOGS_DIR/go" ]; do sleep 0.05; done; /home/validate_submission.sh; exit 5'
    request = request_for(agent(SUBMIT + script))
    code = textwrap.dedent("""
        import os, pickle, signal, sys
        from mlebench.sandbox import get_sandbox
        get_sandbox("apptainer").start(pickle.loads(sys.stdin.buffer.read()))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    died = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(request), check=False)
    assert died.returncode == -signal.SIGKILL
    wait_for(request, "ready")
    handle = get_sandbox("apptainer").attach(replace(request, validate=lambda path: (True, "")))
    assert handle is not None
    (request.run_dir / "logs" / "go").touch()
    outcome = handle.wait(handle.started_at + timedelta(seconds=600))
    assert (outcome.state, outcome.exit_code) == ("failed", 5), log_of(request)
    assert outcome.resources["image_digest"].startswith("sha256:")


def test_memory_is_watched_where_no_cgroup_holds_it(with_base: Site, agent: Agents, request_for: Requests) -> None:
    script = (
        "exec python -c 'held = bytearray(700 * 2**20); import time; held[::4096] = b\"x\" * len(held[::4096]); time.sleep(600)'"
    )
    outcome = play(request_for(agent(script), {"memory": 256 * 2**20}))
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "out-of-memory", "agent")


def test_cgroups_hold_the_limits_where_the_site_delegates_them(with_base: Site, agent: Agents, request_for: Requests) -> None:
    with_base.change(cgroups=True)
    request = request_for(agent("exit 0"))
    assert play(request).state == "finished"
    *_, call = with_base.calls("exec")
    at = call["words"].index("--memory")
    assert call["words"][at : at + 4] == ["--memory", str(512 * 2**20), "--memory-swap", str(512 * 2**20)]
    assert get_sandbox("apptainer").describe([request.agent])["limits"] == "cgroups"


def test_booked_gpus_are_shown(with_base: Site, agent: Agents, request_for: Requests) -> None:
    request = request_for(agent('echo "gpus $CUDA_VISIBLE_DEVICES by $CUDA_DEVICE_ORDER"'), gpu_ids=("2", "MIG-7089"))
    play(request)
    assert "gpus 2,MIG-7089 by PCI_BUS_ID\n" in log_of(request)
    *_, call = with_base.calls("exec")
    assert "--nv" in call["words"]


def test_a_manifest_names_the_program_and_the_images(with_base: Site, agent: Agents) -> None:
    spec = agent()
    described = get_sandbox("apptainer").describe([spec])
    assert (described["engine"], described["version"], described["private_network"]) == ("apptainer", "1.3.4-1.el9", "option")
    assert described["images"][spec.id]["name"] == "mlebench/base:light"
    assert get_sandbox("apptainer").problems([spec], PROFILE) == []
    assert get_sandbox("apptainer").unbuilt([spec]) == []


def test_without_a_network_of_its_own_no_run_starts_that_is_to_have_none(
    with_base: Site, agent: Agents, request_for: Requests
) -> None:
    with_base.change(network_none=False, user_namespaces=False)
    [problem] = get_sandbox("apptainer").problems([agent()], PROFILE)
    assert "cannot isolate a run's network here" in problem
    assert "it would be open instead of `none`" in problem
    with pytest.raises(StartFailed, match="cannot isolate an agent"):
        start(request_for(agent()))
    assert get_sandbox("apptainer").problems([agent()], PROFILE.model_copy(update={"network": "open"})) == []


def test_what_keeps_an_image_from_starting_is_no_doing_of_an_agent(
    with_base: Site, base_sif: Path, agent: Agents, request_for: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    for path in [*base_sif.glob("*.json"), *base_sif.glob("*.sif")]:
        shutil.copy(path, tmp_path / "broken")
    monkeypatch.setenv("MLEBENCH_IMAGES_DIR", str(tmp_path / "broken"))
    get_sandbox("apptainer").describe([agent()])
    # it was whole when it was tried
    [image] = (tmp_path / "broken").glob("*.sif")
    image.write_text(json.dumps(json.loads(image.read_text()) | {"root": "/nowhere"}))
    with pytest.raises(StartFailed, match=r"apptainer cannot start the image: .*nowhere"):
        start(request_for(agent()))


def test_an_agent_that_asks_models_is_to_have_a_network_of_its_own(site: Site, agent: Agents, tmp_path: Path) -> None:
    make_archive(tmp_path / "images", [{"a": "b"}])
    asking = replace(agent(), named_models=("gpt",))
    [problem] = get_sandbox("apptainer").problems([asking], PROFILE.model_copy(update={"network": "open"}))
    assert "set `--network models`" in problem


def test_without_the_program_nothing_starts(
    site: Site, agent: Agents, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    [problem] = get_sandbox("apptainer").problems([agent()], PROFILE)
    assert "Apptainer was not found" in problem
    with pytest.raises(StartFailed, match="Apptainer was not found"):
        start(request_for(agent()))
