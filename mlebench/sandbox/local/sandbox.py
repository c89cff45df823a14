"""The local sandbox: a subprocess in a folder with the container's layout. It isolates nothing.

The agent is a session of its own whose leader, a small shell, writes the exit code to a file. So nothing of a run
depends on the harness being alive: a new harness finds the processes by their mark and goes on waiting.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench._support.folders import remove_tree
from mlebench._support.machine import usable_cores
from mlebench._support.paths import content_dir, make_private, socket_dir
from mlebench._support.plain_files import append_plain
from mlebench.agents import NOT_COPIED, AgentSpec, has_interpreter, script_problems
from mlebench.errors import MlebenchError, StartFailed, UsageError
from mlebench.profiles import Profile
from mlebench.sandbox.base import OUTPUT_FOLDERS, RunRequest, SandboxName, agent_environment
from mlebench.sandbox.checker import UPLOADS, Checker, serve_checker, sweep_sockets
from mlebench.sandbox.local import log_filter, processes
from mlebench.sandbox.local.handle import STATE, LocalHandle, exit_code, modified, read
from mlebench.sandbox.local.outputs import reclaim
from mlebench.sandbox.run_log import RunLog

NOTICE = "local sandbox: isolates nothing, the agent runs as you, sees your files and has the network"
_KEEP_EXIT_CODE = """trap : TERM INT
"$@"
code=$?
echo $code > "$MLEBENCH_STATE_DIR/exit_code.partial" && mv "$MLEBENCH_STATE_DIR/exit_code.partial" "$MLEBENCH_STATE_DIR/exit_code"
exit $code
"""
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TMPDIR", "SSL_CERT_FILE", "CUDA_HOME")
_starting = threading.Lock()
"""A script cannot be executed while a process forked meanwhile still holds the copy open for writing ("text file busy")."""


class LocalSandbox:
    """Runs agents as subprocesses, for development and for machines without a container engine."""

    name: SandboxName = "local"

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What would keep these agents from starting here."""
        found = []
        for agent in agents:
            if agent.image is not None:
                found.append(f"agent {agent.id} needs an image; run it with `--sandbox docker`")
            found += script_problems(agent)
        return found

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Nothing is built."""
        return []

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The interpreter that agents find as `python`."""
        return {"engine": "local", "version": None, "python": sys.version.split()[0], "images": {}}

    def cores(self) -> frozenset[int]:
        """Those that this process may use."""
        return usable_cores()

    def start(self, request: RunRequest) -> LocalHandle:
        """Lay out the folder, start the agent and return at once.

        Raises:
            StartFailed: the folder cannot be written, the checker cannot listen or the shell cannot be started.
        """
        log = RunLog(request.run_dir / "run.log", request.secrets)
        mark = processes.mark_of(request.run_dir, request.attempt)
        checker = None
        try:
            address = _checker_socket(mark)
            checker = _serve_checker(request, address)
            with _starting:
                home = _lay_out(request, address)
                log.note(NOTICE)
                process = _launch(request, home, mark)
        except (OSError, ValueError, UsageError) as error:
            # a word with a NUL byte is a ValueError
            if checker is not None:
                checker.close()
            raise StartFailed("start-failed", f"cannot start {request.agent.id} here: {error}") from error
        return LocalHandle(request, log, mark, process.pid, datetime.now(UTC), checker, process)

    def attach(self, request: RunRequest) -> LocalHandle | None:
        """The attempt that an earlier harness started, alive or just ended."""
        mark = processes.mark_of(request.run_dir, request.attempt)
        log = RunLog(request.run_dir / "run.log", request.secrets)
        leader = processes.leader(mark)
        if leader is not None:
            checker = None
            try:
                checker = _serve_checker(request, _checker_socket(mark))
            except (OSError, MlebenchError) as error:
                # the agent is running already
                log.note(f"there is no submission checker any more: {error}")
            return LocalHandle(request, log, mark, leader.pid, datetime.fromtimestamp(leader.create_time(), UTC), checker)
        marked_at = request.run_dir / STATE / "mark"
        if exit_code(request.run_dir) is None or read(marked_at) != mark:
            return None
        return LocalHandle(request, log, mark, None, modified(marked_at))


