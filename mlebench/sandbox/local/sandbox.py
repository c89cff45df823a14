"""The local sandbox: a subprocess in a folder with the container's layout. It isolates nothing.

The agent is a session of its own whose leader, a small shell, writes the exit code to a file. So nothing of a run
depends on the harness being alive: a new harness finds the processes by their mark and goes on waiting.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mlebench._support.paths import content_dir
from mlebench.agents import NOT_COPIED, AgentSpec
from mlebench.errors import StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import (
    OUTPUT_FOLDERS,
    EndState,
    FailureClass,
    Outcome,
    RunRequest,
    SandboxName,
    agent_environment,
)
from mlebench.sandbox.checker import Checker
from mlebench.sandbox.ending import keep_ending
from mlebench.sandbox.local import log_filter, processes
from mlebench.sandbox.snapshots import Snapshots

NOTICE = "local sandbox: isolates nothing, the agent runs as you, sees your files and has the network"
_STATE = ".local"
_KEEP_EXIT_CODE = """trap : TERM INT
"$@"
echo $? > "$MLEBENCH_STATE_DIR/exit_code.partial" && mv "$MLEBENCH_STATE_DIR/exit_code.partial" "$MLEBENCH_STATE_DIR/exit_code"
"""
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TMPDIR", "SSL_CERT_FILE", "CUDA_HOME")
_WATCH_SECONDS = 30.0
_FILTER_SECONDS = 10.0
_LEFT_BEHIND_SECONDS = 0.05
_starting = threading.Lock()
"""A script cannot be executed while a process forked meanwhile still holds the copy open for writing ("text file busy")."""
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class LocalSandbox:
    """Runs agents as subprocesses, for development and for machines without a container engine."""

    name: SandboxName = "local"

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What would keep these agents from starting here."""
        found = []
        for agent in agents:
            if agent.image is not None:
                found.append(f"agent {agent.id} needs an image; run it with `--sandbox docker`")
            elif not (agent.directory / agent.start).is_file():
                found.append(f"agent {agent.id} has no {agent.start} in {agent.directory}; add it or name it as `start`")
        return found

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Nothing is built."""
        return []

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The interpreter that agents find as `python`."""
        return {"engine": "local", "version": None, "python": sys.version.split()[0], "images": {}}

    def start(self, request: RunRequest) -> LocalHandle:
        """Lay out the folder, start the agent and return at once.

        Raises:
            StartFailed: the folder cannot be written or the shell cannot be started.
        """
        try:
            with _starting:
                home = _lay_out(request)
                process = _launch(request, home)
        except OSError as error:
            raise StartFailed("start-failed", f"cannot start {request.agent.id} here: {error}") from error
        return LocalHandle(request, process.pid, datetime.now(UTC), process, _own_peak_memory())

    def attach(self, request: RunRequest) -> LocalHandle | None:
        """The attempt that an earlier harness started, alive or just ended."""
        pid = processes.leader(mark(request.run_dir, request.attempt))
        if pid is not None:
            with contextlib.suppress(OSError):
                return LocalHandle(request, pid, datetime.fromtimestamp(processes.started_at(pid), UTC), None)
        state = request.run_dir / _STATE
        if _exit_code(state) is None or _read(state / "mark") != mark(request.run_dir, request.attempt):
            return None
        return LocalHandle(request, None, _modified(state / "mark"), None)


