"""The interface of all sandboxes: start an agent on a competition, find it again after a crash, wait, stop, extract output.

A sandbox's input is a `RunRequest` (all it may know) and its result an `Outcome` (all it reports). Neither contains answers: the
request holds public data and a function that checks a submission, and that function runs in the harness.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from mlebench._support.ledger import Whose
from mlebench.agents import AgentSpec
from mlebench.gateway.access import ModelAccess
from mlebench.profiles import Profile

EndState = Literal["finished", "failed", "timed-out", "cancelled"]
FailureClass = Literal["agent", "infrastructure"]
SandboxName = Literal["docker", "apptainer", "bubblewrap", "plain"]
SandboxWord = Literal[SandboxName, "local"]
"""Names accepted from users and in plans; in a plan, `local` comes from an earlier harness and means `plain`."""
OUTPUT_FOLDERS = ("submission", "logs", "code")
"""Folders of a run that the agent writes; extracted however the run ends."""
LARGEST_SUBMISSION = 4 * 2**30
"""Bytes; a larger `submission.csv` is left out."""
SEE_LOG = "; run.log says why"
"""Suffix for the detail of an outcome that only the agent's own output explains."""


_COUNT_VARIABLES = (
    "MLEBENCH_CPUS",
    "OMP_NUM_THREADS",  # OpenMP specification; also PyTorch, XGBoost, LightGBM, scikit-learn, Arrow, data.table
    "OPENBLAS_NUM_THREADS",  # OpenBLAS, "Runtime variables"
    "MKL_NUM_THREADS",  # Intel oneMKL developer guide
    "BLIS_NUM_THREADS",  # BLIS, docs/Multithreading.md
    "VECLIB_MAXIMUM_THREADS",  # Apple Accelerate, on macOS
    "NUMEXPR_NUM_THREADS",  # NumExpr user guide
    "NUMEXPR_MAX_THREADS",  # NumExpr user guide: the pool, from the machine's cores otherwise
    "NUMBA_NUM_THREADS",  # Numba reference, "Environment variables"
    "LOKY_MAX_CPU_COUNT",  # loky and joblib: cpu_count()
    "POLARS_MAX_THREADS",  # Polars, thread_pool_size()
    "RAYON_NUM_THREADS",  # Rayon: tokenizers and other extensions in Rust
    "TF_NUM_INTRAOP_THREADS",  # TensorFlow, util/util.cc
    "TF_NUM_INTEROP_THREADS",  # TensorFlow, common_runtime/process_util.cc
    "GOMAXPROCS",  # Go, package runtime
    "JULIA_CPU_THREADS",  # Julia manual, "Environment variables"
    "MC_CORES",  # R, package parallel
    "PYTHON_CPU_COUNT",  # Python 3.13: os.cpu_count()
)
"""Variables that set the number of threads to the run's cores: libraries that count the machine's cores would start too many."""
_WAIT_POLICY = {
    "OMP_WAIT_POLICY": "PASSIVE",  # OpenMP specification: waiting threads sleep
    "GOMP_SPINCOUNT": "0",  # libgomp manual
    "KMP_BLOCKTIME": "0",  # LLVM and Intel runtimes: milliseconds of spinning
}
_OPENBLAS_WAIT = {"OPENBLAS_THREAD_TIMEOUT": "4"}  # OpenBLAS: spins for 2**4 cycles, the least that it takes, instead of 2**26

_EXIT_CODES = {
    126: " (the start script or a command in it could not be executed)",
    127: " (a command was not found, possibly the interpreter in the first line of the start script)",
}


@dataclass(frozen=True)
class ShippedImage:
    """An image that reaches a run's machine as an archive from the machine that built it."""

    folder: Path
    """Folder of the archive, shared with other machines."""
    name: str
    """Such as `mlebench/base:light`."""
    id: str
    """Content id from the engine that wrote it, `sha256:…`."""


