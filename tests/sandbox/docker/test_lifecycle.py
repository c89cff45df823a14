"""Starting, finding again, stopping, ending: what is recorded and what is left behind."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from mlebench.agents import AgentSpec
from mlebench.errors import StartFailed
from mlebench.sandbox.base import Measured
from mlebench.sandbox.docker import engine, outputs
from mlebench.sandbox.docker.archive import ContainerArchive
from mlebench.sandbox.docker.container import FOLDER_LABEL, RUN_LABEL, run_label
from mlebench.sandbox.docker.handle import _age
from mlebench.sandbox.docker.sandbox import DockerSandbox
from tests.sandbox.docker.conftest import Bench, assert_no_network_left, until, wait_for_output
from tests.waiting import wait_until


def test_finished_run_is_recorded_and_leaves_nothing(bench: Bench, client: Any) -> None:
    request = bench.request("echo out; echo err >&2\n" + until(), profile={"network": "open"})
    handle = bench.sandbox.start(request)
    folder = Path(bench.containers()[0].labels[FOLDER_LABEL])
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(bench.end, handle, request)
        # of a run that ends sooner there may be nothing to measure
        wait_until(lambda: handle._guard.usage.get("peak_memory_bytes"), seconds=60)
        bench.let_go()
        ended = ending.result(300)
    outcome = ended.outcome
    assert (outcome.state, outcome.reason, outcome.exit_code, outcome.failure_class) == ("finished", "exited", 0, None)
    assert outcome.resources["image_digest"].startswith("sha256:")
    assert outcome.resources["peak_memory_bytes"] > 0
    assert outcome.started_at is not None and outcome.ended_at is not None and outcome.started_at <= outcome.ended_at
    assert "out\n" in ended.log and "err\n" in ended.log
    assert not folder.exists()
    assert bench.containers() == []
    assert_no_network_left(client)


def test_exit_code_is_the_agents(bench: Bench) -> None:
    ended = bench.run("exit 3")
    outcome = ended.outcome
    assert (outcome.state, outcome.reason, outcome.exit_code, outcome.failure_class) == ("failed", "exit-code", 3, "agent")


def test_arguments_reach_the_start_script(bench: Bench) -> None:
    ended = bench.run('for word in "$@"; do echo "[$word]"; done', arguments={"steps": 3, "text": "two words; $HOME `id`"})
    assert "[steps=3]\n[text=two words; $HOME `id`]\n" in ended.log


def test_stop_from_another_thread_cancels(bench: Bench) -> None:
    request = bench.request("echo x > /home/submission/submission.csv; echo ready; sleep 600", profile={"time_limit": 600})
    handle = bench.sandbox.start(request)

    def stop() -> None:
        wait_for_output(request, "ready")
        handle.stop(1)

    threading.Thread(target=stop).start()
    ended = bench.end(handle, request)
    assert ended.outcome.state == "cancelled"
    assert (ended.outcome.ended_at - ended.outcome.started_at).total_seconds() < 300
    assert (ended.run_dir / "submission" / "submission.csv").exists()


def test_a_later_harness_attaches_to_a_running_container(bench: Bench) -> None:
    script = f"echo first\n{until()}echo second\n/home/validate_submission.sh /home/data/train.csv\necho done"
    request = bench.request(script, validate=lambda path: (True, ""))
    handle = bench.sandbox.start(request)
    wait_for_output(request, "first")
    handle.detach()
    left = bench.end(handle, request)
    assert left.outcome.reason == "detached"
    assert len(bench.containers()) == 1

    again = DockerSandbox().attach(request)
    assert again is not None
    assert again.started_at == handle.started_at
    # as the kernel counts, whatever the wall clock says by now
    [container] = bench.containers()
    before, age, after = again._clock.elapsed, _age(container.attrs["State"]["Pid"], container.id), again._clock.elapsed
    assert age is not None and before - 1 <= age <= after + 1
    bench.let_go()
    ended = bench.end(again, request)
    assert ended.outcome.state == "finished"
    lines = [line for line in ended.log.splitlines() if not line.startswith("[mlebench]")]
    # the whole output once, and the checker answers again
    assert lines == ["first", "second", "valid: the submission is valid", "done"]


def test_what_an_agent_uses_is_known_while_it_works_and_no_longer(bench: Bench) -> None:
    request = bench.request("head -c 20000000 /dev/zero > /home/code/x\nx=$(head -c 50000000 /dev/zero | tr '\\0' x)\n" + until())
    handle = bench.sandbox.start(request)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(bench.end, handle, request)

        def counted() -> Measured | None:
            found = handle.measure()
            return found if found is not None and (found.memory_bytes or 0) >= 50_000_000 else None

        found = wait_until(counted, seconds=120, explain=handle.measure)
        assert found is not None and (found.cpu_seconds or 0) > 0 and 1 <= (found.processes or 0) < 20
        assert (found.memory_bytes or 0) < 400_000_000
        bench.let_go()
        assert ended.result().outcome.state == "finished"
    assert handle.measure() is None


def test_a_later_harness_takes_out_what_ended_meanwhile(bench: Bench) -> None:
    request = bench.request(until() + "echo late > /home/submission/submission.csv; exit 5")
    handle = bench.sandbox.start(request)
    handle.detach()
    bench.end(handle, request)
    bench.let_go()
    bench.containers()[0].wait(timeout=120)
    again = DockerSandbox().attach(request)
    assert again is not None
    ended = bench.end(again, request)
    assert ended.outcome.exit_code == 5
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "late\n"


def test_a_container_that_never_started_is_no_trace(bench: Bench, client: Any) -> None:
    request = bench.request("true")
    half_made = bench.folder / "half-made"
    half_made.mkdir()
    labels = {engine.LABEL: request.label, RUN_LABEL: run_label(request.run_dir), FOLDER_LABEL: str(half_made)}
    client.containers.create("mlebench/base:light", labels=labels)
    assert bench.sandbox.attach(request) is None
    assert bench.containers() == []
    assert not half_made.exists()


def test_an_earlier_attempts_container_is_removed(bench: Bench) -> None:
    first = bench.request("sleep 100")
    bench.sandbox.start(first).detach()
    second = bench.request("true", attempt=2)
    ended = bench.end(bench.sandbox.start(second), second)
    assert ended.outcome.state == "finished"
    assert bench.containers() == []


def test_a_run_of_the_same_name_elsewhere_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    theirs = bench.request(until())
    handle = bench.sandbox.start(theirs)
    ours = bench.request("true", run_dir=tmp_path / "elsewhere" / "toy_seed0")
    assert bench.sandbox.attach(ours) is None
    assert bench.end(bench.sandbox.start(ours), ours).outcome.state == "finished"
    bench.let_go()
    assert bench.end(handle, theirs).outcome.state == "finished"


def test_container_removed_by_someone_else_is_lost(bench: Bench) -> None:
    request = bench.request("sleep 600")
    handle = bench.sandbox.start(request)
    bench.containers()[0].remove(force=True)
    outcome = bench.end(handle, request).outcome
    assert (outcome.reason, outcome.failure_class) == ("lost", "infrastructure")


def test_a_container_that_is_removed_while_it_is_taken_out_left_nothing_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine says of its files what it says of a file that the agent never wrote."""
    request = bench.request("cp /home/data/sample_submission.csv /home/submission/submission.csv")
    taken_out = outputs.take_out

    def remove_first(source: Any, *rest: Any) -> outputs.Taken:
        for container in bench.containers():
            container.remove(force=True)
        return taken_out(source, *rest)

    monkeypatch.setattr(outputs, "take_out", remove_first)
    outcome = bench.end(bench.sandbox.start(request), request).outcome
    assert (outcome.reason, outcome.failure_class) == ("output-lost", "infrastructure")


