"""The Ray executor on a real cluster of several nodes on this machine.

Run with `pytest -m ray`; MLEBENCH_REQUIRE_RAY=1 turns a missing Ray into a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import EngineUnreachable, UsageError, WorkFailed
from mlebench.runs.executors.ray import RayExecutor, _Head, _own_folder
from mlebench.runs.group import Group
from mlebench.runs.models import with_models
from mlebench.runs.orders import go_on, pause, set_parallel
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.overview import Overview, Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import Secrets
from mlebench.sandbox.docker import engine
from tests.gateway.asking import CLIENT, MODELS
from tests.gateway.provider import KEY, Provider
from tests.runs.raylets import add_node
from tests.scripted import SUBMIT

from ..waiting import wait_until
from .test_orders import Harness
from .test_survival import begun

pytestmark = pytest.mark.ray
# a busy machine is slow; read when Ray is imported. For a raylet that has died Ray waits as long as for one that is slow
os.environ |= {"RAY_raylet_start_wait_time_s": "60", "RAY_agent_register_timeout_ms": "300000"}
if os.environ.get("MLEBENCH_REQUIRE_RAY") != "1":
    pytest.importorskip("ray", reason="Ray is not installed")

Plans = Callable[..., Plan]
NODE = {"num_cpus": 4, "num_gpus": 2, "memory": 2**30}


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What nodes that start after it know as their own disk."""
    monkeypatch.setenv("DISK_OF_NODE", str(tmp_path / "disk"))
    return tmp_path / "disk"