@dataclass(frozen=True)
class RunRequest:
    """One agent on one competition with one seed."""

    run_id: str
    """Unique name within the group, `<competition>_seed<k>`."""
    group: str
    """Name of the run group."""
    attempt: int
    """1 for the first attempt; an attempt is started once and re-attached after that."""
    competition_id: str
    seed: int
    public_dir: Path
    """Prepared public data, mounted or linked read-only at `home/data`."""
    description: str
    """Text for `home/data/description.md`; hides one in `public_dir`."""
    instructions: str
    """Text for `home/instructions.txt`."""
    agent: AgentSpec
    profile: Profile
    run_dir: Path
    """The run's folder; holds `run.log`, `submission/`, `logs/`, `code/` and `snapshots/`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The agent's own variables, with placeholders filled in. May hold secrets: never write it to disk."""
    secrets: tuple[str, ...] = ()
    """Values to mask in all written output."""
    gpu_ids: tuple[str, ...] = ()
    """GPUs booked for this run, as indices or UUIDs."""
    cpu_ids: tuple[int, ...] = ()
    """Cores dedicated to this run, by the kernel's numbers; empty: any of the machine."""
    validate: Callable[[Path], tuple[bool, str]] | None = None
    """The submission checker: valid or not, and why; never a score. Runs in the harness."""
    models: ModelAccess | None = None
    """The run's access to models through its gateway, which the sandbox serves; None without a gateway."""
    obfuscated: bool = False
    """Whether the competition's identity is hidden from the agent."""
    shipped: ShippedImage | None = None
    """The only image that the agent may run in, if the group ships its images; None if each machine has its own."""
    keep: bool = False
    """Keep the container (or the working folder) after the end for inspection."""
    recorded_group: str | None = None
    """The group's name in the run's record, if its folder was renamed since; None: the same."""

    @property
    def whose(self) -> Whose:
        """The identification in each line of this attempt's ledgers."""
        return Whose(self.recorded_group or self.group, self.run_id, self.attempt)

    @property
    def label(self) -> str:
        """Identifies this attempt on the machine; used by `attach`."""
        return f"{self.group}.{self.run_id}.{self.attempt}"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    state: EndState
    reason: str
    """One word for tables: exited, exit-code, timed-out, out-of-memory, disk-full, cancelled, image-missing,
    engine-unreachable, gpu-unavailable, lost, start-failed, …"""
    detail: str
    """One sentence for people; for a failure it ends with a remedy."""
    exit_code: int | None = None
    failure_class: FailureClass | None = None
    """None if nothing failed; agent: caused by the agent, counts; infrastructure: ours, retried and reported separately."""
    started_at: datetime | None = None
    """With time zone (UTC); None if it never started."""
    ended_at: datetime | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    """Usage, where known: `cpu_seconds`, `peak_memory_bytes`, `image_digest`, `checker_calls`, …; `left_out` lists what in
    `submission/` was not kept, with the reason."""

    @property
    def log_line(self) -> str:
        """`detail` in the form used in `run.log`."""
        return self.detail.removesuffix(SEE_LOG)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: times as ISO text."""
        content = asdict(self)
        for key in ("started_at", "ended_at"):
            content[key] = content[key].isoformat() if content[key] else None
        return content


@dataclass(frozen=True)
class Measured:
    """An attempt's usage at the last measurement; None for unknown values."""

    cpu_seconds: float | None = None
    """CPU seconds since the agent's start."""
    memory_bytes: int | None = None
    """Bytes, without the kernel's page cache."""
    processes: int | None = None
    """Number of processes, counting each of their threads, as the limit does."""
    disk_bytes: int | None = None


class Handle(Protocol):
    """A started attempt. `stop`, `detach` and `measure` may be called from another thread while `wait` blocks."""

    label: str
    cpu_ids: tuple[int, ...]
    """Cores that it is bound to: those of the request, or none if binding was refused."""
    started_at: datetime
    """When the agent itself started (UTC); after `attach` the original time, so that its time limit keeps running."""

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the agent's end, take snapshots meanwhile, and stop it at the deadline.

        At the deadline: SIGTERM, `profile.grace`, SIGKILL, for every process of the attempt. Afterwards, however it ended, the
        output folders are in `run_dir`, `run.log` is complete and (unless `keep`) nothing of the attempt is left on the machine.
        Faults of the agent or the machine raise nothing: they are in the outcome.
        """
        ...

    def stop(self, grace: float) -> None:
        """Stop the attempt: `wait` returns soon with state cancelled. Does nothing if it has ended.

        Args:
            grace: seconds between SIGTERM and SIGKILL.
        """
        ...

    def detach(self) -> None:
        """Stop observing and leave the agent running: `wait` returns soon with reason `detached`, without extracting output.

        The harness uses it when it is asked to exit; `attach` finds the attempt again.
        """
        ...

    def measure(self) -> Measured | None:
        """The agent's usage, at most a few seconds old; None if it is no longer running.

        Cheap enough to call every few seconds. Raises nothing.
        """
        ...


class Sandbox(Protocol):
    """A way to run agents on this machine."""

    name: SandboxName

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here, one sentence each with the command that fixes it."""
        ...

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated; it is built when a group starts."""
        ...

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """What the group's manifest records: engine and version, and by agent id the image and its digest."""
        ...

    def ship(self, agents: list[AgentSpec], folder: Path) -> dict[str, dict[str, str]]:
        """Write the agents' images to a folder, once, so that other machines need not build them.

        Returns:
            by agent id the `name` and `digest` of its image; empty if agents run without images.

        Raises:
            WorkFailed, UsageError: an image cannot be built or written there.
        """
        ...

    def cores(self) -> frozenset[int]:
        """Cores of this machine that agents can be bound to, by the kernel's numbers; empty: none."""
        ...

    def start(self, request: RunRequest) -> Handle:
        """Start the agent and return at once.

        Raises:
            StartFailed: it could not be started; nothing is left behind.
        """
        ...

    def attach(self, request: RunRequest) -> Handle | None:
        """The attempt of an earlier harness: alive, or ended but not yet extracted. None if there is no trace.

        Found by `request.label`; the harness may have been killed between any two steps of `start`.
        """
        ...

    def end_left(self, run_dir: Path, attempt: int) -> bool:
        """End what still runs on this machine of an abandoned attempt, without extracting output.

        Args:
            run_dir: the run's folder, by the path that the attempt used.
            attempt: its number.

        Returns:
            whether there was anything.
        """
        ...


