"""The local sandbox: a subprocess in a folder with the container's layout. It isolates nothing.

The agent runs below a leader of its own (see `leader`), which writes down how it ended. So nothing of a run depends on the
harness being alive: a new harness finds the processes by their mark and goes on waiting.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench._support.folders import remove_tree
from mlebench._support.machine import usable_cores
from mlebench._support.paths import content_dir, make_private, socket_dir
from mlebench.agents import NOT_COPIED, AgentSpec, has_interpreter, script_problems
from mlebench.errors import MlebenchError, StartFailed, UsageError, WorkFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import OUTPUT_FOLDERS, RunRequest, SandboxName, agent_environment
from mlebench.sandbox.checker import UPLOADS, Checker, serve_checker, sweep_sockets
from mlebench.sandbox.local import leader, processes
from mlebench.sandbox.local.data import LaidData
from mlebench.sandbox.local.ending import boot_id, read_ending
from mlebench.sandbox.local.gateway import MODELS_NOTICE, LocalGateway
from mlebench.sandbox.local.handle import STATE, LocalHandle
from mlebench.sandbox.local.leader import ENDING
from mlebench.sandbox.local.outputs import reclaim
from mlebench.sandbox.run_clock import start_of
from mlebench.sandbox.run_gateway import Endpoint, model_environment, serve_again
from mlebench.sandbox.run_log import LARGEST_LOG, RunLog

NOTICE = "local sandbox: isolates nothing, the agent runs as you, sees your files and has the network"
NOT_HIDDEN = "obfuscated: the local sandbox hides nothing, the paths of this run name the competition; use `--sandbox docker`"
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TMPDIR", "SSL_CERT_FILE", "CUDA_HOME")
_END_SECONDS = 15.0
_GRACE_BEYOND = 60.0
"""Seconds beyond its grace period for which a run whose harness dies meanwhile may go on saving its work."""


class LocalSandbox:
    """Runs agents as subprocesses, for development and for machines without a container engine."""

    name: SandboxName = "local"

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What would keep these agents from starting here."""
        found = []
        for agent in agents:
            if agent.needs_image:
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
        log.trust()
        mark = processes.mark_of(request.run_dir, request.attempt)
        checker: Checker | None = None
        gateway: LocalGateway | None = None
        try:
            address = _checker_socket(mark)
            make_private(address.parent)
            checker = _serve_checker(request, address, log.note)
            data = _lay_out(request, address, log.note)
            log.note(NOTICE)
            if request.obfuscated:
                log.note(NOT_HIDDEN)
            if request.models is not None:
                log.note(MODELS_NOTICE)
                gateway = LocalGateway.begin(request, _models_socket(mark), request.run_dir / STATE, log.note)
            process = _launch(request, mark, None if gateway is None else gateway.endpoint)
        except (OSError, ValueError, UsageError, WorkFailed) as error:
            # a word with a NUL byte is a ValueError
            for server in (checker, gateway):
                if server is not None:
                    server.close()
            raise StartFailed("start-failed", f"cannot start {request.agent.id} here: {error}") from error
        return LocalHandle(request, log, mark, process.pid, datetime.now(UTC), checker, gateway, process, data)

    def attach(self, request: RunRequest) -> LocalHandle | None:
        """The attempt that an earlier harness started, alive or just ended."""
        mark = processes.mark_of(request.run_dir, request.attempt)
        log = RunLog(request.run_dir / "run.log", request.secrets)
        log.trust()
        keeper = processes.keeper(mark)
        if keeper is not None:
            checker = None
            try:
                make_private(socket_dir())
                checker = _serve_checker(request, _checker_socket(mark), log.note)
            except (OSError, MlebenchError) as error:
                # the agent is running already
                log.note(f"there is no submission checker any more: {error}")
            gateway = serve_again(request, log.note, lambda: _resume_gateway(request, mark, log.note))
            return LocalHandle(request, log, mark, keeper.pid, start_of(keeper), checker, gateway)
        # nobody holds what the agent may have set free by killing those who did
        processes.end_marked(mark, _END_SECONDS)
        ending = read_ending(request.run_dir / STATE, mark)
        if ending is None:
            return None
        # nobody asks it any more, but it knows whether the budget was spent
        gateway = serve_again(request, log.note, lambda: _resume_gateway(request, mark, log.note))
        return LocalHandle(request, log, mark, None, ending.started_at, gateway=gateway)