@pytest.fixture
def cluster(toys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without room for runs and two nodes. The nodes inherit the environment, so toys come first."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    started = Cluster()
    try:
        add_node(started, num_cpus=0)
        started.workers = [add_node(started, **NODE) for _ in range(2)]
        started.wait_for_nodes()
        yield started
    finally:
        ray.shutdown()
        started.shutdown()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[tuple[Provider, Path]]:
    """A provider of a model, and the file that names it."""
    with Provider(KEY) as provider:
        file = tmp_path / "models.yaml"
        file.write_text(MODELS.format(url=provider.base_url("chat")))
        yield provider, file


class NodeKiller(Silent):
    """Kills a node once a run has ended there and another one stays, and lets the runs go on once the harness has noticed."""

    def __init__(self, cluster: Any, group: Group, folder: Path) -> None:
        self._cluster, self._group = cluster, group
        self._staying, self._noticed = folder / "staying", folder / "noticed"
        self._is_done = False
        self.said: list[str] = []

    def show(self, overview: Overview) -> None:
        if not self._is_done and self._staying.exists():
            written = self._staying.read_text().split()
            # the runs that stay will have ended on the other one
            ended = {record.place for record in self._group.records() if record.has_ended}
            victim = next((node for node in self._cluster.workers if node.node_id in written and node.node_id in ended), None)
            if victim is not None:
                self._cluster.remove_node(victim, allow_graceful=False)
                self._is_done = True

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
        if "resumed elsewhere" in sentence:
            self._noticed.touch()


def assert_never_oversold(trace: Path) -> None:
    """Lines of `trace` are `+ NODE GPU` when an agent starts and `- NODE GPU` when it ends."""
    at_work: dict[str, list[str]] = defaultdict(list)
    for line in trace.read_text().splitlines():
        sign, node, gpu = line.split()
        if sign == "+":
            assert gpu not in at_work[node], f"GPU {gpu} of node {node} was given away twice"
            at_work[node].append(gpu)
            assert len(at_work[node]) <= NODE["num_gpus"]
        else:
            at_work[node].remove(gpu)


@pytest.mark.timeout(1800)
def test_forty_runs_survive_the_death_of_a_node(plan: Plans, runs_dir: Path, tmp_path: Path, cluster: Any) -> None:
    """Each run appends its node and GPU; a run that was found again on another node must not have started anew."""
    script = f"""
        node=$(python -c 'import json; print(json.load(open("../../run.json"))["place"])')
        echo "+ $node $CUDA_VISIBLE_DEVICES" >> {tmp_path}/trace
        # until the death of the node is noticed all four GPUs are to be taken at once
        until [ -e {tmp_path}/noticed ] || [ "$(grep -c '^+' {tmp_path}/trace)" -ge 4 ]; do sleep 0.1; done
        # a run that is active when the node dies stays running until the death is noticed
        while [ "$(grep -c '^-' {tmp_path}/trace)" -ge 8 ] && [ ! -e {tmp_path}/noticed ]; do
            echo "$node" >> {tmp_path}/staying; sleep 0.1
        done
        echo "- $node $CUDA_VISIBLE_DEVICES" >> {tmp_path}/trace
    """
    chosen = plan(script + SUBMIT, competitions=("toy-a", "toy-b"), seeds=tuple(range(20)), limits={"gpus": 1})
    group = Group.create(runs_dir, chosen, {}, "group")

    display = NodeKiller(cluster, group, tmp_path)
    run_groups([group], RayExecutor(RunSettings(address=cluster.address)), RunSettings(retry_delay=0.1), display)
    records = group.records()
    assert len(records) == 40
    assert all(record.has_valid_submission for record in records), [record.detail for record in records]
    assert len({record.place for record in records}) == 2
    assert any("resumed elsewhere" in sentence for sentence in display.said), display.said
    assert_never_oversold(tmp_path / "trace")
    starts = [line for line in (tmp_path / "trace").read_text().splitlines() if line.startswith("+")]
    assert len(starts) == sum(record.attempt for record in records)


@pytest.mark.timeout(1800)
def test_folder_is_brought_back_where_the_path_is_not_shared(
    plan: Plans, runs_dir: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo note > "$LOGS_DIR/note.txt"; ln -s /etc/hostname "$LOGS_DIR/link"'
    chosen = plan(SUBMIT + script, competitions=("toy-a", "toy-b"))
    group = Group.create(runs_dir, chosen, {}, "group")
    # the word that nodes look for is not written: to them the path is not shared
    monkeypatch.setattr(RayExecutor, "_token", lambda self, group: "another path")
    run_groups([group], RayExecutor(RunSettings(address=cluster.address)), RunSettings())
    for record in group.records():
        assert record.has_valid_submission
        run_dir = group.run_dir(record.run_id)
        assert (run_dir / "logs" / "note.txt").read_text() == "note\n"
        assert (run_dir / "run.log").exists()
        # what leads out of the folder is not followed and ends nothing
        assert not os.path.lexists(run_dir / "logs" / "link")
    shutil.rmtree(group.folder)


class Said(Silent):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.mark.timeout(1800)
def test_a_node_that_can_run_nothing_does_not_eat_all_runs(plan: Plans, runs_dir: Path, disk: Path, cluster: Any) -> None:
    """Its disk for data is none, so each of its runs fails at once, and it is free again before any other node is."""
    cluster.workers.append(add_node(cluster, **NODE, env_vars={"DISK_OF_NODE": "/dev/null"}, resources={"bad": 1}))
    cluster.wait_for_nodes()
    bad = cluster.workers[-1].node_id
    settings = RunSettings(address=cluster.address, node_data="${DISK_OF_NODE}/data", retry_delay=0.1, retries=3)
    chosen = plan(SUBMIT, competitions=("toy-a", "toy-b"), seeds=tuple(range(6)), limits={"gpus": 1})
    group = Group.create(runs_dir, chosen, {}, "group", settings)
    display = Said()
    run_groups([group], RayExecutor(settings), settings, display)
    records = group.records()
    assert all(record.has_valid_submission for record in records), [record.detail for record in records]
    assert bad not in {record.place for record in records}
    # one copy of each competition for all runs of the machine
    assert len(list(disk.glob("data/mlebench-*/*/origin.json"))) == 2
    failed = [entry for record in records for entry in record.attempts]
    assert {entry["place"] for entry in failed} <= {bad}
    assert all(len({entry["place"] for entry in record.attempts}) == len(record.attempts) for record in records), failed
    if len(failed) >= 3:
        assert any(f"node {bad} gets no more runs" in sentence for sentence in display.sentences), display.sentences


class NodesLeave(Said):
    """Removes every node once all runs are active, and starts one when that has been reported."""

    def __init__(self, cluster: Any, group: Group, go: Path, *, gracefully: bool) -> None:
        super().__init__()
        self._cluster, self._group, self._go, self._gracefully = cluster, group, go, gracefully
        self._is_done = False

    def show(self, overview: Overview) -> None:
        if not self._is_done and all(record.started_at for record in self._group.records()):
            for node in self._cluster.workers:
                self._cluster.remove_node(node, allow_graceful=self._gracefully)
            self._is_done = True

    def say(self, sentence: str) -> None:
        super().say(sentence)
        if sentence.startswith("every node of the Ray cluster"):
            self._go.touch()
            add_node(self._cluster, **NODE)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("gracefully", [False, True])
def test_runs_wait_for_a_node_where_all_have_left_and_that_is_said(
    plan: Plans, runs_dir: Path, tmp_path: Path, cluster: Any, gracefully: bool
) -> None:
    """Agents outlive their nodes, and end while nothing waits for them; that is taken down by the node that comes."""
    waits = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done\n"
    # to miss nodes and to start one takes a busy machine minutes, in which the time of the runs goes on
    chosen = plan(waits + SUBMIT, competitions=("toy-a", "toy-b"), limits={"time_limit": 900})
    group = Group.create(runs_dir, chosen, {}, "group")
    display = NodesLeave(cluster, group, tmp_path / "go", gracefully=gracefully)
    settings = RunSettings(retry_delay=0.1, retries=5)
    run_groups([group], RayExecutor(RunSettings(address=cluster.address)), settings, display)
    assert all(record.has_valid_submission for record in group.records()), [record.detail for record in group.records()]
    told = [sentence for sentence in display.sentences if "Ray cluster" in sentence]
    assert len(told) == 2 and "ray start --address=" in told[0] and told[1].startswith("a node has joined"), display.sentences


def test_a_node_that_ends_under_the_harness_is_one_sentence() -> None:
    """Ray raises what the interpreter raises for faults in itself."""
    head = _Head("127.0.0.1:1")
    with pytest.raises(WorkFailed, match=r"is gone \(it returned NULL\); .*`mlebench run --resume GROUP`"), head.lost_with_ray():
        raise SystemError("it returned NULL")
    assert head.is_gone


def test_groups_of_one_name_share_no_folder_of_a_node(plan: Plans, runs_dir: Path) -> None:
    groups = [Group.create(runs_dir / where, plan(), {}, "group") for where in ("of-one-harness", "of-another")]
    folders = [_own_folder(group) for group in groups]
    assert folders[0] != folders[1] and {folder.name for folder in folders} == {"group"}
    assert _own_folder(Group.open(groups[0].folder)) == folders[0]


@pytest.mark.timeout(1800)
def test_need_beyond_every_node_is_refused_and_stopping_stops(plan: Plans, runs_dir: Path, cluster: Any) -> None:
    executor = RayExecutor(RunSettings(address=cluster.address))
    group = Group.create(runs_dir, plan(limits={"cpus": 64}), {}, "large")
    with pytest.raises(UsageError, match="no node of the Ray cluster"):
        run_groups([group], executor, RunSettings())

    executor = RayExecutor(RunSettings(address=cluster.address))
    group = Group.create(runs_dir, plan("exec sleep 600"), {}, "group")

    class StopAtOnce(Silent):
        every = 0.1

        def show(self, overview: Overview) -> None:
            if any(record.started_at for record in group.records()):
                executor.stop_all(0.5)

    run_groups([group], executor, RunSettings(), StopAtOnce())
    assert {record.state for record in group.records()} == {"cancelled"}


@pytest.mark.timeout(900)
def test_more_and_fewer_runs_at_once_and_none_while_paused(plan: Plans, runs_dir: Path, tmp_path: Path, cluster: Any) -> None:
    """One run, then three at once, then none, then one at a time."""
    script = f"echo + >> {tmp_path}/trace; until [ -e {tmp_path}/go ]; do sleep 0.1; done; echo - >> {tmp_path}/trace\n"
    chosen = plan(script + SUBMIT, competitions=("toy-a",), seeds=tuple(range(6)), limits={"time_limit": 600})
    group = Group.create(runs_dir, chosen, {}, "group")
    harness = Harness(group, executor=RayExecutor(RunSettings(address=cluster.address, parallel=1)))
    trace = tmp_path / "trace"
    wait_until(lambda: begun(trace) == 1, seconds=300)
    assert "at most 3 runs at once from now on" in set_parallel(group, 3)
    wait_until(lambda: begun(trace) == 3, seconds=300)
    pause(group)
    (tmp_path / "go").touch()
    wait_until(lambda: [record.state for record in group.records()].count("finished") == 3, seconds=300)
    assert "at most 1 run at once from now on" in set_parallel(group, 1)
    assert trace.read_text().split() == ["+"] * 3 + ["-"] * 3
    go_on(group)
    assert all(record.has_valid_submission for record in harness.join(300))
    assert trace.read_text().split()[6:] == ["+", "-"] * 3
    assert Group.open(group.folder).settings.parallel == 1


def test_missing_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UsageError, match="ray start --head"):
        RayExecutor(RunSettings(address="127.0.0.1:1"))


@pytest.mark.timeout(1800)
def test_keys_of_models_travel_to_the_gateway_of_the_node(
    plan: Plans, runs_dir: Path, tmp_path: Path, models: tuple[Provider, Path], cluster: Any
) -> None:
    """The nodes' environment has no key; what the harness knows goes to the gateway there, and no further."""
    provider, file = models
    (tmp_path / "program.py").write_text(CLIENT + 'print("asked", ask()[0], os.environ.get("SCRIPTED_KEY"))')
    chosen = plan(f"{SUBMIT}exec python {tmp_path}/program.py", competitions=("toy-a",), limits={"network": "models"})
    chosen = with_models(replace(chosen, model_files=(str(file),)))
    group = Group.create(runs_dir, chosen, {}, "group")
    run_groups([group], RayExecutor(RunSettings(address=cluster.address)), secrets=Secrets({"SCRIPTED_KEY": KEY}))
    [record] = group.records()
    folder = group.run_dir(record.run_id)
    assert (record.state, record.usage["calls"], len(provider.billed)) == ("finished", 1, 1), (folder / "run.log").read_text()
    assert "asked 200 None" in (folder / "run.log").read_text()
    assert [path for path in group.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


@pytest.mark.docker
@pytest.mark.xdist_group("docker")
@pytest.mark.timeout(1800)
def test_runs_in_containers_end_once_though_a_machine_dies() -> None:
    """The trial in small, with nodes and a harness in processes of their own."""
    try:
        engine.connect()
    except EngineUnreachable as error:
        if os.environ.get("MLEBENCH_REQUIRE_DOCKER") == "1":
            pytest.fail(f"MLEBENCH_REQUIRE_DOCKER is set and {error}")
        pytest.skip(str(error))
    words = ["-m", "tests.runs.cluster_trials", "--kill", "machine", "--runs", "8", "--nodes", "2"]
    trial = subprocess.run([sys.executable, *words], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert trial.returncode == 0, trial.stdout + trial.stderr
    assert "8 runs ended once each, and the reports are equal" in trial.stdout