@pytest.mark.parametrize("removed_after", ["status", "archive"])
def test_each_question_tells_a_removed_container_from_a_missing_file(bench: Bench, client: Any, removed_after: str) -> None:
    request = bench.request("true")
    handle = bench.sandbox.start(request)
    [container] = bench.containers()
    container.wait(timeout=120)
    archive = ContainerArchive(client, container.id, 60)
    assert archive.status("/home/submission/none.csv") is None
    with pytest.raises(FileNotFoundError):
        list(archive.archive("/home/submission/none.csv"))
    container.remove(force=True)
    with pytest.raises(NotFound, match=r"(?i)no such container"):
        list(archive.archive("/home/submission/none.csv")) if removed_after == "archive" else archive.status("/home/none")
    bench.end(handle, request)


@pytest.mark.parametrize(
    ("by", "reason"), [("stop", "killed"), ("kill -9", "killed"), ("kill -2", "killed"), ("restart", "restarted")]
)
def test_who_ends_a_container_from_outside_is_not_the_agent(bench: Bench, by: str, reason: str) -> None:
    verb, _, signal = by.partition(" -")
    if (verb, bench.engine) == ("stop", "podman"):
        pytest.skip("Podman has no event of a stop, which cannot be told from an agent that ends itself then")
    request = bench.request("echo kept > /home/submission/submission.csv; echo ready; exec sleep 600")
    handle = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    [container] = bench.containers()
    if verb == "kill":
        container.kill(signal=int(signal))
    else:
        getattr(container, verb)(timeout=1)
    outcome = bench.end(handle, request).outcome
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", reason, "infrastructure"), outcome
    assert (request.run_dir / "submission" / "submission.csv").read_text() == "kept\n"