def _serve_checker(request: RunRequest, address: Path, note: Callable[[str], None]) -> Checker | None:
    if request.validate is None:
        return None
    sweep_sockets(address.parent)
    return serve_checker(request, address, address.with_suffix(UPLOADS), note)


def _checker_socket(mark: str) -> Path:
    """The same path in every harness that waits for this attempt."""
    return socket_dir() / f"{_short(mark)}.sock"


def _models_socket(mark: str) -> Path:
    return socket_dir() / f"{_short(mark)}.models.sock"


def _short(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()[:20]


def _resume_gateway(request: RunRequest, mark: str, note: Callable[[str], None]) -> LocalGateway:
    make_private(socket_dir())
    return LocalGateway.resume(request, _models_socket(mark), request.run_dir / STATE, note)


def _lay_out(request: RunRequest, checker_socket: Path, note: Callable[[str], None]) -> LaidData:
    """The container's `/home` as a folder, with links to the run's output folders."""
    run_dir = request.run_dir
    home = run_dir / "home"
    reclaim(run_dir, note)
    remove_tree(home)
    for name in (*OUTPUT_FOLDERS, "snapshots", STATE, "home"):
        (run_dir / name).mkdir(parents=True, exist_ok=True)
    data = LaidData(request.public_dir, home / "data", note)
    (home / "data" / "description.md").unlink(missing_ok=True)
    (home / "data" / "description.md").write_text(request.description, encoding="utf-8")
    (home / "instructions.txt").write_text(request.instructions, encoding="utf-8")
    for name in OUTPUT_FOLDERS:
        (home / name).symlink_to(Path("..") / name)
    _write_checker_script(home, checker_socket)
    package = content_dir("containers") / "runtime" / "mlebench_agent"
    shutil.copytree(package, home / ".lib" / package.name, ignore=shutil.ignore_patterns(*NOT_COPIED))
    # a copy, as an image holds one: what the agent writes beside its code stays in this run
    shutil.copytree(request.agent.directory, home / "agent", ignore=shutil.ignore_patterns(*NOT_COPIED))
    start = home / "agent" / request.agent.start
    if has_interpreter(start):
        # a wheel, an archive or another system's disk loses the permission to execute
        start.chmod(start.stat().st_mode | 0o755)
    return data


def _write_checker_script(home: Path, socket: Path) -> None:
    """The container's own script, asking at this run's socket."""
    text = (content_dir("containers") / "runtime" / "validate_submission.sh").read_text(encoding="utf-8")
    text = text.replace("/run/mlebench/checker.sock", shlex.quote(str(socket)))
    script = home / "validate_submission.sh"
    script.write_text(text.replace("/home/submission", str(home / "submission")), encoding="utf-8")
    script.chmod(0o755)


def _launch(request: RunRequest, mark: str, models: Endpoint | None) -> subprocess.Popen[bytes]:
    state, home = request.run_dir / STATE, request.run_dir / "home"
    remove_tree(state / ENDING)
    start = home / "agent" / request.agent.start
    shell = [] if os.access(start, os.X_OK) else ["/bin/sh"]
    environment = _environment(request, home, mark, models)
    command = [*shell, str(start), *request.agent.command_arguments]
    order = {
        "command": command,
        "environment": environment,
        "folder": str(home / "agent"),
        "cpu_ids": request.cpu_ids,
        "mark": mark,
        "boot": boot_id(),
        "state": str(state),
        "log": str(request.run_dir / "run.log"),
        "largest_log": LARGEST_LOG,
        "secrets": request.secrets,
        "longest_grace": request.profile.grace + _GRACE_BEYOND,
        "import_path": sys.path,
    }
    if any("\0" in word for word in (*command, *environment, *environment.values())):
        raise ValueError("embedded null byte in a variable or an argument")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", leader.__file__],
        cwd="/",
        # what the agent's environment says is the agent's alone
        env={**_inherited(), processes.MARK_VARIABLE: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(order).encode())
    return process


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _environment(request: RunRequest, home: Path, mark: str, models: Endpoint | None) -> dict[str, str]:
    inherited = _inherited()
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    return {
        **inherited,
        "PATH": path,
        "HOME": str(home),
        # `mlebench_agent` alone, as in a container
        "PYTHONPATH": str(home / ".lib"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **agent_environment(request, str(home), model_environment(request, models)),
        "CUDA_VISIBLE_DEVICES": ",".join(request.gpu_ids),
        # indices are counted as nvidia-smi counts; CUDA's own order begins with the fastest
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        processes.MARK_VARIABLE: mark,
    }
