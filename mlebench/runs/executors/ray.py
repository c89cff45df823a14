"""The Ray executor: every run is a Ray task whose resources are booked on a node of the cluster.

Each node uses its own container engine. The runs folder and the data may be on a path that all nodes share; if the runs folder is
not shared, the task works in the node's temporary folder and returns the run's folder as its result.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from grading.wording import counted
from mlebench._support import paths
from mlebench._support.folders import remove_tree
from mlebench.errors import UsageError, WorkFailed
from mlebench.runs.control import Control
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Need
from mlebench.runs.executors.conduct import Conduct
from mlebench.runs.executors.outlived import Outlived, end_outlived, outlived
from mlebench.runs.executors.parcel import pack, unpack
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask
from mlebench.runs.worker import Place, execute, set_aside

_log = logging.getLogger("mlebench")
_TOKEN = ".shared"
_ASK_EVERY_SECONDS = 1.0
_NOTE_EVERY_SECONDS = 0.5
_KNOCK_SECONDS = 10.0
_ASK_HEAD_EVERY_SECONDS = 2.0
_HEAD_SECONDS = 40.0
"""Ray itself ends every process of the cluster that cannot reach the head for a minute."""
_SWEEP_SECONDS = 30.0
_LOOK_AT_NODES_SECONDS = 2.0
_LOOK_AT_RAYLET_SECONDS = 0.5
_GONE_SECONDS = 300.0
"""Time that Ray may take to notice that a node is gone."""
_NODE_ID = "ray.io/node-id"
"""A label that Ray assigns to each node."""
_END_THERE = "`docker ps --filter label=mlebench.run-folder` there lists their containers, and `docker rm -f` ends them"


@dataclass(frozen=True)
class _Result:
    record: RunRecord
    folder: bytes | None
    """The run's folder as a tar archive; None if the path is shared."""