@pytest.mark.parametrize("end", ["kill -9 $$", "kill -TERM 1; sleep 600", "kill -9 -1", "exit 137", "exit 130"])
def test_an_agent_that_ends_itself_is_not_ended_from_outside(bench: Bench, end: str) -> None:
    ended = bench.run(end)
    assert (ended.outcome.state, ended.outcome.failure_class) == ("failed", "agent"), (ended.outcome, ended.log)


def test_a_signal_that_ends_nothing_changes_nothing(bench: Bench) -> None:
    if bench.engine == "podman":
        pytest.skip("Podman does not tell which signal was sent, so each one counts that came shortly before the end")
    request = bench.request("trap '' HUP USR1; echo ready\n" + until() + "exit 3")
    handle = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    [container] = bench.containers()
    container.kill(signal="WINCH")
    container.rename(f"{container.name}-renamed")
    bench.let_go()
    outcome = bench.end(handle, request).outcome
    assert (outcome.reason, outcome.exit_code, outcome.failure_class) == ("exit-code", 3, "agent")


def test_a_paused_container_ends_at_its_time_limit(bench: Bench) -> None:
    request = bench.request("echo ready; exec sleep 600")
    handle = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    [container] = bench.containers()
    container.pause()
    outcome = handle.wait(datetime.now(UTC) + timedelta(seconds=1))
    assert (outcome.state, outcome.failure_class) == ("timed-out", "agent")


def test_a_run_that_loses_its_network_goes_on(bench: Bench, client: Any) -> None:
    request = bench.request("echo ready\n" + until(), profile={"network": "open"})
    handle = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    [container] = bench.containers()
    container.reload()
    [name] = container.attrs["NetworkSettings"]["Networks"]
    client.networks.get(container.attrs["NetworkSettings"]["Networks"][name]["NetworkID"]).disconnect(container)
    bench.let_go()
    assert bench.end(handle, request).outcome.state == "finished"


def test_a_harness_that_was_killed_while_it_stopped_a_run_did_not_kill_it_from_outside(bench: Bench) -> None:
    request = bench.request("echo ready; exec sleep 600", profile={"time_limit": 2})
    handle = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    handle.detach()
    bench.end(handle, request)
    [container] = bench.containers()
    wait_until(lambda: datetime.now(UTC) > handle.started_at + timedelta(seconds=2), seconds=30)
    container.stop(timeout=1)
    again = DockerSandbox().attach(request)
    assert again is not None
    assert bench.end(again, request).outcome.state == "timed-out"


def test_kept_container_stays(bench: Bench) -> None:
    ended = bench.run("true", keep=True)
    [container] = bench.containers()
    assert container.name in ended.log
    container.remove(v=True)
    shutil.rmtree(container.labels[FOLDER_LABEL])


