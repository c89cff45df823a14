"""What every sandbox offers: start an agent on a competition, find it again after a crash, wait, stop, take out.

A sandbox lives between `RunRequest` (all it may know) and `Outcome` (all it reports). Answers are in neither: the
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
"""What users write, and what plans hold: in a plan `local` is of an earlier harness, and means `plain`."""
OUTPUT_FOLDERS = ("submission", "logs", "code")
"""Folders of a run that the agent writes; they are taken out whatever the end was."""
LARGEST_SUBMISSION = 4 * 2**30
"""Bytes; a larger `submission.csv` is left out."""
SEE_LOG = "; run.log says why"
"""Ends the detail of an outcome that only the agent's own output explains."""


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
"""Hold the number of threads that a run has cores for: libraries that count the machine's cores would start too many."""
_WAIT_POLICY = {
    "OMP_WAIT_POLICY": "PASSIVE",  # OpenMP specification: waiting threads sleep
    "GOMP_SPINCOUNT": "0",  # libgomp manual
    "KMP_BLOCKTIME": "0",  # LLVM and Intel runtimes: milliseconds of spinning
}
_OPENBLAS_WAIT = {"OPENBLAS_THREAD_TIMEOUT": "4"}  # OpenBLAS: spins for 2**4 cycles, the least that it takes, instead of 2**26

_EXIT_CODES = {
    126: " (the start script or a command in it could not be executed)",
    127: " (a command was not found; the interpreter in the first line of the start script counts)",
}


@dataclass(frozen=True)
class ShippedImage:
    """An image that comes to the machine of a run as an archive, from one that built it."""

    folder: Path
    """Holds the archive; other machines see it, too."""
    name: str
    """Such as `mlebench/base:light`."""
    id: str
    """What the engine that wrote it calls its content, `sha256:…`."""


@dataclass(frozen=True)
class RunRequest:
    """One agent, to work on one competition with one seed."""

    run_id: str
    """Unique name within the group, `<competition>_seed<k>`."""
    group: str
    """Name of the run group."""
    attempt: int
    """1 for the first try; an attempt is started once and re-attached after that."""
    competition_id: str
    seed: int
    public_dir: Path
    """Prepared public data, mounted or linked read-only at `home/data`."""
    description: str
    """Text for `home/data/description.md`; hides one that lies in `public_dir`."""
    instructions: str
    """Text for `home/instructions.txt`."""
    agent: AgentSpec
    profile: Profile
    run_dir: Path
    """The run's folder; holds `run.log`, `submission/`, `logs/`, `code/` and `snapshots/`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The agent's own variables, placeholders filled in. May hold secrets: never write it down."""
    secrets: tuple[str, ...] = ()
    """Values to mask in everything that is written."""
    gpu_ids: tuple[str, ...] = ()
    """GPUs booked for this run, as indices or UUIDs."""
    cpu_ids: tuple[int, ...] = ()
    """Cores that are this run's own, as the kernel numbers them; empty: any of the machine."""
    validate: Callable[[Path], tuple[bool, str]] | None = None
    """The submission checker: valid or not, and why; never a score. Answered by the harness."""
    models: ModelAccess | None = None
    """What the run may ask of models through its gateway, which the sandbox serves; None where it has none."""
    obfuscated: bool = False
    """The agent is not to learn which competition it works on."""
    shipped: ShippedImage | None = None
    """What the agent runs in and nothing else, where the group ships its images; None where each machine has its own."""
    keep: bool = False
    """Leave the container (or the working folder) standing after the end, to look into it."""
    recorded_group: str | None = None
    """What the run's record calls the group, whose folder may have another name since; None: the same."""

    @property
    def whose(self) -> Whose:
        """What each line of this attempt's ledgers says of whose it is."""
        return Whose(self.recorded_group or self.group, self.run_id, self.attempt)

    @property
    def label(self) -> str:
        """What names this attempt on the machine; `attach` finds it by this."""
        return f"{self.group}.{self.run_id}.{self.attempt}"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    state: EndState
    reason: str
    """One word for tables: exited, exit-code, timed-out, out-of-memory, disk-full, cancelled, image-missing,
    engine-unreachable, gpu-unavailable, lost, start-failed, …"""
    detail: str
    """One sentence for people; for a failure it ends with what to do."""
    exit_code: int | None = None
    failure_class: FailureClass | None = None
    """None when nothing failed; agent: its own doing, counts; infrastructure: ours, is retried and reported apart."""
    started_at: datetime | None = None
    """With time zone (UTC); None when it never started."""
    ended_at: datetime | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    """What was used, where known: `cpu_seconds`, `peak_memory_bytes`, `image_digest`, `checker_calls`, …; `left_out` names
    what in `submission/` was not kept, with the reason."""

    @property
    def log_line(self) -> str:
        """`detail` as `run.log` itself says it."""
        return self.detail.removesuffix(SEE_LOG)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: times as ISO text."""
        content = asdict(self)
        for key in ("started_at", "ended_at"):
            content[key] = content[key].isoformat() if content[key] else None
        return content


@dataclass(frozen=True)
class Measured:
    """What an attempt used when that was last counted; None for what is not known."""

    cpu_seconds: float | None = None
    """Processor time since the agent's start."""
    memory_bytes: int | None = None
    """Without what the kernel keeps of files on disk."""
    processes: int | None = None
    """Each of their threads counted, as the limit on them counts."""
    disk_bytes: int | None = None