class Switchboard:
    """An actor that tasks poll for stop requests, and notify when they begin."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, float]] = {}
        self._begun: list[dict[str, Any]] = []

    def ask(self, key: str, what: str, grace: float) -> None:
        """Ask the run `key`, or every run with `*`, to `stop` or `detach`."""
        self._asked[key] = (what, grace)

    def asked(self, key: str) -> tuple[str, float] | None:
        """The request to run `key`, if any."""
        return self._asked.get(key) or self._asked.get("*")

    def tell_begun(self, record: dict[str, Any]) -> None:
        """Note that a run whose folder is not shared has begun."""
        self._begun.append(record)

    def begun(self) -> list[dict[str, Any]]:
        """Runs that have begun since the last call."""
        begun, self._begun = self._begun, []
        return begun


class RayExecutor(Executor):
    """Executes runs on a Ray cluster."""

    name = "ray"

    def __init__(self, settings: RunSettings) -> None:
        ray = self._ray = _import_ray()
        self.parallel = settings.parallel
        self.images_from = settings.images_from
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(ray, settings.address or "auto")
        # on the harness's own node: any other may die, after which no run could be stopped
        here = self._strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        self._switchboard: Any = ray.remote(num_cpus=0)(Switchboard).options(scheduling_strategy=here).remote()
        self._at_work: dict[Any, RunTask] = {}
        self._groups: dict[str, Group] = {}
        self._tokens: dict[str, str] = {}
        self._head = _Head(ray.get_runtime_context().gcs_address)
        self._news: list[str] = []
        self._looked = time.monotonic()
        self._is_without_nodes = False
        self._conduct = Conduct()
        self._confined: dict[Any, set[str]] = {}
        self._begun: set[str] = set()

    def shortage(self, need: Need) -> str | None:
        """Why no node could ever start such a run, or None."""
        if any(_rooms(node, need) for node in self._nodes()):
            return None
        return f"it needs {_words(need)} on one node, and no node of the Ray cluster has that"

    def slots(self, need: Need) -> int:
        """How many such runs fit on all nodes at once."""
        return self._slots(need, self._nodes())

    def _slots(self, need: Need, nodes: list[dict[str, Any]]) -> int:
        capacity = sum(_rooms(node, need) for node in nodes)
        return capacity if self.parallel is None else min(capacity, self.parallel)

    def lacking(self, need: Need) -> str:
        """What a run with this need waits for now."""
        if self.parallel is not None and len(self._at_work) >= self.parallel:
            return super().lacking(need)
        return f"waits for a node of the Ray cluster with {_words(need)} free"

    def queued(self) -> dict[str, str]:
        """Runs submitted to Ray for which it has not found a node yet."""
        waiting = [task for task in self._at_work.values() if task.key not in self._begun]
        for task in waiting:
            if task.group.record(task.run).state != "pending":
                self._begun.add(task.key)
        return {task.key: "queued in Ray" for task in waiting if task.key not in self._begun}

    def submit(self, task: RunTask) -> bool:
        """Submit the run to Ray, which books its resources; False if the cluster is full."""
        self._head.require()
        self._groups[task.group.name] = task.group
        record = task.group.record(task.run)
        need = Need.of(task.group.plan.profile)
        nodes = self._nodes()
        fitting = {node["NodeID"]: node for node in nodes if _rooms(node, need)}
        kept_away = self._conduct.excluded(task.key, fitting)
        left = [node for name, node in fitting.items() if name not in kept_away]
        if record.state != "running" and len(self._at_work) >= self._slots(need, left):
            return False
        strategy: Any = None
        if record.state == "running":
            strategy = self._at_home(record, nodes)
        elif kept_away:
            strategy = self._strategies.NodeLabelSchedulingStrategy(hard={_NODE_ID: self._strategies.NotIn(*sorted(kept_away))})
        remote = self._ray.remote(_work).options(**_options(task, need), scheduling_strategy=strategy)
        words = (task, record, self._token(task.group), self._switchboard, outlived(task.group))
        with self._head.lost_with_ray():
            reference = remote.remote(*words)
        self._at_work[reference] = task
        self._confined[reference] = {node["NodeID"] for node in left} if kept_away and record.state != "running" else set()
        return True

    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended, with their folders retrieved."""
        if not self._at_work:
            time.sleep(seconds)
            self._look_at_nodes()
            return []
        end = time.monotonic() + seconds
        while True:
            self._look_at_nodes()
            left = max(0.0, end - time.monotonic())
            with self._head.lost_with_ray():
                ready, _ = self._ray.wait(list(self._at_work), num_returns=1, timeout=min(_NOTE_EVERY_SECONDS, left))
                if ready:
                    ready, _ = self._ray.wait(list(self._at_work), num_returns=len(self._at_work), timeout=0)
            self._note_begun()
            self._free_the_confined()
            if ready or time.monotonic() >= end:
                return [self._collect(reference) for reference in ready]

    def news(self) -> list[str]:
        """Notices that no node is left, and that there is one again."""
        news, self._news = self._news, []
        return news

    def stop(self, key: str, grace: float) -> None:
        """Stop a run."""
        self._ray.get(self._switchboard.ask.remote(key, "stop", grace))

    def stop_all(self, grace: float) -> None:
        """Stop every run."""
        self.stop("*", grace)

    def detach_all(self) -> None:
        """Leave every agent running."""
        self._ray.get(self._switchboard.ask.remote("*", "detach", 0.0))

    def close(self) -> None:
        """Leave the cluster."""
        if self._head.is_gone:
            # a request to it would block for a minute, after which Ray ends this process
            return
        self._end_what_outlived()
        with contextlib.suppress(Exception):
            self._ray.kill(self._switchboard)
        if self._connected_here:
            self._ray.shutdown()

    @property
    def _strategies(self) -> Any:
        return self._ray.util.scheduling_strategies

    def _at_home(self, record: RunRecord, nodes: list[dict[str, Any]]) -> Any:
        """Sends a run to its agent: to its node, or to another node on its machine, which may have rejoined the cluster."""
        known = {node["NodeID"] for node in nodes}
        same = [node["NodeID"] for node in nodes if node["NodeManagerHostname"] == record.node and node["Resources"].get("CPU")]
        home = record.place if record.place in known else next(iter(same), None)
        return None if home is None else self._strategies.NodeAffinitySchedulingStrategy(home, soft=False)

    def _nodes(self) -> list[dict[str, Any]]:
        with self._head.lost_with_ray():
            return [node for node in self._ray.nodes() if node["Alive"]]

    def _look_at_nodes(self) -> None:
        """Ray keeps tasks waiting for a node silently, however long none joins."""
        self._head.require()
        if time.monotonic() - self._looked < _LOOK_AT_NODES_SECONDS or not self._groups:
            return
        self._looked = time.monotonic()
        nodes, needs = self._nodes(), {Need.of(group.plan.profile) for group in self._groups.values()}
        is_without = not any(_rooms(node, need) for node in nodes for need in needs)
        if is_without and not self._is_without_nodes:
            self._news.append(
                "every node of the Ray cluster that could execute runs has left; runs wait until one joins "
                f"(`ray start --address={self._head.address}`); Ctrl-C ends the harness; continue later with "
                "`mlebench run --resume GROUP`"
            )
        elif self._is_without_nodes and not is_without:
            self._news.append("a node has joined the Ray cluster, and runs continue")
        self._is_without_nodes = is_without

    def _token(self, group: Group) -> str:
        """A token in the group's folder: a node that can read it there shares the path."""
        if group.name not in self._tokens:
            self._tokens[group.name] = secrets.token_hex(16)
            (group.folder / _TOKEN).write_text(self._tokens[group.name], encoding="utf-8")
        return self._tokens[group.name]

    def _note_begun(self) -> None:
        """If the folder is not shared, the harness records on the task's behalf that its run has begun."""
        begun: list[dict[str, Any]] = []
        with self._head.lost_with_ray(), contextlib.suppress(self._ray.exceptions.RayError):
            begun = self._ray.get(self._switchboard.begun.remote(), timeout=10)
        for content in begun:
            record = RunRecord(**content)
            record.write(self._groups[record.group].run_dir(record.run_id))

    def _collect(self, reference: Any) -> Ended:
        task = self._at_work.pop(reference)
        self._begun.discard(task.key)
        self._confined.pop(reference, None)
        try:
            result: _Result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return self._broken(task, f"its Ray task failed: {str(error).strip().splitlines()[-1]}")
        except self._ray.exceptions.RayError as error:
            return self._broken(task, f"its Ray node or worker died ({type(error).__name__})")
        if result.folder is not None:
            if result.record.attempt > 1:
                set_aside(task.run_dir, result.record.attempt - 1)
            if left_out := unpack(result.folder, task.run_dir):
                _log.warning("%s of %s cannot be created here and remain on the node", counted(len(left_out), "file"), task.key)
            # an agent without a container may have replaced it
            result.record.write(task.run_dir)
        place = result.record.place
        notice = None if place is None else self._conduct.note(task.key, place, result.record)
        return Ended(task.key, result.record, notice=notice)

    def _broken(self, task: RunTask, problem: str) -> Ended:
        """The end of a task without a result. A node whose workers keep dying is as bad as one without an engine."""
        place = task.group.record(task.run).place
        is_alive = place in {node["NodeID"] for node in self._nodes()}
        notice = self._conduct.failed(task.key, place, problem) if place is not None and is_alive else None
        return Ended(task.key, None, problem, notice)

    def _free_the_confined(self) -> None:
        """Withdraw tasks that wait for nodes which are gone; they are submitted again to other nodes."""
        if not any(self._confined.values()):
            return
        alive = {node["NodeID"] for node in self._nodes()}
        for reference, nodes in self._confined.items():
            if nodes and not nodes & alive:
                self._ray.cancel(reference)

    def _end_what_outlived(self) -> None:
        """End agents of abandoned attempts on machines that are back, and report those on machines that are not."""
        hosts = {node["NodeManagerHostname"]: node["NodeID"] for node in self._nodes()}
        affinity = self._strategies.NodeAffinitySchedulingStrategy
        sweeps = []
        for group in self._groups.values():
            left = outlived(group)
            for host in {attempt.node for attempt in left}:
                if host in hosts:
                    options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": affinity(hosts[host], soft=False)}
                    sweeps.append(self._ray.remote(_sweep).options(**options).remote(group, left))
                else:
                    runs = ", ".join(sorted({attempt.run_id for attempt in left if attempt.node == host}))
                    _log.warning("agents of %s may still be running on %s, which left the cluster; %s", runs, host, _END_THERE)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.wait(sweeps, num_returns=len(sweeps), timeout=_SWEEP_SECONDS) if sweeps else None


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise UsageError("the ray executor needs the package ray; install it with `pip install 'mlebench[ray]'`") from None