class LocalHandle:
    """One attempt; `process` is known only to the harness that started it."""

    def __init__(
        self,
        request: RunRequest,
        pid: int | None,
        started_at: datetime,
        process: subprocess.Popen[bytes] | None,
        inherited_peak: int = 0,
    ) -> None:
        self.label = request.label
        self.started_at = started_at
        self._request = request
        self._pid = pid
        self._process = process
        self._inherited_peak = inherited_peak
        self._exit = processes.Exit(pid) if pid is not None else None
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._checker = _serve_checker(request) if pid is not None else None
        self._lock = threading.Lock()

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        if self._exit is None or self._pid is None:
            return self._conclude(None, _modified(self._request.run_dir / _STATE / "exit_code"))
        run_mark = mark(self._request.run_dir, self._request.attempt)
        forced = self._watch(deadline)
        if forced == "detach":
            self._close()
            return Outcome("cancelled", "detached", "the agent works on without a harness", started_at=self.started_at)
        if forced is not None:
            grace = self._stop_grace if forced == "stop" else self._request.profile.grace
            processes.terminate_all(self._pid, run_mark)
            self._wait_through(grace, run_mark)
        ended_at = datetime.now(UTC)
        processes.kill_all(self._pid, run_mark)
        return self._conclude(forced, ended_at)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled."""
        self._stop_grace = grace
        self._ask("stop")

    def detach(self) -> None:
        """Leave the agent at work."""
        self._ask("detach")

    def _ask(self, what: Literal["stop", "detach"]) -> None:
        with self._lock:
            self._asked = self._asked or what
            if self._exit is not None:
                self._exit.wake()

    def _watch(self, deadline: datetime) -> Literal["stop", "detach", "deadline"] | None:
        assert self._exit is not None
        profile = self._request.profile
        snapshots = Snapshots(self._request.run_dir / "snapshots", profile.snapshot_every, self.started_at.timestamp())
        pause = min(_WATCH_SECONDS, profile.snapshot_every or _WATCH_SECONDS)
        while True:
            left = (deadline - datetime.now(UTC)).total_seconds()
            if self._exit.wait(max(0.0, min(pause, left))):
                return None
            if self._asked:
                return self._asked
            if left <= pause and datetime.now(UTC) >= deadline:
                return "deadline"
            if snapshots.due():
                snapshots.take(self._request.run_dir / "submission" / "submission.csv")

    def _wait_through(self, grace: float, run_mark: str) -> None:
        """Until nothing of the attempt is left, at most `grace` seconds."""
        assert self._exit is not None
        end = time.monotonic() + grace
        while (left := end - time.monotonic()) > 0 and not self._exit.wait(left):
            pass
        # what the agent left in the background is saving its work too
        while time.monotonic() < end and processes.marked(run_mark):
            time.sleep(_LEFT_BEHIND_SECONDS)

    def _conclude(self, forced: str | None, ended_at: datetime) -> Outcome:
        usage = self._collect_process()
        run_dir = self._request.run_dir
        _wait_for_filter(run_dir / _STATE)
        code = _exit_code(run_dir / _STATE)
        state, reason, failure_class, detail = _verdict(forced, code, self._request.profile)
        _note(self._request, detail)
        outcome = Outcome(state, reason, detail, code, failure_class, self.started_at, ended_at, usage)
        keep_ending(run_dir, self._request.attempt, outcome)
        if not self._request.keep:
            shutil.rmtree(run_dir / "home", ignore_errors=True)
        shutil.rmtree(run_dir / _STATE, ignore_errors=True)
        self._close()
        return outcome

    def _collect_process(self) -> dict[str, Any]:
        if self._process is None:
            return {}
        with contextlib.suppress(ChildProcessError):
            _, status, usage = os.wait4(self._process.pid, 0)
            # Popen would otherwise look for a child that is collected already
            self._process.returncode = os.waitstatus_to_exitcode(status)
            measured = {"cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}
            peak = usage.ru_maxrss * _MAXRSS_UNIT
            # a new process counts the memory of the one it was forked from until it executes its program
            return measured | ({"peak_memory_bytes": peak} if peak > self._inherited_peak else {})
        return {}

    def _close(self) -> None:
        with self._lock:
            if self._exit is not None:
                self._exit.close()
                self._exit = None
        if self._checker is not None:
            # it takes the server a moment to notice, and nobody has to wait for that
            threading.Thread(target=self._checker.close, name="close the checker", daemon=True).start()
            self._checker = None


def mark(run_dir: Path, attempt: int) -> str:
    """What the processes of an attempt carry in their environment; the folder tells groups of the same name apart."""
    return f"{run_dir.absolute()}#{attempt}"


def _lay_out(request: RunRequest) -> Path:
    """The container's `/home` as a folder of links into the run's folder and the public data."""
    run_dir = request.run_dir
    home = run_dir / "home"
    shutil.rmtree(home, ignore_errors=True)
    for name in (*OUTPUT_FOLDERS, "snapshots", _STATE, "home/data"):
        (run_dir / name).mkdir(parents=True, exist_ok=True)
    for entry in request.public_dir.iterdir():
        if entry.name != "description.md":
            (home / "data" / entry.name).symlink_to(entry)
    (home / "data" / "description.md").write_text(request.description, encoding="utf-8")
    (home / "instructions.txt").write_text(request.instructions, encoding="utf-8")
    for name in OUTPUT_FOLDERS:
        (home / name).symlink_to(Path("..") / name)
    _write_checker_script(request, home)
    # a copy, as an image holds one: what the agent writes beside its code stays in this run
    shutil.copytree(request.agent.directory, home / "agent", ignore=shutil.ignore_patterns(*NOT_COPIED))
    return home


def _checker_socket(request: RunRequest) -> Path:
    """The same path in every harness that waits for this attempt; short, as Unix sockets must be."""
    name = hashlib.sha256(mark(request.run_dir, request.attempt).encode()).hexdigest()[:20]
    return Path(tempfile.gettempdir()) / f"mlebench-{os.getuid()}" / f"{name}.sock"


def _serve_checker(request: RunRequest) -> Checker | None:
    if request.validate is None:
        return None
    socket = _checker_socket(request)
    try:
        socket.parent.mkdir(mode=0o700, exist_ok=True)
        return Checker(request.validate, socket)
    except OSError as error:
        _note(request, f"there is no submission checker: {error}")
        return None


def _write_checker_script(request: RunRequest, home: Path) -> None:
    """The container's own script, asking at this run's socket."""
    text = (content_dir("containers") / "runtime" / "validate_submission.sh").read_text(encoding="utf-8")
    text = text.replace("/run/mlebench/checker.sock", shlex.quote(str(_checker_socket(request))))
    script = home / "validate_submission.sh"
    script.write_text(text.replace("/home/submission", str(home / "submission")), encoding="utf-8")
    script.chmod(0o755)


def _launch(request: RunRequest, home: Path) -> subprocess.Popen[bytes]:
    state = request.run_dir / _STATE
    (state / "exit_code").unlink(missing_ok=True)
    (state / "mark").write_text(mark(request.run_dir, request.attempt), encoding="utf-8")
    _note(request, NOTICE)
    start = home / "agent" / request.agent.start
    # a wheel loses the permission to execute
    shell = [] if os.access(start, os.X_OK) else ["bash"]
    command = [*shell, str(start), *request.agent.command_arguments]
    with _output(request) as output:
        return subprocess.Popen(
            ["sh", "-c", _KEEP_EXIT_CODE, "sh", *command],
            cwd=home / "agent",
            env=_environment(request, home, state),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _output(request: RunRequest) -> Any:
    """Where the agent's output goes: the log itself or, when there are secrets to mask, a filter before it."""
    log = request.run_dir / "run.log"
    if not request.secrets:
        return log.open("ab")
    secrets_read, secrets_write = os.pipe()
    os.write(secrets_write, json.dumps(request.secrets).encode())
    os.close(secrets_write)
    source = 'exec 3<&"$1"; shift; exec "$@"'
    filter_process = subprocess.Popen(
        ["bash", "-c", source, "bash", str(secrets_read), sys.executable, str(Path(log_filter.__file__)), str(log)],
        stdin=subprocess.PIPE,
        pass_fds=(secrets_read,),
        start_new_session=True,
    )
    os.close(secrets_read)
    (request.run_dir / _STATE / "filter").write_text(str(filter_process.pid), encoding="utf-8")
    _reap_later(filter_process)
    return filter_process.stdin