class Handle(Protocol):
    """A started attempt. `stop`, `detach` and `measure` may be called from another thread while `wait` blocks."""

    label: str
    cpu_ids: tuple[int, ...]
    """Cores that it is bound to: those of the request, or none where binding was refused."""
    started_at: datetime
    """When the agent itself started (UTC); after `attach` the original time, so that its time counts on."""

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the agent's end, take snapshots meanwhile, and stop it at the deadline.

        At the deadline: SIGTERM, `profile.grace`, SIGKILL, for every process of the attempt. Then whatever the end
        was, the output folders stand in `run_dir`, `run.log` is complete and (unless `keep`) nothing of the attempt is
        left on the machine. Raises nothing for what an agent or the machine can do: it is in the outcome.
        """
        ...

    def stop(self, grace: float) -> None:
        """Stop the attempt: `wait` returns soon with state cancelled. Does nothing when it has ended.

        Args:
            grace: seconds between SIGTERM and SIGKILL.
        """
        ...

    def detach(self) -> None:
        """Stop observing and leave the agent running: `wait` returns soon with reason `detached`, nothing taken out.

        The harness uses it when it is asked to leave; `attach` finds the attempt again.
        """
        ...

    def measure(self) -> Measured | None:
        """What the agent uses, as it was counted a few seconds ago at most; None where it is not at work any more.

        Cheap, to be called every few seconds. Raises nothing.
        """
        ...


class Sandbox(Protocol):
    """A way to run agents on this machine."""

    name: SandboxName

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What would keep these agents from starting here, a sentence each with the command that fixes it."""
        ...

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated; it is built when a group starts."""
        ...

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """What the group's manifest records: engine and version, and per agent id the image and its digest."""
        ...

    def ship(self, agents: list[AgentSpec], folder: Path) -> dict[str, dict[str, str]]:
        """Write what agents run in to a folder, once, so that other machines need not build it.

        Returns:
            by agent id the `name` and `digest` of its image; empty where agents run in none.

        Raises:
            WorkFailed, UsageError: an image cannot be built, or not be written there.
        """
        ...

    def cores(self) -> frozenset[int]:
        """Cores of this machine that agents can be bound to, as the kernel numbers them; empty: to none."""
        ...

    def start(self, request: RunRequest) -> Handle:
        """Start the agent and return at once.

        Raises:
            StartFailed: it could not be started; nothing is left behind.
        """
        ...

    def attach(self, request: RunRequest) -> Handle | None:
        """The attempt of an earlier harness: alive, or ended but not yet taken out. None when there is no trace.

        Found by `request.label`; the harness may have been killed between any two steps of `start`.
        """
        ...

    def end_left(self, run_dir: Path, attempt: int) -> bool:
        """End what is still at work on this machine of an attempt that nobody waits for any more, and take nothing out.

        Args:
            run_dir: the run's folder, as the attempt knew it.
            attempt: its number.

        Returns:
            whether there was anything.
        """
        ...


def canonical(word: SandboxWord) -> SandboxName:
    """The sandbox that a plan names."""
    return "plain" if word == "local" else word


def isolates(word: str | None) -> bool:
    """Whether a sandbox keeps agents from the machine's network, files and processes; one that is not known does not."""
    return word in ("docker", "apptainer", "bubblewrap")


def has_images(word: str | None) -> bool:
    """Whether a sandbox makes its runs of images."""
    return word in ("docker", "apptainer")


def exited(code: int, hint: str = "") -> Outcome:
    """The agent's own end with an exit code; times and usage left out.

    Args:
        code: 0 to 255.
        hint: what the sandbox adds for a code other than 0, such as `; it had reached a limit`.
    """
    if code == 0:
        return Outcome("finished", "exited", "exited (0)", code)
    if code == 128 + signal.SIGKILL:
        detail = f"was killed with SIGKILL, possibly for using too much memory{hint}{SEE_LOG}"
        return Outcome("failed", "killed", detail, code, "agent")
    meaning = _EXIT_CODES.get(code, "")
    return Outcome("failed", "exit-code", f"exited with code {code}{meaning}{hint}{SEE_LOG}", code, "agent")


def agent_environment(request: RunRequest, home: str, models: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that every sandbox sets for the agent, its own ones last.

    Args:
        request: the run.
        home: the folder that holds data, submission, logs, code and agent: `/home` in a container.
        models: those by which clients find the gateway to models.
    """
    profile = request.profile
    threads = max(1, int(profile.cpus))
    if request.cpu_ids:
        threads = min(threads, len(request.cpu_ids))
    # an agent that chooses a policy chooses it for every OpenMP runtime
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
    """Variables that say where an agent's folders are."""
    return {
        "MLEBENCH_HOME": home,
        "DATA_DIR": f"{home}/data",
        "SUBMISSION_DIR": f"{home}/submission",
        "LOGS_DIR": f"{home}/logs",
        "CODE_DIR": f"{home}/code",
        "AGENT_DIR": f"{home}/agent",
    }


def thread_variables(threads: int, *, waits: bool = True) -> dict[str, str]:
    """Variables that hold libraries to a number of threads, and, with `waits`, let threads sleep while they wait."""
    # threads that spin for a core that another process has take many times as long
    wait_policy = _WAIT_POLICY if waits else {}
    return {**dict.fromkeys(_COUNT_VARIABLES, str(threads)), **wait_policy, **_OPENBLAS_WAIT}
