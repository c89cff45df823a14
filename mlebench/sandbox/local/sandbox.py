"""The sandbox of local processes: an agent in a folder with the container's layout, within some kind of walls.

The agent runs below a dedicated leader (see `leader`), which records how it ended. So a run does not depend on a live harness: a
new harness finds the processes by their mark and continues waiting.
"""

from __future__ import annotations

import base64
import json
import math
import random
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
from mlebench._support.paths import content_dir, socket_dir
from mlebench.agents import NOT_COPIED, AgentSpec, has_interpreter
from mlebench.errors import MlebenchError, StartFailed, UsageError, WorkFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import OUTPUT_FOLDERS, RunRequest, SandboxName, agent_environment
from mlebench.sandbox.checker import Checker, serve_checker, sweep_sockets
from mlebench.sandbox.local import leader, processes
from mlebench.sandbox.local.cgroups import make_group
from mlebench.sandbox.local.data import LaidData
from mlebench.sandbox.local.ending import ASKED, boot_id, read_ending
from mlebench.sandbox.local.gateway import MODELS_NOTICE, TOKEN, LocalGateway, OwnGateway, ServedGateway
from mlebench.sandbox.local.handle import LocalHandle
from mlebench.sandbox.local.inherited import inherited
from mlebench.sandbox.local.leader import ENDING, WATCHED
from mlebench.sandbox.local.outputs import reclaim
from mlebench.sandbox.local.places import Places
from mlebench.sandbox.local.walls import Laid, Launch, Walls
from mlebench.sandbox.run_clock import start_of
from mlebench.sandbox.run_gateway import Endpoint, RunGateway, kept_token, model_environment, new_token, serve_again
from mlebench.sandbox.run_log import LARGEST_LOG, RunLog

PRIVATE_HOME = "/home"
"""Parent of an agent's folders within private walls, as in a container."""
NOT_HIDDEN = (
    "obfuscated: the plain sandbox hides nothing, and the paths of this run contain the competition's name; "
    "use `--sandbox docker`"
)
_END_SECONDS = 15.0
_GRACE_BEYOND = 60.0
"""Seconds beyond its grace period for which a run whose harness dies meanwhile may continue to save its work."""


class LocalSandbox:
    """Runs agents as local processes, within one kind of walls."""

    def __init__(self, walls: Walls) -> None:
        self._walls = walls
        self.name: SandboxName = walls.name

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here."""
        return self._walls.problems(agents, profile)

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated."""
        return self._walls.unbuilt(agents)

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """What the walls are made of."""
        return self._walls.describe(agents)

    def ship(self, agents: list[AgentSpec], folder: Path) -> dict[str, dict[str, str]]:
        """Ship nothing: each machine has its own programs."""
        return {}

    def cores(self) -> frozenset[int]:
        """The cores that this process may use."""
        return usable_cores()

    def start(self, request: RunRequest) -> LocalHandle:
        """Lay out the folder, start the agent and return at once.

        Raises:
            StartFailed: the folder cannot be written, the checker cannot listen or the shell cannot be started.
        """
        log = RunLog(request.run_dir / "run.log", request.secrets)
        log.trust()
        places = Places(request, is_private=self._walls.is_private)
        checker: Checker | None = None
        gateway: ServedGateway | None = None
        try:
            places.make_sockets()
            checker = _serve_checker(request, places, log.note)
            data = _lay_out(request, places, log.note)
            log.note(self._walls.notice)
            if request.obfuscated and not self._walls.is_private:
                log.note(NOT_HIDDEN)
            if request.models is not None:
                gateway = self._begin_gateway(request, places, log.note)
            launch = self._launch(request, places, None if gateway is None else gateway.endpoint)
            process = _start(request, places, launch)
        except (OSError, ValueError, UsageError, WorkFailed) as error:
            # a NUL byte in an argument raises ValueError
            _give_up(places, checker, gateway)
            raise StartFailed("start-failed", f"cannot start {request.agent.id} here: {error}") from error
        except StartFailed:
            _give_up(places, checker, gateway)
            raise
        return LocalHandle(request, log, places, process.pid, datetime.now(UTC), checker, gateway, process, data)

    def attach(self, request: RunRequest) -> LocalHandle | None:
        """The attempt that an earlier harness started, alive or just ended."""
        places = Places(request, is_private=self._walls.is_private)
        mark = places.mark
        log = RunLog(request.run_dir / "run.log", request.secrets)
        log.trust()
        keeper = processes.keeper(mark)
        if keeper is not None:
            checker = None
            try:
                places.make_sockets()
                checker = _serve_checker(request, places, log.note)
            except (OSError, MlebenchError) as error:
                # the agent is already running
                log.note(f"the submission checker is no longer available: {error}")
            gateway = serve_again(request, log.note, lambda: self._resume_gateway(request, places, log.note))
            return LocalHandle(request, log, places, keeper.pid, start_of(keeper), checker, gateway)
        # the agent may have freed processes by killing their supervisors
        processes.end_marked(mark, _END_SECONDS)
        ending = read_ending(places.state, mark)
        if ending is None:
            places.remove_sockets()
            return None
        # no longer in use, but it knows whether the budget was spent
        gateway = serve_again(request, log.note, lambda: self._resume_gateway(request, places, log.note))
        return LocalHandle(request, log, places, None, ending.started_at, gateway=gateway)

    def _begin_gateway(self, request: RunRequest, places: Places, note: Callable[[str], None]) -> ServedGateway:
        if self._walls.is_private:
            return OwnGateway(request, places.models, new_token(places.state / TOKEN), note)
        note(MODELS_NOTICE)
        return LocalGateway.begin(request, places.models, places.state, note)

    def _resume_gateway(self, request: RunRequest, places: Places, note: Callable[[str], None]) -> ServedGateway:
        places.make_sockets()
        if self._walls.is_private:
            return OwnGateway(request, places.models, kept_token(places.state / TOKEN), note)
        return LocalGateway.resume(request, places.models, places.state, note)

    def _launch(self, request: RunRequest, places: Places, models: Endpoint | None) -> Launch:
        laid = Laid(
            request,
            places.home,
            places.outputs,
            places.scratch,
            places.description,
            None if request.validate is None else places.checker,
            None if request.models is None else places.models,
            places.fault,
        )
        home = PRIVATE_HOME if self._walls.is_private else str(places.home)
        environment = agent_environment(request, home, model_environment(request, models))
        return self._walls.launch(laid, request.agent.command_arguments, environment)

    def end_left(self, run_dir: Path, attempt: int) -> bool:
        """Kill the processes of an abandoned attempt."""
        mark = processes.mark_of(run_dir, attempt)
        found = next(processes.marked(mark), None) is not None
        processes.end_marked(mark, _END_SECONDS)
        return found


