"""The Slurm executor on a real slurmctld and slurmd, started on this machine for the tests.

Run with `pytest -m slurm`; MLEBENCH_REQUIRE_SLURM=1 turns a missing Slurm into a failure.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import GroupStopped, UsageError, WorkFailed
from mlebench.runs.executors import slurm as slurm_executor
from mlebench.runs.executors.slurm import SlurmExecutor
from mlebench.runs.group import Group
from mlebench.runs.harness_status import read_harness_status
from mlebench.runs.lock import is_held
from mlebench.runs.models import with_models
from mlebench.runs.orders import go_on, pause, set_parallel
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.overview import Overview, RunView, Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.local.processes import mark_of, marked
from tests.gateway.asking import CLIENT, MODELS
from tests.gateway.provider import KEY, Provider
from tests.ports import free_ports
from tests.scripted import SUBMIT

from ..waiting import wait_until
from .conftest import TOYS
from .test_orders import Harness
from .test_survival import begun

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]
if os.environ.get("MLEBENCH_REQUIRE_SLURM") != "1":
    pytest.importorskip("submitit", reason="submitit is not installed")
    if not (shutil.which("slurmctld") and shutil.which("slurmd")):
        pytest.skip("Slurm is not installed (apt-get install slurmctld slurmd slurm-client)", allow_module_level=True)

Plans = Callable[..., Plan]
CONFIGURATION = """
ClusterName=mlebench
SlurmctldHost={host}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
SlurmctldPort={port}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=1
MinJobAge=2
SlurmdTimeout=300
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


NODE = "NodeName={name} NodeHostname={host} Port={port} CPUs=2 RealMemory=2000 State=UNKNOWN"


