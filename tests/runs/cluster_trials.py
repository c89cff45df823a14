"""Kills a node, its machine, the head or the harness of a Ray cluster amid a group of container runs, and looks on.

    python -m tests.runs.cluster_trials --kill node
    python -m tests.runs.cluster_trials --kill head --runs 12

Three pretended nodes are three raylets of this machine, which share its container engine; the death of a machine ends the
containers of its runs as well. A group is run undisturbed first; then a second one while the chosen part is killed with SIGKILL,
and resumed where the harness was among it. Every run must end once, no two containers of a run may be alive at the same time,
as the engine tells it, nothing may be left on the machine, and both groups must come to the same figures. The program prints what
it saw, and ends with 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from mlebench.preparation import PreparationOptions, prepare_all
from mlebench.registry import Registry
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.sandbox.docker import engine, images
from mlebench.sandbox.docker.container import RUN_LABEL
from tests.ports import free_ports
from tests.runs.raylets import DidNotStart, start_until_one_stays
from tests.scripted import scripted_agent
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
COMPETITION = "demo-wine"
BASE = "mlebench/base:light"
SCRIPT = """
    echo begun >> "$LOGS_DIR/trace"
    sleep 6
    cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"
    echo ended >> "$LOGS_DIR/trace"
"""
LONGEST = 1800.0
"""Seconds of any wait: a machine may be busy."""
_TIMES = ("run_seconds", "group", "runs_with_several_attempts", "peak_memory_bytes", "gpu_hours")


class Nodes:
    """A Ray cluster of this machine: a head that takes no runs, and nodes that take two at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._port = free_ports(1)[0]
        self._started: list[subprocess.Popen[bytes]] = []
        self._had_raylet: set[int] = set()
        self.address = f"127.0.0.1:{self._port}"
        self.start(count)

    def start(self, count: int) -> None:
        """Start the head and so many nodes, one after the other, as two that start at once on one machine take the same ports."""
        self._start("--head", f"--port={self._port}", "--num-cpus=0", "--include-dashboard=false")
        for _ in range(count):
            self._start(f"--address={self.address}", "--num-cpus=2", f"--memory={2 * 2**30}")

    def kill_node(self, node_id: str) -> None:
        """SIGKILL to the raylet of a node; containers and engine live on."""
        (victim,) = [each for each in self._below("raylet") if node_id in " ".join(each.cmdline())]
        victim.kill()

    def kill_head(self) -> None:
        """SIGKILL to what keeps the cluster's state."""
        for process in self._below("gcs_server"):
            process.kill()

    def stop(self) -> None:
        """End what is left, by its processes."""
        for started in self._started:
            self._end(started)
        self._started.clear()

    def _start(self, *words: str) -> None:
        """Start a node, and start it again where its raylet gave up on a machine that is too busy for its deadlines."""
        try:
            start_until_one_stays(lambda: self._start_one(*words))
        except DidNotStart as error:
            raise SystemExit(f"a node did not start: {error}") from None

    def _start_one(self, *words: str) -> None:
        started = self._begin(*words)
        try:
            wait_until(lambda: self._is_up(started), seconds=240, every=0.5)
        except AssertionError:
            self._end(self._started.pop())
            raise DidNotStart(self._log(len(self._started))[-1000:]) from None

    def _begin(self, *words: str) -> subprocess.Popen[bytes]:
        # nodes of one machine must not share the ports that each has by default; for a port that is not given a raylet waits
        # 15 s, which are too few on a busy machine, and then dies
        agents = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")
        given = [f"--{agent}-port={port}" for agent, port in zip(agents, free_ports(len(agents)), strict=True)]
        ports = ("--min-worker-port=0", "--max-worker-port=0", *given)
        command = [str(Path(sys.executable).with_name("ray")), "start", *words, *ports, "--block"]
        environment = {
            **os.environ,
            "RAY_raylet_start_wait_time_s": "300",
            "RAY_agent_register_timeout_ms": "300000",
            "PYTHONPATH": str(ROOT),
        }
        with (self._folder / f"ray-{len(self._started)}.log").open("wb") as log:
            options: dict[str, Any] = {"stdout": log, "stderr": log, "env": environment, "start_new_session": True}
            self._started.append(subprocess.Popen([*command, "--object-store-memory=100000000"], **options))
        return self._started[-1]

    def _is_up(self, started: subprocess.Popen[bytes]) -> bool:
        if started.poll() is not None:
            raise AssertionError("it has ended")
        # `ray start` waits for minutes for a raylet that has died
        alive = any(process.status() != psutil.STATUS_ZOMBIE for process in self._raylets(started))
        if started.pid in self._had_raylet and not alive:
            raise AssertionError("its raylet has died")
        if alive:
            self._had_raylet.add(started.pid)
        return "Ray runtime started" in self._log(len(self._started) - 1)

    @staticmethod
    def _raylets(started: subprocess.Popen[bytes]) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(started.pid).children(recursive=True)
            return [process for process in below if process.name().startswith("raylet")]
        return []

    def _log(self, number: int) -> str:
        return (self._folder / f"ray-{number}.log").read_text(errors="replace")

    @staticmethod
    def _end(started: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(started.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        started.kill()
        started.wait()

    def _below(self, name: str) -> list[psutil.Process]:
        found = [process for started in self._started for process in psutil.Process(started.pid).children(recursive=True)]
        return [process for process in found if process.name().startswith(name)]


class Trial:
    """A group on the cluster, one of whose parts is killed."""

    def __init__(self, folder: Path, nodes: Nodes, runs: int, name: str) -> None:
        self._folder, self._nodes, self._runs = folder, nodes, runs
        self._name = f"{name}-{os.getpid()}"
        self.problems: list[str] = []
        self.story: list[str] = []
        self._witness = Witness()

    @property
    def _group_dir(self) -> Path:
        return self._folder / "runs" / self._name

    def play(self, kill: str | None, *, nodes: int) -> dict[str, Any]:
        """Run the group, kill something in its middle, resume it where that ended the harness.

        Returns:
            the figures of its report.
        """
        harness = self._harness(*self._new_group())
        if kill is not None:
            wait_until(lambda: self._is_in_the_middle(harness), seconds=LONGEST, every=0.2, explain=self._errors)
            self._kill(kill, harness)
        code = harness.wait(LONGEST)
        if kill in ("head", "harness"):
            self.story.append(f"the harness ended with {code}: {self._errors().strip().splitlines()[-1:]}")
            if kill == "head":
                self._nodes.stop()
                self._nodes.start(nodes)
            code = self._harness("--resume", self._name).wait(LONGEST)
        if code:
            raise SystemExit(f"the harness ended with {code}: {self._errors()[-2000:]}")
        self._judge()
        return self._figures()

    def _is_in_the_middle(self, harness: subprocess.Popen[bytes]) -> bool:
        if harness.poll() is not None:
            raise AssertionError(f"the harness has ended: {self._errors()}")
        records = self._records()
        return sum(record.has_ended for record in records) >= self._runs // 4 and bool(self._at_work(records))

    def _kill(self, kill: str, harness: subprocess.Popen[bytes]) -> None:
        at_work = self._at_work(self._records())
        self.story.append(f"killed the {kill} with {len(at_work)} runs at work")
        if kill in ("node", "machine"):
            self._nodes.kill_node(str(at_work[0].place))
            if kill == "machine":
                self._end_containers([record for record in at_work if record.place == at_work[0].place])
        elif kill == "head":
            self._nodes.kill_head()
        else:
            harness.send_signal(signal.SIGKILL)

    def _end_containers(self, records: list[RunRecord]) -> None:
        """What the death of a machine does to its engine."""
        folders = {str(self._group_dir / record.run_id) for record in records}
        for found in engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": RUN_LABEL}):
            if found.labels[RUN_LABEL] in folders:
                found.remove(force=True, v=True)

    def _at_work(self, records: list[RunRecord]) -> list[RunRecord]:
        """Records of runs whose agents work, the latest start first: the others may be at their ends."""
        found = [record for record in records if record.state == "running" and record.started_at]
        return sorted(found, key=lambda record: str(record.started_at), reverse=True)

    def _records(self) -> list[RunRecord]:
        return Group.open(self._group_dir).records() if (self._group_dir / "group.yaml").exists() else []

    def _new_group(self) -> list[str]:
        limits = ("cpus=1", "memory=256m", "grace=1", "time_limit=600", "snapshot_every=0")
        settings = [word for limit in limits for word in ("--profile-set", limit)]
        return [
            *("--agent", str(self._folder / "agents" / "scripted"), "-c", COMPETITION, "--seeds", str(self._runs)),
            *("--name", self._name, "--profile", "demo", *settings, "--sandbox", "docker", "--executor", "ray"),
            *("--address", self._nodes.address, "--images-from", str(self._folder / "images")),
            *("--node-data", str(self._folder / "disk")),
        ]

    def _harness(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "mlebench.cli.main", "run", *words]
        with (self._folder / f"{self._name}.errors").open("ab") as errors:
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)

    def _errors(self) -> str:
        return (self._folder / f"{self._name}.errors").read_text(errors="replace")

    def _judge(self) -> None:
        records = self._records()
        if len(records) != self._runs:
            self.problems.append(f"{len(records)} records")
        for record in records:
            trace = self._group_dir / record.run_id / "logs" / "trace"
            if record.state != "finished" or not record.has_valid_submission:
                self.problems.append(f"{record.run_id}: {record.state} ({record.reason}: {record.detail})")
            elif trace.read_text().split() != ["begun", "ended"]:
                self.problems.append(f"{record.run_id}: its agent wrote {trace.read_text().split()}")
        again = [record.run_id for record in records if record.attempt > 1]
        places = {record.place for record in records}
        lives = self._witness.lives(self._group_dir)
        self.story.append(f"{len(again)} runs begun anew, {len(places)} places, {sum(map(len, lives.values()))} containers")
        if len(lives) != self._runs:
            self.problems.append(f"the engine tells of containers of {len(lives)} runs")
        self.problems += [f"{run}: two containers at once {spans}" for run, spans in lives.items() if overlap(spans)]
        self.problems += [f"left over: {name}" for name in containers_of(self._group_dir)]

    def _figures(self) -> dict[str, Any]:
        """The report without what time and place decide."""
        report = json.loads((self._group_dir / "grading_report.json").read_text())
        report["run_group"] = {key: value for key, value in report["run_group"].items() if key not in _TIMES}
        for entry in report["competition_reports"]:
            entry.pop("created_at", None)
        return dict(report)


class Witness:
    """Notes when containers of runs are alive, as the engine tells it while it happens: it keeps only its last 256 events."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        filters = {"type": "container", "event": ["start", "die"], "label": RUN_LABEL}
        self._stream = engine.connect().events(filters=filters, decode=True)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def lives(self, group_dir: Path) -> dict[str, list[tuple[float, float]]]:
        """Spans of time in which a container of a run was alive, by the run's folder."""
        begun: dict[str, tuple[str, float]] = {}
        lives: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for event in list(self._events):
            folder = event["Actor"]["Attributes"].get(RUN_LABEL, "")
            if not folder.startswith(f"{group_dir}/"):
                continue
            moment = event["timeNano"] / 1e9
            if event["Action"] == "start":
                begun[event["Actor"]["ID"]] = (folder, moment)
            elif (start := begun.pop(event["Actor"]["ID"], None)) is not None:
                lives[folder].append((start[1], moment))
        for folder, moment in begun.values():
            lives[folder].append((moment, float("inf")))
        return lives

    def _listen(self) -> None:
        for event in self._stream:
            self._events.append(event)


def overlap(spans: list[tuple[float, float]]) -> bool:
    """Whether two of some spans of time share a moment."""
    ordered = sorted(spans)
    return any(second[0] < first[1] for first, second in itertools.pairwise(ordered))


def containers_of(group_dir: Path) -> list[str]:
    """Names of the containers that a group left on the engine."""
    found = engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": RUN_LABEL})
    return [each.name for each in found if each.labels[RUN_LABEL].startswith(f"{group_dir}/")]


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """The competition, the agent and the environment of the harness and of all nodes."""
    os.environ |= {"MLEBENCH_DATA_DIR": str(folder / "data"), "MLEBENCH_RUNS_DIR": str(folder / "runs"), "PYTHONPATH": str(ROOT)}
    prepare_all([Registry(folder / "data").get_competition(COMPETITION)], PreparationOptions(), tell=lambda _: None)
    client = engine.connect()
    # an image of the trial's own, as whoever else uses this engine may build the base anew meanwhile
    client.images.get(BASE).tag("mlebench-trial", str(os.getpid()))
    agent = scripted_agent(folder / "agents" / "scripted", SCRIPT, f"image: mlebench-trial:{os.getpid()}")
    yield
    for name in containers_of(folder / "runs"):
        client.containers.get(name).remove(force=True, v=True)
    recipe = images.agent_recipe(agent, images.base_recipe(client=client))
    for name in (recipe.tag, recipe.parent):
        with contextlib.suppress(*engine.failures()):
            client.images.remove(name)


def main() -> int:
    """Play an undisturbed and a disturbed group; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.runs.cluster_trials", description=str(__doc__).splitlines()[0])
    parser.add_argument("--kill", choices=("node", "machine", "head", "harness"), default="node")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    nodes = Nodes(folder, options.nodes)
    try:
        with prepared(folder):
            wrong = compare(folder, nodes, options)
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def compare(folder: Path, nodes: Nodes, options: argparse.Namespace) -> list[str]:
    """What was wrong with a group that was disturbed, held against one that was not; printed, too."""
    wrong: list[str] = []
    figures = []
    for name, kill in (("undisturbed", None), ("disturbed", options.kill)):
        begun = time.monotonic()
        trial = Trial(folder, nodes, options.runs, name)
        figures.append(trial.play(kill, nodes=options.nodes))
        wrong += trial.problems
        took = time.monotonic() - begun
        print(f"{name}: {'; '.join(trial.problems) or 'well'} ({'; '.join(trial.story)}; {took:.0f} s)", flush=True)
    if figures[0] != figures[1]:
        differing = [key for key in figures[0] if figures[0][key] != figures[1].get(key)]
        wrong.append(f"the reports differ in {differing}")
    print(wrong[-1] if wrong else f"{options.runs} runs ended once each, and the reports are equal")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