def _connect(ray: Any, address: str) -> None:
    try:
        # ray.init would try for minutes and then end the process
        _knock(address)
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"there is no Ray cluster at `{address}` ({' '.join(str(error).split())[:200]}); start one with "
            "`ray start --head`, or name it with `--address HOST:PORT`"
        ) from None


def _knock(address: str) -> None:
    """Raise OSError if nothing listens at `HOST:PORT`; other addresses (`auto`) are left to Ray."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()


def _rooms(node: dict[str, Any], need: Need) -> int:
    """How many such runs fit on one empty node."""
    has = node["Resources"]
    rooms = [int(has.get("CPU", 0) / need.cpus + 1e-9), int(has.get("memory", 0) // need.memory)]
    if need.gpus:
        rooms.append(int(has.get("GPU", 0) // need.gpus))
    return min(rooms)


def _words(need: Need) -> str:
    from mlebench._support.quantities import show_size

    return f"{need.cpus:g} CPUs, {show_size(need.memory)} of memory and {counted(need.gpus, 'GPU')}"


def _options(task: RunTask, need: Need) -> dict[str, Any]:
    """The Ray options of a run."""
    return {
        "num_cpus": need.cpus,
        "num_gpus": need.gpus,
        "memory": need.memory,
        "max_retries": 0,
        "name": task.key,
        # an agent continues when a worker ends, and the next worker finds it
        "runtime_env": {"env_vars": {"RAY_kill_child_processes_on_worker_exit": "false"}},
    }


def _sweep(group: Group, left: list[Outlived]) -> None:
    """End what outlived its node on this machine, so that it does not run in parallel with its next attempt."""
    end_outlived(group, left, socket.gethostname(), group.folder, _own_folder(group))


class _Head:
    """Watches the head of the cluster. Ray waits for it silently and then ends the whole process."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._asked = time.monotonic()
        self.is_gone = False

    def require(self) -> None:
        """Wait for it for a while.

        Raises:
            WorkFailed: it is gone.
        """
        if time.monotonic() - self._asked < _ASK_HEAD_EVERY_SECONDS:
            return
        end = time.monotonic() + _HEAD_SECONDS
        while not self._answers():
            if time.monotonic() >= end:
                self.is_gone = True
                raise WorkFailed(
                    f"the head of the Ray cluster at {self.address} is gone; agents in containers keep running: start it "
                    "again and continue each group with `mlebench run --resume GROUP`"
                )
            time.sleep(_ASK_EVERY_SECONDS)
        self._asked = time.monotonic()

    @contextlib.contextmanager
    def lost_with_ray(self) -> Iterator[None]:
        """Translates whatever Ray raises inside the block if this machine's node has ended under the harness.

        Raises:
            WorkFailed: the node has ended.
        """
        try:
            yield
        except (SystemError, OSError) as error:
            self.is_gone = True
            said = " ".join(str(error).split())[:100] or type(error).__name__
            raise WorkFailed(
                f"the Ray node that this harness uses is gone ({said}); "
                "agents in containers keep running: start it again with `ray start` and continue each group with "
                "`mlebench run --resume GROUP`"
            ) from None

    def _answers(self) -> bool:
        try:
            _knock(self.address)
        except OSError:
            return False
        return True