def test_snapshots_keep_each_version_once(bench: Bench) -> None:
    """A version counts once nobody has written it for two seconds."""
    write = "echo {} > /home/submission/partial && mv /home/submission/partial /home/submission/submission.csv\n"
    request = bench.request(
        write.format("one") + until("second") + write.format("two") + until("end"), profile={"snapshot_every": 0.5}
    )
    handle = bench.sandbox.start(request)
    snapshots = request.run_dir / "snapshots"

    def kept() -> list[str]:
        return [path.read_text() for path in sorted(snapshots.glob("*.csv"))]

    def let_go() -> None:
        wait_until(lambda: kept() == ["one\n"], explain=kept)
        bench.let_go("second")
        wait_until(lambda: kept() == ["one\n", "two\n"], explain=kept)
        bench.let_go("end")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(let_go)
        # a failure is said at once, not at the run's time limit
        waiting.add_done_callback(lambda done: handle.stop(0) if done.exception() else None)
        bench.end(handle, request)
        waiting.result()
    assert kept() == ["one\n", "two\n"]


def test_secrets_are_masked_in_log_and_output(bench: Bench) -> None:
    secret = "sk-very-secret-0123456789"
    script = (
        'echo "key is $KEY"\necho "$KEY" > /home/logs/dump.txt\n'
        'echo "id,$KEY" > /home/submission/submission.csv\nprintf "%s" "$KEY" > /home/code/key'
    )
    ended = bench.run(script, environment={"KEY": secret}, secrets=(secret,))
    assert "key is ***" in ended.log
    holding = [path for path in bench.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert holding == []
    assert (ended.run_dir / "logs" / "dump.txt").read_text() == "***\n"


def test_engine_away_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    request = bench.request("true")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{bench.folder}/no-engine.sock")
    with pytest.raises(StartFailed) as failure:
        DockerSandbox().start(request)
    assert (failure.value.reason, failure.value.failure_class) == ("engine-unreachable", "infrastructure")
    [problem] = DockerSandbox().problems([request.agent], request.profile)
    assert "--sandbox local" in problem


def test_image_that_cannot_be_had_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = AgentSpec(name="scripted", variant=None, directory=bench.request("true").agent.directory, image="localhost:1/none:1")
    with pytest.raises(StartFailed) as failure:
        bench.sandbox.start(bench.request("true", agent=agent))
    assert failure.value.reason == "image-missing"
    assert failure.value.failure_class == "infrastructure"


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU")
def test_missing_gpu_is_named(bench: Bench) -> None:
    request = bench.request("true", gpu_ids=("0",))
    with pytest.raises(StartFailed) as failure:
        bench.sandbox.start(request)
    assert failure.value.reason == "gpu-unavailable"
    assert bench.containers() == []
    profile = request.profile.changed({"gpus": 1})
    assert any("GPU" in problem for problem in bench.sandbox.problems([request.agent], profile))


def test_limits_that_the_engine_does_not_have_are_problems(bench: Bench) -> None:
    request = bench.request("true")
    profile = request.profile.changed({"cpus": 4096, "memory": "900t"})
    problems = bench.sandbox.problems([request.agent], profile)
    assert len(problems) == 2
    assert all("--profile-set" in problem for problem in problems)


def test_unreadable_data_is_named(bench: Bench) -> None:
    request = bench.request("true")
    bench.public.chmod(0o700)
    with pytest.raises(StartFailed) as failure:
        bench.sandbox.start(request)
    assert failure.value.reason == "data-unreadable"


def test_public_data_without_a_description_file(bench: Bench) -> None:
    (bench.public / "description.md").unlink()
    # the engine reads the two streams of an agent side by side
    script = "exec 2>&1; cd /home/data; cat description.md; echo; ls; touch x || echo refused; echo 1 > train.csv"
    ended = bench.run(script)
    assert "the task\ndescription.md\nsample_submission.csv\ntrain.csv\n" in ended.log
    assert "refused" in ended.log
    assert (bench.public / "train.csv").read_text() == "id,x,y\n1,2,3\n"