@dataclass
class Slurm:
    """A cluster on this machine: nodes are daemons of one machine, known by their names."""

    root: Path
    daemons: dict[str, subprocess.Popen[bytes]]

    def kill_node(self, name: str, *, with_jobs: bool) -> None:
        """SIGKILL to a node's daemon, and to all that its jobs are made of.

        As where a node loses its power: all stop before any dies, so that none sees another's death and records it. The
        controller is told at once: its own patience would have to be short, and a busy machine would lose living nodes to it.
        """
        stopped: set[psutil.Process] = set()
        while with_jobs and (more := set(self._jobs(name)) - stopped):
            for process in more:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            stopped |= more
        self.daemons[name].kill()
        self.daemons[name].wait()
        for process in stopped:
            with contextlib.suppress(psutil.Error):
                process.kill()
        subprocess.run(["scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed"], check=True)

    def logs(self) -> str:
        """What the daemons said last."""
        return "\n".join(path.read_text()[-2000:] for path in self.root.glob("*.log"))

    def _jobs(self, name: str) -> Iterator[psutil.Process]:
        """Processes of a node's jobs, which inherit its name, what these started, and the daemons that started them."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environment = process.environ()
                if (environment.get("SLURM_CONF"), environment.get("SLURMD_NODENAME")) == (str(self.root / "slurm.conf"), name):
                    yield process
                    yield from process.children(recursive=True)
                    if (above := process.parent()) and above.name().startswith("slurmstepd"):
                        yield above


def start_slurm(root: Path, monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> Iterator[Slurm]:
    """Nodes with two CPUs each; jobs inherit the environment, so toys come first.

    Args:
        root: folder of the cluster's files.
        monkeypatch: sets what commands and jobs need.
        names: of the nodes.
    """
    (root / "state").mkdir(parents=True)
    (root / "spool").mkdir()
    host = socket.gethostname().split(".")[0]
    port, *ports = free_ports(1 + len(names))
    nodes = "\n".join(NODE.format(name=name, host=host, port=each) for name, each in zip(names, ports, strict=True))
    text = CONFIGURATION.format(host=host, user=getpass.getuser(), root=root, port=port, nodes=nodes)
    (root / "slurm.conf").write_text(text)
    monkeypatch.setenv("SLURM_CONF", str(root / "slurm.conf"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    commands = {"slurmctld": ["slurmctld", "-D"], **{name: ["slurmd", "-D", "-N", name] for name in names}}
    daemons = {
        name: subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name, command in commands.items()
    }
    started = Slurm(root, daemons)
    try:
        wait_until(lambda: idle_nodes() == len(names), seconds=300, every=0.2, explain=started.logs)
        yield started
    finally:
        subprocess.run(["scancel", "--user", getpass.getuser()], check=False, capture_output=True)
        # jobs whose daemon goes first would outlive the test
        wait_until(lambda: not listing("squeue", "--noheader").strip(), seconds=300, every=0.2)
        for daemon in reversed(daemons.values()):
            daemon.terminate()
            daemon.wait(timeout=120)


def idle_nodes() -> int:
    return listing("sinfo", "--noheader", "--Node", "--format=%T").split().count("idle")


@pytest.fixture
def cluster(toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """Two nodes, of which one is to die."""
    yield from start_slurm(tmp_path / "slurm", monkeypatch, ("one", "two"))


@pytest.fixture
def slurm(toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """One node."""
    yield from start_slurm(tmp_path / "slurm", monkeypatch, ("one",))


def listing(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def executor(parallel: int | None = None) -> SlurmExecutor:
    return SlurmExecutor(RunSettings(parallel=parallel))


def test_six_runs_are_one_array_and_never_oversold(plan: Plans, runs_dir: Path, tmp_path: Path, slurm: Slurm) -> None:
    """The first runs wait until both CPUs are taken."""
    waits = f"until [ $(grep -c + {tmp_path}/trace) -ge 2 ]; do sleep 0.05; done"
    script = f"echo + >> {tmp_path}/trace; {waits}; echo - >> {tmp_path}/trace\n" + SUBMIT
    group = Group.create(runs_dir, plan(script, seeds=(0, 1)), {}, "group")
    run_groups([group], executor(), RunSettings())
    records = group.records()
    assert all(record.has_valid_submission for record in records), [record.detail for record in records]
    arrays = {str(record.place).partition("_")[0] for record in records}
    assert len(arrays) == 1
    assert {str(record.place).partition("_")[2] for record in records} == set("012345")
    at_work = 0
    for sign in (tmp_path / "trace").read_text().split():
        at_work += 1 if sign == "+" else -1
        assert at_work <= 2


WORKS_UNTIL_TOLD = 'echo "$COMPETITION_ID" >> {root}/trace; until [ -e {root}/go ]; do sleep 0.05; done\n' + SUBMIT
MLEBENCH = [sys.executable, "-m", "mlebench.cli.main"]


def kill_a_harness_with_jobs(agent: AgentSpec, trace: Path, slurm: Slurm) -> None:
    """Starts `group` on three toys and kills its harness once an agent has begun; two jobs run then, and one waits."""
    toys = [word for name in TOYS for word in ("-c", name)]
    words = ["--agent", str(agent.directory), *toys, "--name", "group", "--sandbox", "plain", "--profile", "demo",
             "--profile-set", "memory=100m", "--executor", "slurm"]  # fmt: skip
    harness = subprocess.Popen([*MLEBENCH, "run", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(trace.exists, seconds=300, every=0.2, explain=slurm.logs)
    harness.send_signal(signal.SIGKILL)
    harness.wait()


def test_a_job_serves_the_gateway_of_its_run(
    plan: Plans, runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: Slurm
) -> None:
    """The key comes from the environment that the job inherits, and reaches neither agent nor files."""
    monkeypatch.setenv("SCRIPTED_KEY", KEY)
    (tmp_path / "program.py").write_text(CLIENT + 'print("asked", ask()[0], os.environ.get("SCRIPTED_KEY"))')
    with Provider(KEY) as provider:
        (tmp_path / "models.yaml").write_text(MODELS.format(url=provider.base_url("chat")))
        chosen = plan(f"{SUBMIT}exec python {tmp_path}/program.py", competitions=("toy-a",), limits={"network": "models"})
        chosen = with_models(replace(chosen, model_files=(str(tmp_path / "models.yaml"),)))
        group = Group.create(runs_dir, chosen, {}, "group")
        run_groups([group], executor(), RunSettings())
    [record] = group.records()
    log = (group.run_dir(record.run_id) / "run.log").read_text()
    assert (record.state, record.usage["calls"], len(provider.billed)) == ("finished", 1, 1), log
    assert "asked 200 None" in log
    assert [path for path in group.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_killed_harness_finds_its_jobs_again(
    agent: Callable[..., AgentSpec], runs_dir: Path, tmp_path: Path, slurm: Slurm
) -> None:
    """Resumed by the command that is printed: without the executor's name it began again here, beside the living jobs."""
    kill_a_harness_with_jobs(agent(WORKS_UNTIL_TOLD.format(root=tmp_path)), tmp_path / "trace", slurm)
    # as if it had died before writing the ids down
    (batch,) = (runs_dir / "group" / ".slurm").glob("*/batch.json")
    batch.write_text(batch.read_text().split('"jobs"')[0] + '"jobs": null}')
    living = listing("squeue", "--noheader", "--array", "--format=%i").split()
    elsewhere = subprocess.run(
        [*MLEBENCH, "run", "--resume", "group", "--executor", "local"], capture_output=True, text=True, check=False
    )
    assert elsewhere.returncode == 2 and "executor slurm may still hold" in elsewhere.stderr, elsewhere.stderr
    second = subprocess.Popen(
        [*MLEBENCH, "run", "--resume", "group"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    wait_until(lambda: is_held(runs_dir / "group"), seconds=300)
    (tmp_path / "go").touch()
    _, errors = second.communicate(timeout=600)
    assert second.returncode == 0, errors
    records = Group.open(runs_dir / "group").records()
    assert {str(record.place) for record in records} == set(living)
    assert all(record.has_valid_submission and record.attempt == 1 for record in records)
    assert sorted((tmp_path / "trace").read_text().split()) == ["toy-a", "toy-b", "toy-c"]


def reasons() -> list[str]:
    """Why jobs wait, each by Slurm's word."""
    return sorted(listing("squeue", "--noheader", "--array", "--states=PENDING", "--format=%r").split())


def test_pause_holds_jobs_that_wait_and_parallel_reaches_them(
    plan: Plans, runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: Slurm
) -> None:
    """Five runs on two CPUs: two begin, then none while the group is paused, then one at a time.

    The controller is away when they are to be released at first.
    """
    asked: list[str] = []

    def away_at_first(*words: str) -> str:
        asked.append(words[1])
        if words[1] == "release" and asked.count("release") == 1:
            raise WorkFailed("scontrol failed: the controller is away")
        return ask_slurm(*words)

    ask_slurm = slurm_executor._slurm
    monkeypatch.setattr(slurm_executor, "_slurm", away_at_first)
    script = f"echo + >> {tmp_path}/trace; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo - >> {tmp_path}/trace\n"
    chosen = plan(script + SUBMIT, competitions=("toy-a",), seeds=tuple(range(5)), limits={"time_limit": 600})
    group = Group.create(runs_dir, chosen, {}, "group")
    harness = Harness(group, executor=executor())
    trace = tmp_path / "trace"
    wait_until(lambda: begun(trace) == 2, seconds=300, explain=slurm.logs)
    wait_until(lambda: (said := read_harness_status(group.folder)) is not None and len(said.waiting) == 3)
    said = read_harness_status(group.folder)
    assert said is not None and all(words.startswith("queued in Slurm as job ") for words in said.waiting.values())
    pause(group)
    wait_until(lambda: reasons() == ["JobHeldUser"] * 3, explain=reasons)
    (tmp_path / "go").touch()
    wait_until(lambda: [record.state for record in group.records()].count("finished") == 2, seconds=300)
    assert set_parallel(group, 1).startswith("the harness of group runs at most 1 run at once")
    assert (begun(trace), reasons()) == (4, ["JobHeldUser"] * 3)
    array = listing("squeue", "--noheader", "--format=%F").split()[0]
    assert "ArrayTaskThrottle=1" in listing("scontrol", "show", "job", array)
    go_on(group)
    assert all(record.has_valid_submission for record in harness.join(600))
    assert asked.count("release") > 1
    assert trace.read_text().split()[4:] == ["+", "-"] * 3
    assert Group.open(group.folder).settings.parallel == 1


def test_jobs_of_a_paused_group_whose_harness_died_start_when_it_is_resumed(
    agent: Callable[..., AgentSpec], runs_dir: Path, tmp_path: Path, slurm: Slurm
) -> None:
    toys = [word for name in TOYS for word in ("-c", name)]
    words = ["--agent", str(agent(WORKS_UNTIL_TOLD.format(root=tmp_path)).directory), *toys, "--name", "group",
             "--sandbox", "plain", "--profile", "demo", "--profile-set", "memory=100m", "--executor", "slurm"]  # fmt: skip
    first = subprocess.Popen([*MLEBENCH, "run", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: begun(tmp_path / "trace") == 2, seconds=300, every=0.2, explain=slurm.logs)
        paused = subprocess.run([*MLEBENCH, "runs", "group", "--pause"], check=False, capture_output=True, text=True)
        assert paused.returncode == 0, paused.stderr
        wait_until(lambda: reasons() == ["JobHeldUser"], explain=reasons)
    finally:
        first.kill()
        first.wait()
    (tmp_path / "go").touch()
    second = subprocess.run([*MLEBENCH, "run", "--resume", "group"], capture_output=True, text=True, check=False, timeout=600)
    assert second.returncode == 0, second.stderr
    assert "group was paused; its runs start again" in second.stderr
    records = Group.open(runs_dir / "group").records()
    assert all(record.has_valid_submission and record.attempt == 1 for record in records)


def test_cancelling_a_group_without_a_harness_ends_its_jobs(
    agent: Callable[..., AgentSpec], runs_dir: Path, tmp_path: Path, slurm: Slurm
) -> None:
    kill_a_harness_with_jobs(agent(WORKS_UNTIL_TOLD.format(root=tmp_path)), tmp_path / "trace", slurm)
    cancelled = subprocess.run([*MLEBENCH, "runs", "group", "--cancel"], capture_output=True, text=True, check=False)
    assert cancelled.returncode == 0, cancelled.stderr
    records = Group.open(runs_dir / "group").records()
    assert [(record.state, record.reason) for record in records] == [("cancelled", "cancelled")] * 3
    wait_until(lambda: not listing("squeue", "--noheader").strip(), every=0.2, explain=lambda: listing("squeue"))


def test_job_that_is_cancelled_behind_our_back_is_run_again(plan: Plans, runs_dir: Path, tmp_path: Path, slurm: Slurm) -> None:
    group = Group.create(
        runs_dir, plan(f"test -e {tmp_path}/go || exec sleep 600\n" + SUBMIT, competitions=("toy-a",)), {}, "group"
    )

    class CancelJob(Silent):
        every = 0.1

        def show(self, overview: Overview) -> None:
            record = group.records()[0]
            if record.state == "running" and record.started_at and not (tmp_path / "go").exists():
                (tmp_path / "go").touch()
                subprocess.run(["scancel", str(record.place)], check=True)

    run_groups([group], executor(), RunSettings(retry_delay=0.1), CancelJob())
    record = group.records()[0]
    assert record.has_valid_submission, record.detail
    assert [attempt["failure_class"] for attempt in record.attempts] == ["infrastructure"]


class NodeKiller(Silent):
    """Kills a node once both runs are active, and lets agents continue once the harness has noticed."""

    every = 0.2

    def __init__(self, cluster: Slurm, group: Group, *, with_jobs: bool) -> None:
        self._cluster, self._group, self._with_jobs = cluster, group, with_jobs
        self._has_noticed = False
        self.victim: str | None = None
        self.said: list[str] = []

    def show(self, overview: Overview) -> None:
        at_work = [record for record in self._group.records() if record.state == "running" and record.started_at]
        if self.victim is None and len({record.node for record in at_work}) == 2:
            self.victim = str(at_work[0].node)
            self._cluster.kill_node(self.victim, with_jobs=self._with_jobs)
        if self._has_noticed:
            for record in at_work:
                (self._group.run_dir(record.run_id) / "logs" / "go").touch()

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
        self._has_noticed |= "resumed elsewhere" in sentence


@pytest.mark.timeout(900)
@pytest.mark.parametrize("with_jobs", [True, False], ids=["with its jobs", "whose jobs live on"])
def test_runs_of_a_dead_node_end_once_on_another(plan: Plans, runs_dir: Path, cluster: Slurm, with_jobs: bool) -> None:
    """If only a node's daemon dies, the agent keeps running: another job waits for it, and it does not start twice."""
    script = 'echo begun >> "$LOGS_DIR/trace"; until [ -e "$LOGS_DIR/go" ]; do sleep 0.2; done; echo ended >> "$LOGS_DIR/trace"\n'
    limits = {"memory": 256 * 2**20, "time_limit": 600}
    chosen = plan(script + SUBMIT, competitions=TOYS[:2], seeds=(0, 1), limits=limits)
    has_walls = not get_sandbox("bubblewrap").problems([chosen.agent], chosen.profile)
    chosen = replace(chosen, sandbox="bubblewrap" if has_walls else "plain")
    group = Group.create(runs_dir, chosen, {}, "group")
    display = NodeKiller(cluster, group, with_jobs=with_jobs)
    run_groups([group], executor(), RunSettings(retry_delay=0.1), display)
    records = group.records()
    assert display.victim is not None
    assert all(record.has_valid_submission for record in records), [record.detail for record in records]
    assert {record.node for record in records if record.attempt > 1} <= {"one", "two"} - {display.victim}
    for record in records:
        trace = group.run_dir(record.run_id) / "logs" / "trace"
        assert trace.read_text().split() == ["begun", "ended"], record
    again = [record for record in records if record.attempt > 1]
    assert bool(again) == with_jobs, (display.said, [record.attempts for record in records])
    assert left_at_work(group) == []


def left_at_work(group: Group) -> list[str]:
    """Living processes of any attempt of a group."""
    marks = {mark_of(group.run_dir(record.run_id), n) for record in group.records() for n in range(1, record.attempt + 1)}
    return [mark for mark in marks if next(marked(mark), None) is not None]


class GoOnceTwoHaveFailed(Silent):
    def __init__(self, go: Path) -> None:
        self._go = go

    def ended(self, view: RunView, overview: Overview) -> None:
        if overview.counts()["failed"] == 2:
            self._go.touch()


def test_stopped_group_takes_its_queued_jobs_back(plan: Plans, runs_dir: Path, tmp_path: Path, slurm: Slurm) -> None:
    """Two fail; those that Slurm starts in their place hold both CPUs until the harness has taken the others back."""
    counts = f"echo x >> {tmp_path}/trace; [ $(wc -l < {tmp_path}/trace) -le 2 ]"
    script = f"{counts} || until [ -e {tmp_path}/go ]; do sleep 0.05; done; exit 1"
    group = Group.create(runs_dir, plan(script, seeds=tuple(range(5))), {}, "group")
    with pytest.raises(GroupStopped):
        run_groups([group], executor(), RunSettings(fail_fast=2), GoOnceTwoHaveFailed(tmp_path / "go"))
    states = [record.state for record in group.records()]
    assert "pending" in states
    assert set(states) == {"pending", "failed"}
    # the last ones leave the queue a moment after they have written their ends down
    wait_until(lambda: not listing("squeue", "--noheader").strip(), seconds=300, every=0.2, explain=lambda: listing("squeue"))


def test_need_beyond_every_node_is_refused(plan: Plans, runs_dir: Path, slurm: Slurm) -> None:
    group = Group.create(runs_dir, plan(limits={"gpus": 1}), {}, "group")
    with pytest.raises(UsageError, match="no Slurm node has that"):
        run_groups([group], executor(), RunSettings())


def test_missing_slurm_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no `sinfo` here"):
        executor()