def _wait_for_filter(state: Path) -> None:
    """Every writer is gone, so the filter ends as soon as it has written the last words."""
    text = _read(state / "filter")
    if text is None or not processes.is_alive(int(text)):
        return
    waiting = processes.Exit(int(text))
    waiting.wait(_FILTER_SECONDS)
    waiting.close()


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    threading.Thread(target=process.wait, name="log filter", daemon=True).start()


def _environment(request: RunRequest, home: Path, state: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    return {
        **inherited,
        "PATH": path,
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **agent_environment(request, str(home)),
        "CUDA_VISIBLE_DEVICES": ",".join(request.gpu_ids),
        processes.MARK_VARIABLE: mark(request.run_dir, request.attempt),
        "MLEBENCH_STATE_DIR": str(state),
    }


def _verdict(forced: str | None, code: int | None, profile: Profile) -> tuple[EndState, str, FailureClass | None, str]:
    if forced == "deadline":
        return "timed-out", "timed-out", "agent", f"stopped at its time limit of {profile.time_limit:g} s"
    if forced == "stop":
        return "cancelled", "cancelled", None, "stopped on request"
    if code is None:
        return "failed", "lost", "infrastructure", "its processes vanished (killed from outside or out of memory)"
    if code == 0:
        return "finished", "exited", None, "ended by itself with exit code 0"
    if code == 128 + signal.SIGTERM:
        return "failed", "terminated", "infrastructure", "was ended from outside with SIGTERM, as a machine that shuts down does"
    if code == 128 + signal.SIGKILL:
        return "failed", "killed", "agent", "was killed with SIGKILL, probably for using too much memory"
    return "failed", "exit-code", "agent", f"ended by itself with exit code {code}; its run.log tells why"


def _note(request: RunRequest, text: str) -> None:
    with contextlib.suppress(OSError), (request.run_dir / "run.log").open("a", encoding="utf-8") as log:
        log.write(f"[mlebench] {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n")


def _own_peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def _exit_code(state: Path) -> int | None:
    text = _read(state / "exit_code")
    return int(text) if text is not None and text.strip().isdigit() else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
