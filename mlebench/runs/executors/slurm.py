"""The Slurm executor: the runs of a group become an array of batch jobs, submitted through submitit.

The runs folder and the data are on a path that all nodes share. A job writes to its run's folder as any harness does, so that
folder, and not Slurm's accounting, shows how a run ended; `squeue` only shows whether a job still exists. Every submission is
recorded under `.slurm/` before it is made, so that a new harness finds its jobs again, by id or by name.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from grading.printable import printable
from grading.wording import counted
from mlebench._support.files import write_json
from mlebench._support.hints import mistyped, unknown
from mlebench.errors import UsageError, WorkFailed
from mlebench.profiles import Profile
from mlebench.runs.control import Control
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Need
from mlebench.runs.executors.conduct import Conduct
from mlebench.runs.executors.outlived import end_outlived, outlived
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import SPLIT_KEY_VARIABLE, RunTask, Secrets
from mlebench.runs.worker import Place, execute
from mlebench.sandbox.base import Sandbox

_SETTINGS = ("partition", "account", "qos", "constraint", "exclude", "nodelist", "gres", "comment", "mail_type", "mail_user")
"""Keys of `--executor-set` that submitit knows; it is given all others as options of sbatch."""
_MOST_IN_FLIGHT = 1000
"""Slurm's usual limit for the size of an array."""
_ASK_SLURM_EVERY_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.5
_SPARE_SECONDS = 600.0
"""Added to a job's time limit for starting, stopping and grading."""
_MISSED_TWICE = 2
_UNABLE = ("down", "drain", "fail", "powered_down", "unknown", "inval")
"""Parts of the states of nodes that do not start jobs; `sinfo` adds `*` if a node does not respond."""
_HELD = "JobHeldUser"
_LONGEST_REASON = 100
_LAST_WORDS_SECONDS = 10.0
"""Grace period of an agent whose job is ended; Slurm's own KillWait is 30 s by default."""


@dataclass
class _Job:
    """A run submitted to Slurm."""

    task: RunTask
    job_id: str
    state: str = "PENDING"
    reason: str = ""
    """Slurm's reason for waiting: `Resources`, `Priority`, `JobHeldUser`, …"""
    missed: int = 0
    """How often in a row `squeue` did not list it."""


class _Listed(NamedTuple):
    """A job as listed by `squeue`."""

    state: str
    reason: str
    name: str


class _Node(NamedTuple):
    cpus: int
    memory: int
    gpus: int
    state: str

    @property
    def is_able(self) -> bool:
        """Whether jobs can start there, now or after others have ended."""
        return not self.state.endswith("*") and not any(word in self.state for word in _UNABLE)