def _give_up(places: Places, *servers: Checker | RunGateway | None) -> None:
    for server in servers:
        if server is not None:
            server.close()
    places.remove_sockets()


def _serve_checker(request: RunRequest, places: Places, note: Callable[[str], None]) -> Checker | None:
    if request.validate is None:
        return None
    sweep_sockets(socket_dir())
    return serve_checker(request, places.checker, places.uploads, note)


def _lay_out(request: RunRequest, places: Places, note: Callable[[str], None]) -> LaidData | None:
    """The container's `/home` as a folder, with links to the run's output folders, and its data unless the walls mount it."""
    run_dir, home = request.run_dir, places.home
    reclaim(run_dir, note)
    remove_tree(home)
    for folder in (*(run_dir / name for name in OUTPUT_FOLDERS), run_dir / "snapshots", places.state, home):
        folder.mkdir(parents=True, exist_ok=True)
    data = None
    if places.is_private:
        for folder in (*(places.outputs / name for name in OUTPUT_FOLDERS), places.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("data", *OUTPUT_FOLDERS):
            (home / name).mkdir()
    else:
        data = LaidData(request.public_dir, home / "data", note)
        for name in OUTPUT_FOLDERS:
            (home / name).symlink_to(Path("..") / name)
    places.description.unlink(missing_ok=True)
    places.description.write_text(request.description, encoding="utf-8")
    (home / "instructions.txt").write_text(request.instructions, encoding="utf-8")
    _write_checker_script(places)
    package = content_dir("containers") / "runtime" / "mlebench_agent"
    shutil.copytree(package, home / ".lib" / package.name, ignore=shutil.ignore_patterns(*NOT_COPIED))
    # a copy, as in an image: what the agent writes next to its code stays in this run
    shutil.copytree(request.agent.directory, home / "agent", ignore=shutil.ignore_patterns(*NOT_COPIED))
    start = home / "agent" / request.agent.start
    if has_interpreter(start):
        # a wheel, an archive or another system's disk may lose execute permissions
        start.chmod(start.stat().st_mode | 0o755)
    return data


def _write_checker_script(places: Places) -> None:
    """The container's own script; without private walls, it uses this run's socket."""
    text = (content_dir("containers") / "runtime" / "validate_submission.sh").read_text(encoding="utf-8")
    if not places.is_private:
        text = text.replace("/run/mlebench/checker.sock", shlex.quote(str(places.checker)))
        text = text.replace("/home/submission", str(places.home / "submission"))
    script = places.home / "validate_submission.sh"
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)


def _limits(request: RunRequest) -> dict[str, int]:
    profile = request.profile
    return {"memory": profile.memory, "pids": profile.pids, "disk": profile.disk}


def _some_cores(profile: Profile) -> list[int]:
    """As many of this machine's cores as a run may use; none if it may use all."""
    usable = sorted(usable_cores())
    count = math.ceil(profile.cpus)
    return random.sample(usable, count) if count < len(usable) else []


def _start(request: RunRequest, places: Places, launch: Launch) -> subprocess.Popen[bytes]:
    """Start the keeper, which starts the walls' command."""
    for path in (*(places.state / name for name in (ENDING, WATCHED, ASKED)), places.fault):
        remove_tree(path)
    places.keep_image(launch.image_digest)
    order = {
        "command": list(launch.command),
        "environment": dict(launch.environment),
        "inputs": [base64.b64encode(content).decode() for content in launch.inputs],
        "folder": "/" if places.is_private else str(places.home / "agent"),
        "cpu_ids": request.cpu_ids or (_some_cores(request.profile) if launch.is_watched else ()),
        "mark": places.mark,
        "boot": boot_id(),
        "state": str(places.state),
        "log": str(request.run_dir / "run.log"),
        "largest_log": LARGEST_LOG,
        "secrets": request.secrets,
        "outlasts_signals": launch.outlasts_signals,
        "limits": _limits(request) if launch.is_watched else None,
        "cgroup": str(group) if launch.is_watched and (group := make_group(request.profile, places.name)) is not None else None,
        "watched_folders": [str(folder) for folder in places.written],
        "longest_grace": request.profile.grace + _GRACE_BEYOND,
        "import_path": sys.path,
    }
    if any("\0" in word for word in (*launch.command, *launch.environment, *launch.environment.values())):
        raise ValueError("embedded null byte in a variable or an argument")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", leader.__file__],
        cwd="/",
        # the agent's environment must not affect the harness's own processes
        env={**inherited(), processes.MARK_VARIABLE: places.mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(order).encode())
    return process