def _work(task: RunTask, record: RunRecord, token: str, switchboard: Any, outlived: list[Outlived]) -> _Result:
    """The Ray task: executes the run on the node that Ray chose."""
    ray = _import_ray()
    place = ray.get_runtime_context().get_node_id()
    gpu_ids = tuple(str(gpu) for gpu in ray.get_gpu_ids())
    shared = _is_shared(task.group, token)
    here = task if shared else _moved_here(task, record)
    control = Control()
    over = threading.Event()
    raylet = os.getppid()
    _sweep(task.group, outlived)
    threading.Thread(target=_listen, args=(here, switchboard, control, over, shared), daemon=True).start()
    threading.Thread(target=_leave_with_the_node, args=(raylet, control, over), daemon=True).start()
    try:
        record = execute(here, gpu_ids, control, Place(place))
    finally:
        over.set()
    if control.has_given_up and os.getppid() != raylet:
        # a result would read as a run detached on request; Ray ends this worker once it notices that the node is gone, and until
        # then anything that looks for the run is sent to that node
        threading.Event().wait(_GONE_SECONDS)
        os._exit(1)
    if shared or record.state == "running":
        return _Result(record, None)
    folder = pack(here.run_dir)
    with contextlib.suppress(OSError):
        remove_tree(here.run_dir)
    return _Result(record, folder)