def _serve_checker(request: RunRequest, address: Path) -> Checker | None:
    if request.validate is None:
        return None
    make_private(address.parent)
    sweep_sockets(address.parent)
    return serve_checker(request, address, address.with_suffix(UPLOADS))


def _checker_socket(mark: str) -> Path:
    """The same path in every harness that waits for this attempt."""
    return socket_dir() / f"{hashlib.sha256(mark.encode()).hexdigest()[:20]}.sock"


def _lay_out(request: RunRequest, checker_socket: Path) -> Path:
    """The container's `/home` as a folder of links into the run's folder and the public data."""
    run_dir = request.run_dir
    home = run_dir / "home"
    remove_tree(home)
    reclaim(run_dir)
    for name in (*OUTPUT_FOLDERS, "snapshots", STATE, "home/data"):
        (run_dir / name).mkdir(parents=True, exist_ok=True)
    for entry in request.public_dir.iterdir():
        if entry.name != "description.md":
            (home / "data" / entry.name).symlink_to(entry)
    (home / "data" / "description.md").write_text(request.description, encoding="utf-8")
    (home / "instructions.txt").write_text(request.instructions, encoding="utf-8")
    for name in OUTPUT_FOLDERS:
        (home / name).symlink_to(Path("..") / name)
    _write_checker_script(home, checker_socket)
    # a copy, as an image holds one: what the agent writes beside its code stays in this run
    shutil.copytree(request.agent.directory, home / "agent", ignore=shutil.ignore_patterns(*NOT_COPIED))
    start = home / "agent" / request.agent.start
    if has_interpreter(start):
        # a wheel, an archive or another system's disk loses the permission to execute
        start.chmod(start.stat().st_mode | 0o755)
    return home


def _write_checker_script(home: Path, socket: Path) -> None:
    """The container's own script, asking at this run's socket."""
    text = (content_dir("containers") / "runtime" / "validate_submission.sh").read_text(encoding="utf-8")
    text = text.replace("/run/mlebench/checker.sock", shlex.quote(str(socket)))
    script = home / "validate_submission.sh"
    script.write_text(text.replace("/home/submission", str(home / "submission")), encoding="utf-8")
    script.chmod(0o755)


def _launch(request: RunRequest, home: Path, mark: str) -> subprocess.Popen[bytes]:
    state = request.run_dir / STATE
    (state / "exit_code").unlink(missing_ok=True)
    (state / "mark").write_text(mark, encoding="utf-8")
    start = home / "agent" / request.agent.start
    shell = [] if os.access(start, os.X_OK) else ["sh"]
    command = [*shell, str(start), *request.agent.command_arguments]
    with _output(request) as output, _bound_to(request.cpu_ids):
        return subprocess.Popen(
            ["sh", "-c", _KEEP_EXIT_CODE, "sh", *command],
            cwd=home / "agent",
            env=_environment(request, home, mark),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.contextmanager
def _bound_to(cpu_ids: tuple[int, ...]) -> Iterator[None]:
    """Stand-in: bind this thread, whose child inherits it."""
    if not cpu_ids:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpu_ids)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _output(request: RunRequest) -> Any:
    """Where the agent's output goes: the log itself or, when there are secrets to mask, a filter before it."""
    log = request.run_dir / "run.log"
    if not request.secrets:
        return append_plain(log)
    secrets_read, secrets_write = os.pipe()
    source = 'exec 3<&"$1"; shift; exec "$@"'
    filter_process = subprocess.Popen(
        ["bash", "-c", source, "bash", str(secrets_read), sys.executable, str(Path(log_filter.__file__)), str(log)],
        stdin=subprocess.PIPE,
        pass_fds=(secrets_read,),
        start_new_session=True,
    )
    os.close(secrets_read)
    # only now is there a reader: a pipe holds 64 KiB
    with os.fdopen(secrets_write, "w") as pipe:
        json.dump(request.secrets, pipe)
    (request.run_dir / STATE / "filter").write_text(str(filter_process.pid), encoding="utf-8")
    threading.Thread(target=filter_process.wait, name="log filter", daemon=True).start()
    return filter_process.stdin


def _environment(request: RunRequest, home: Path, mark: str) -> dict[str, str]:
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
        # indices are counted as nvidia-smi counts; CUDA's own order begins with the fastest
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        processes.MARK_VARIABLE: mark,
        "MLEBENCH_STATE_DIR": str(request.run_dir / STATE),
    }