def canonical(word: SandboxWord) -> SandboxName:
    """The sandbox meant by a plan's value."""
    return "plain" if word == "local" else word


def isolates(word: str | None) -> bool:
    """Whether a sandbox isolates agents from the machine's network, files and processes; an unknown one does not."""
    return word in ("docker", "apptainer", "bubblewrap")


def has_images(word: str | None) -> bool:
    """Whether a sandbox runs agents from images."""
    return word in ("docker", "apptainer")


def exited(code: int, hint: str = "") -> Outcome:
    """The outcome of an agent that exited with a code; times and usage are left out.

    Args:
        code: 0 to 255.
        hint: the sandbox's addition for a code other than 0, such as `; it had reached a limit`.
    """
    if code == 0:
        return Outcome("finished", "exited", "exited (0)", code)
    if code == 128 + signal.SIGKILL:
        detail = f"was killed with SIGKILL, possibly for using too much memory{hint}{SEE_LOG}"
        return Outcome("failed", "killed", detail, code, "agent")
    meaning = _EXIT_CODES.get(code, "")
    return Outcome("failed", "exit-code", f"exited with code {code}{meaning}{hint}{SEE_LOG}", code, "agent")


def agent_environment(request: RunRequest, home: str, models: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that every sandbox sets for the agent, with the agent's own ones last.

    Args:
        request: the run.
        home: the folder with data, submission, logs, code and agent: `/home` in a container.
        models: variables by which clients find the model gateway.
    """
    profile = request.profile
    threads = max(1, int(profile.cpus))
    if request.cpu_ids:
        threads = min(threads, len(request.cpu_ids))
    # a policy chosen by an agent applies to every OpenMP runtime
    variables = thread_variables(threads, waits="OMP_WAIT_POLICY" not in request.environment)
    return {
        **home_variables(home),
        "COMPETITION_ID": "competition" if request.obfuscated else request.competition_id,
        "MLEBENCH_SEED": str(request.seed),
        "TIME_LIMIT_SECS": str(int(profile.time_limit)),
        **variables,
        "NVIDIA_VISIBLE_DEVICES": ",".join(request.gpu_ids) or "void",
        **(models or {}),
        **request.environment,
    }


def home_variables(home: str) -> dict[str, str]:
    """Variables with the paths of an agent's folders."""
    return {
        "MLEBENCH_HOME": home,
        "DATA_DIR": f"{home}/data",
        "SUBMISSION_DIR": f"{home}/submission",
        "LOGS_DIR": f"{home}/logs",
        "CODE_DIR": f"{home}/code",
        "AGENT_DIR": f"{home}/agent",
    }


def thread_variables(threads: int, *, waits: bool = True) -> dict[str, str]:
    """Variables that limit libraries to a number of threads and, with `waits`, let waiting threads sleep."""
    # threads that spin for a core used by another process take many times as long
    wait_policy = _WAIT_POLICY if waits else {}
    return {**dict.fromkeys(_COUNT_VARIABLES, str(threads)), **wait_policy, **_OPENBLAS_WAIT}