def _listen(task: RunTask, switchboard: Any, control: Control, over: threading.Event, shared: bool) -> None:
    """Poll the harness once a second for stop requests; notify it that the run has begun."""
    ray = _import_ray()
    told = shared
    while not over.wait(_ASK_EVERY_SECONDS):
        try:
            asked = ray.get(switchboard.asked.remote(task.key))
            record = task.group.record(task.run)
            if not told and record.started_at:
                ray.get(switchboard.tell_begun.remote(asdict(record)))
                told = True
        except ray.exceptions.RayError:
            # the harness is gone; Ray ends this task, too
            return
        if asked is not None and control.instead is None:
            what, grace = asked
            control.detach() if what == "detach" else control.stop(grace)


def _leave_with_the_node(raylet: int, control: Control, over: threading.Event) -> None:
    """Leave the agent alone if the node's daemon, this worker's parent, has ended: Ray is about to end this worker, too, and
    another node concludes the run and may already have it."""
    import psutil

    with contextlib.suppress(psutil.Error):
        if not psutil.Process(raylet).name().startswith("raylet"):
            return
    while not over.wait(_LOOK_AT_RAYLET_SECONDS):
        if os.getppid() != raylet:
            control.give_up()
            return


def _is_shared(group: Group, token: str) -> bool:
    try:
        return (group.folder / _TOKEN).read_text(encoding="utf-8") == token
    except OSError:
        return False


def _own_folder(group: Group) -> Path:
    """Working folder on a node that cannot see the group's folder; other machines may have groups of the same name."""
    origin = hashlib.sha256(group.created_at.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mlebench-runs-{os.getuid()}" / origin / group.name


def _moved_here(task: RunTask, record: RunRecord) -> RunTask:
    """The task with its folder on this node, and with this node's data if the plan's is missing.

    Args:
        task: as the harness sees it.
        record: the run's record, which the node cannot read. Files here of the same attempt are newer.
    """
    folder = _own_folder(task.group)
    # anyone may have created a folder of that name there, or a link to one
    paths.make_private(folder.parent.parent)
    plan = task.group.plan
    if not plan.data_dir.is_dir():
        plan = replace(plan, data_dir=paths.data_dir())
    moved = replace(task, group=replace(task.group, folder=folder, plan=plan))
    if record.state == "pending" or not (moved.run_dir / "run.json").exists():
        remove_tree(moved.run_dir)
        moved.run_dir.mkdir(parents=True, mode=0o700)
        record.write(moved.run_dir)
    return moved