class _Whereabouts(NamedTuple):
    nodelist: str | None = None
    exclude: tuple[str, ...] = ()

    def added_to(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The sbatch options with these added."""
        if self.nodelist is not None:
            return settings | {"nodelist": self.nodelist}
        if not self.exclude:
            return settings
        said = [str(settings["exclude"])] if "exclude" in settings else []
        return settings | {"exclude": ",".join([*said, *self.exclude])}


class SlurmExecutor(Executor):
    """Executes runs as Slurm jobs."""

    name = "slurm"

    def __init__(self, settings: RunSettings) -> None:
        self._submitit = _import_submitit()
        self.parallel = settings.parallel
        self.images_from = settings.images_from
        self._settings = settings.executor_settings
        _refuse_mistyped(self._settings)
        self._nodes = _read_nodes(self._settings.get("partition"))
        self._waiting: list[RunTask] = []
        self._jobs: dict[str, _Job] = {}
        self._ended: list[Ended] = []
        self._conduct = Conduct()
        self._last_question = 0.0
        self._listed: tuple[float, dict[str, _Listed]] | None = None
        self._held: set[str] = set()
        self._released: set[str] = set()

    def problems(self, plan: Plan, sandbox: Sandbox, secrets: Secrets) -> list[str]:
        """What jobs would lack: their only secrets are those of the environment."""
        if secrets.split_key in (None, os.environ.get(SPLIT_KEY_VARIABLE)):
            return []
        return [f"Slurm jobs read the split key from their environment; set it with `export {SPLIT_KEY_VARIABLE}=…`"]

    def may_hold(self, group: Group) -> list[PlannedRun]:
        """Runs that an earlier harness submitted and Slurm still holds."""
        left = [run for run in group.plan.runs if not group.record(run).has_ended]
        return [run for run in left if self._find_job(RunTask(group, run)) is not None]

    def shortage(self, need: Need) -> str | None:
        """Why no node could ever start such a run, or None."""
        if any(_rooms(node, need) for node in self._nodes.values()):
            return None
        return (
            f"it needs {need.cpus:g} CPUs and {counted(need.gpus, 'GPU')} with its memory on one node, and no Slurm node has that"
        )

    def slots(self, need: Need) -> int:
        """How many such runs fit on all nodes at once."""
        capacity = sum(_rooms(node, need) for node in self._nodes.values())
        return capacity if self.parallel is None else min(capacity, self.parallel)

    def set_parallel(self, parallel: int) -> None:
        """Change the limit, also of arrays already submitted; it applies per array, as before."""
        super().set_parallel(parallel)
        for array in {job.job_id.partition("_")[0] for job in self._jobs.values() if "_" in job.job_id}:
            # an array whose last jobs have begun meanwhile no longer has a limit
            with contextlib.suppress(WorkFailed):
                _slurm("scontrol", "update", f"JobId={array}", f"ArrayTaskThrottle={parallel}")

    def hold(self, group: Group) -> None:
        """Have Slurm hold the group's waiting jobs, including those for which an earlier request failed."""
        self._held.add(group.name)
        self._released.discard(group.name)
        self._hold_pending()

    def release(self, group: Group) -> None:
        """Have Slurm release them; retried later if the request fails."""
        self._held.discard(group.name)
        self._released.add(group.name)
        for array in self._arrays(group.name, lambda job: True):
            _release(array)
        for job in self._jobs.values():
            # its state is unknown until Slurm is queried again
            job.reason = "" if job.task.group.name == group.name else job.reason

    def lacking(self, need: Need) -> str:
        """What a run that is not submitted yet waits for."""
        return f"waits until Slurm has fewer than {counted(_MOST_IN_FLIGHT, 'run')} from this harness"

    def queued(self) -> dict[str, str]:
        """Waiting jobs, with Slurm's own reason."""
        return {
            key: f"queued in Slurm as job {job.job_id}{f' ({job.reason})' if job.reason not in ('', 'None') else ''}"
            for key, job in self._jobs.items()
            if job.state == "PENDING"
        }

    def _hold_pending(self) -> None:
        for name in self._held:
            for array in self._arrays(name, lambda job: job.state == "PENDING" and job.reason != _HELD):
                # the controller may be unreachable, or the jobs have begun meanwhile; only an operator could undo an operator's
                # `hold`
                with contextlib.suppress(WorkFailed):
                    _slurm("scontrol", "uhold", array)

    def _release_held(self) -> None:
        for name in list(self._released):
            held = self._arrays(name, lambda job: job.state == "PENDING" and job.reason == _HELD)
            for array in held:
                _release(array)
            if not held:
                self._released.discard(name)

    def _arrays(self, name: str, is_meant: Callable[[_Job], bool]) -> set[str]:
        """The selected arrays of a group's jobs."""
        jobs = [job for job in self._jobs.values() if job.task.group.name == name]
        return {job.job_id.partition("_")[0] for job in jobs if is_meant(job)}

    def submit(self, task: RunTask) -> bool:
        """Accept the run; runs accepted since the last `wait` become one array."""
        if len(self._jobs) + len(self._waiting) >= _MOST_IN_FLIGHT:
            return False
        job_id = self._find_job(task)
        if job_id is not None:
            self._jobs[task.key] = _Job(task, job_id)
            listed = self._earlier_jobs().get(job_id)
            if listed is not None and listed.reason == _HELD:
                # its harness was paused, and then ended
                self._released.add(task.group.name)
                _release(job_id.partition("_")[0])
        else:
            self._waiting.append(task)
        return True

    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended."""
        self._submit_waiting()
        end = time.monotonic() + seconds
        while not self._ended:
            self._look()
            if self._ended or time.monotonic() >= end:
                break
            time.sleep(min(_LOOK_EVERY_SECONDS, max(0.0, end - time.monotonic())))
        ended, self._ended = self._ended, []
        return ended

    def stop(self, key: str, grace: float) -> None:
        """Stop a run; one that has not started is withdrawn."""
        job = self._jobs.get(key)
        if job is None:
            return
        (job.task.run_dir / "stop").touch()
        # it may have ended or begun meanwhile
        with contextlib.suppress(WorkFailed):
            _slurm("scancel", "--state=PENDING", job.job_id)

    def stop_all(self, grace: float) -> None:
        """Stop every run."""
        self._ended += [Ended(task.key, task.group.record(task.run)) for task in self._waiting]
        self._waiting.clear()
        for key in list(self._jobs):
            self.stop(key, grace)

    def detach_all(self) -> None:
        """Leave every job to Slurm."""
        tasks = [*self._waiting, *(job.task for job in self._jobs.values())]
        self._ended += [Ended(task.key, task.group.record(task.run)) for task in tasks]
        self._waiting.clear()
        self._jobs.clear()

    def close(self) -> None:
        """Do nothing: this executor holds nothing."""

    def _submit_waiting(self) -> None:
        batches: dict[tuple[str, _Whereabouts], list[RunTask]] = defaultdict(list)
        able = self._able_nodes() if self._waiting else {}
        for task in self._waiting:
            batches[task.group.name, self._whereabouts(task, able)].append(task)
        self._waiting.clear()
        for (_, where), tasks in batches.items():
            for task, job_id in zip(tasks, self._submit_batch(tasks, where), strict=True):
                self._jobs[task.key] = _Job(task, job_id)

    def _able_nodes(self) -> dict[str, _Node]:
        return {name: node for name, node in _read_nodes(self._settings.get("partition")).items() if node.is_able}

    def _whereabouts(self, task: RunTask, able: dict[str, _Node]) -> _Whereabouts:
        """Where a run must or must not start."""
        record = task.group.record(task.run)
        # a run left by an earlier job can be found only on its node, as long as that exists
        if record.state == "running":
            return _Whereabouts(nodelist=record.node if record.node in able else None)
        need = Need.of(task.group.plan.profile)
        kept_away = self._conduct.excluded(task.key, [name for name, node in able.items() if _rooms(node, need)])
        return _Whereabouts(exclude=tuple(sorted(kept_away)))

    def _submit_batch(self, tasks: list[RunTask], where: _Whereabouts) -> list[str]:
        """Submit one array; returns the job id of each task."""
        group = tasks[0].group
        name = f"mlebench-{uuid.uuid4().hex[:12]}"
        folder = group.folder / ".slurm" / name
        folder.mkdir(parents=True)
        content: dict[str, Any] = {"name": name, "runs": [task.run.run_id for task in tasks], "jobs": None}
        write_json(folder / "batch.json", content)
        executor = self._submitit.SlurmExecutor(folder=folder, max_num_timeout=0)
        settings = where.added_to(self._settings)
        executor.update_parameters(**_parameters(group.plan.profile, name, self.parallel, settings))
        try:
            with executor.batch():
                jobs = [executor.submit(_work, task.without_secrets()) for task in tasks]
        except (subprocess.CalledProcessError, self._submitit.core.utils.FailedJobError, OSError) as error:
            raise WorkFailed(f"sbatch refused the runs of {group.name}: {' '.join(str(error).split())}") from None
        content["jobs"] = [str(job.job_id) for job in jobs]
        write_json(folder / "batch.json", content)
        return list(content["jobs"])

    def _look(self) -> None:
        for key, job in list(self._jobs.items()):
            record = job.task.group.record(job.task.run)
            if record.has_ended:
                notice = None if record.node is None else self._conduct.note(key, record.node, record)
                self._end(key, Ended(key, record, notice=notice))
                if notice is not None:
                    self._keep_away()
        if self._jobs and time.monotonic() - self._last_question >= _ASK_SLURM_EVERY_SECONDS:
            self._ask_slurm()
            self._last_question = time.monotonic()

    def _keep_away(self) -> None:
        """Exclude the avoided nodes from waiting jobs, which were submitted before."""
        excluded = _Whereabouts(exclude=tuple(sorted(self._conduct.avoided))).added_to(self._settings)["exclude"]
        for array in {job.job_id.partition("_")[0] for job in self._jobs.values()}:
            # a job that has begun meanwhile stays where it is
            with contextlib.suppress(WorkFailed):
                _slurm("scontrol", "update", f"JobId={array}", f"ExcNodeList={excluded}")

    def _ask_slurm(self) -> None:
        try:
            current = _current_jobs()
        except WorkFailed:
            # the controller is unreachable; nothing is known, so nothing is concluded
            return
        for key, job in list(self._jobs.items()):
            if job.job_id in current:
                job.missed = 0
                job.state, job.reason = current[job.job_id].state, current[job.job_id].reason
                continue
            # its last writes may still be propagating through a shared file system
            job.missed += 1
            if job.missed >= _MISSED_TWICE:
                self._vanished(key, job)
        self._hold_pending()
        self._release_held()

    def _vanished(self, key: str, job: _Job) -> None:
        record = job.task.group.record(job.task.run)
        stopped = (job.task.run_dir / "stop").exists()
        if record.has_ended or (stopped and record.state == "pending"):
            self._end(key, Ended(key, record))
        else:
            self._end(key, Ended(key, None, f"its Slurm job {job.job_id} is gone without a result"))

    def _find_job(self, task: RunTask) -> str | None:
        """The live job that an earlier harness submitted for this run."""
        for batch in _batches_with(task.group, task.run.run_id):
            job_id = _job_in(batch, task.run.run_id, self._earlier_jobs())
            if job_id is not None:
                return job_id
        return None

    def _earlier_jobs(self) -> dict[str, _Listed]:
        """This user's jobs in Slurm; refreshed rarely, as jobs of earlier harnesses can only become fewer."""
        if self._listed is None or time.monotonic() - self._listed[0] > _ASK_SLURM_EVERY_SECONDS:
            self._listed = (time.monotonic(), _current_jobs())
        return self._listed[1]

    def _end(self, key: str, ended: Ended) -> None:
        del self._jobs[key]
        self._ended.append(ended)


def _work(task: RunTask) -> str:
    """The batch job: executes the run on the node that Slurm chose. Secrets come from the job's environment."""
    gpu_ids = os.environ.get("SLURM_JOB_GPUS") or os.environ.get("CUDA_VISIBLE_DEVICES") or ""
    control = Control()

    def lose(*_: object) -> None:
        # the control's lock may be held where the signal arrives
        detail = f"Slurm ended its job {_own_job_id()} (cancelled, preempted, or its node went down)"
        threading.Thread(target=control.lose, args=(detail, _LAST_WORDS_SECONDS)).start()

    signal.signal(signal.SIGTERM, lose)
    end_outlived(task.group, outlived(task.group), _own_node(), task.group.folder)
    record = execute(task, tuple(filter(None, gpu_ids.split(","))), control, Place(_own_job_id(), _own_node()))
    return record.state


def _own_node() -> str:
    """Slurm's name for this node, which need not be the machine's name."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def _own_job_id() -> str:
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID", "")


def _refuse_mistyped(settings: Iterable[str]) -> None:
    """Any option of sbatch is allowed, so only a name that is almost one of the usual ones is refused."""
    for key in settings:
        if key not in _SETTINGS and mistyped(key, _SETTINGS):
            raise UsageError(unknown("key", key, _SETTINGS, where="of `--executor-set`"))


def _parameters(profile: Profile, name: str, parallel: int | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The sbatch parameters of each job in the array."""
    seconds = profile.time_limit + profile.grace + _SPARE_SECONDS
    parameters: dict[str, Any] = {
        "job_name": name,
        "time": math.ceil(seconds / 60),
        "cpus_per_task": math.ceil(profile.cpus),
        "mem": f"{math.ceil(profile.memory / 2**20)}MB",
        "array_parallelism": parallel or _MOST_IN_FLIGHT,
        "use_srun": False,
        **{key: value for key, value in settings.items() if key in _SETTINGS},
    }
    if "requeue" not in settings:
        # only the harness decides whether a run restarts
        settings = settings | {"no_requeue": True}
    if profile.gpus and "gres" not in settings:
        parameters["gpus_per_node"] = profile.gpus
    others = {key.replace("_", "-"): value for key, value in settings.items() if key not in _SETTINGS}
    return parameters | ({"additional_parameters": others} if others else {})


def _job_in(batch: dict[str, Any], run_id: str, current: dict[str, _Listed]) -> str | None:
    """The job of a run in a batch, if it is current."""
    index = batch["runs"].index(run_id)
    if batch["jobs"] is not None:
        job_id = str(batch["jobs"][index])
    else:
        # the earlier harness died between submitting and recording the ids
        arrays = {job.partition("_")[0] for job, listed in current.items() if listed.name == batch["name"]}
        job_id = f"{min(arrays)}_{index}" if len(batch["runs"]) > 1 and arrays else min(arrays, default="")
    return job_id if job_id in current else None


def _batches_with(group: Group, run_id: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((group.folder / ".slurm").glob("*/batch.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        batch = _read_batch(path)
        if run_id in batch["runs"]:
            found.append(batch)
    return found


def _read_batch(path: Path) -> dict[str, Any]:
    """Read a batch, that is, what was submitted at once.

    Raises:
        WorkFailed: the file is damaged. Ignoring it would submit a run a second time while its job is alive.
    """
    try:
        batch = json.loads(path.read_text(encoding="utf-8"))
        jobs, runs = batch["jobs"], batch["runs"]
        if isinstance(batch["name"], str) and isinstance(runs, list) and (jobs is None or len(jobs) == len(runs)):
            return dict(batch)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    raise WorkFailed(
        f"{path} is damaged, so it is unknown which Slurm jobs still execute runs of the group; once `squeue --me` lists "
        f"none of {path.parent.name}, remove {path.parent}"
    )


def _current_jobs() -> dict[str, _Listed]:
    """State, reason and name of this user's jobs, by job id (`ARRAY_INDEX` for members of arrays)."""
    listing = _slurm("squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T|%r|%j")
    jobs = {}
    for line in listing.splitlines():
        job_id, state, reason, name = line.strip().split("|", 3)
        if state not in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL"):
            jobs[job_id] = _Listed(state, printable(reason, _LONGEST_REASON), name)
    return jobs


def _release(array: str) -> None:
    # a job that has begun or ended meanwhile is not held
    with contextlib.suppress(WorkFailed):
        _slurm("scontrol", "release", array)


def _read_nodes(partition: str | None) -> dict[str, _Node]:
    chosen = [f"--partition={partition}"] if partition else []
    try:
        listing = _slurm("sinfo", "--noheader", "--Node", "--format=%N|%c|%m|%G|%T", *chosen)
    except WorkFailed as error:
        raise UsageError(f"{error}; look at the cluster with `sinfo`") from None
    nodes = {}
    for line in listing.splitlines():
        name, cpus, megabytes, gres, state = line.strip().split("|", 4)
        gpus = sum(int(count) for count in re.findall(r"gpu(?::[A-Za-z][\w.-]*)?:(\d+)", gres))
        nodes[name] = _Node(int(cpus), int(megabytes.rstrip("+")) * 2**20, gpus, state.lower())
    return nodes


def _rooms(node: _Node, need: Need) -> int:
    rooms = [node.cpus // math.ceil(need.cpus), node.memory // need.memory]
    if need.gpus:
        rooms.append(node.gpus // need.gpus)
    return min(rooms)


def _slurm(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    except FileNotFoundError:
        raise UsageError(f"there is no `{words[0]}` here; run this on a machine that can submit Slurm jobs") from None
    except subprocess.CalledProcessError as error:
        raise WorkFailed(f"{words[0]} failed: {' '.join(error.stderr.split())}") from None
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"{words[0]} did not answer within a minute") from None


def _import_submitit() -> Any:
    try:
        return importlib.import_module("submitit")
    except ImportError:
        raise UsageError(
            "the slurm executor needs the package submitit; install it with `pip install 'mlebench[slurm]'`"
        ) from None
