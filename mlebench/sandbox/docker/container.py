"""What a run's container gets and may do: mounts, limits, network, devices, files. Never the answers."""

from __future__ import annotations

import io
import re
import secrets
import stat
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench._support.paths import make_private, socket_dir
from mlebench.agents import NOT_COPIED, has_interpreter
from mlebench.errors import StartFailed
from mlebench.sandbox.base import RunRequest, agent_environment
from mlebench.sandbox.docker.engine import LABEL
from mlebench.sandbox.docker.network import Network
from mlebench.sandbox.run_gateway import Endpoint, model_environment

USER = 1000
"""The agent's user and group in every container, overriding the image."""
RUN_LABEL = "mlebench.run-folder"
"""The run's folder, as group names are unique only within one folder of groups."""
FOLDER_LABEL, LOG_LABEL = "mlebench.host-folder", "mlebench.log-start"
_CHECKER_FOLDER = "/run/mlebench"
_LOG = {"max-size": "64m", "max-file": "2"}


@dataclass(frozen=True)
class HostFolder:
    """The run's small folder on the host: the description and the sockets, which are mounted, and files that are not."""

    path: Path

    @classmethod
    def make(cls) -> HostFolder:
        """Create one that no other user can enter.

        Raises:
            UsageError: its parent folder does not belong to this user.
            OSError: it cannot be created.
        """
        folder = cls(socket_dir() / secrets.token_hex(6))
        folder.open()
        return folder

    def open(self) -> Path:
        """Socket path of the checker, next to that of the gateway; creates missing folders, as after a reboot.

        Raises:
            UsageError: its parent folder does not belong to this user.
            OSError: it cannot be created.
        """
        make_private(self.path.parent)
        socket = self.path / "checker" / "checker.sock"
        for folder in (self.path, socket.parent):
            folder.mkdir(exist_ok=True)
            # for the agent's user, who is unknown on the host
            folder.chmod(0o755)
        return socket

    @property
    def models(self) -> Path:
        """Socket path of the model gateway, next to that of the checker."""
        return self.path / "checker" / "models.sock"

    @property
    def token(self) -> Path:
        """The agent's key at the gateway, for a returning harness; not mounted."""
        return self.path / "token"

    @property
    def uploads(self) -> Path:
        """Folder of the files being checked; not mounted."""
        return self.path / "uploads"

    @property
    def description(self) -> Path:
        """The task text."""
        return self.path / "description.md"


def options(
    request: RunRequest, image_id: str, folder: HostFolder, network: Network, log_start: int, models: Endpoint | None = None
) -> dict[str, Any]:
    """Arguments for the creation of the container.

    Args:
        request: the run.
        image_id: digest of the image.
        folder: the run's folder on the host.
        network: the network to join.
        log_start: size of `run.log` before the agent's output.
        models: where its agent finds the model gateway, if there is one.
    """
    profile = request.profile
    return {
        "image": image_id,
        "name": _name(request),
        "entrypoint": ["/bin/sh", "/opt/mlebench/entrypoint.sh"],
        "command": [f"/home/agent/{request.agent.start}", *request.agent.command_arguments],
        "user": f"{USER}:{USER}",
        "working_dir": "/home",
        "environment": agent_environment(request, "/home", model_environment(request, models)),
        "use_config_proxy": False,
        "labels": {
            LABEL: request.label,
            RUN_LABEL: run_label(request.run_dir),
            FOLDER_LABEL: str(folder.path),
            LOG_LABEL: str(log_start),
        },
        "mounts": _mounts(request, folder),
        "network_mode": network.mode,
        # a model server on the host is reached by this name
        "extra_hosts": {"host.docker.internal": network.host} if network.host else None,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,
        "ipc_mode": "private",
        "pids_limit": profile.pids,
        "mem_limit": profile.memory,
        # equal to memory: no additional swap
        "memswap_limit": profile.memory,
        "nano_cpus": int(profile.cpus * 1e9),
        "cpuset_cpus": ",".join(map(str, request.cpu_ids)) or None,
        "shm_size": profile.shm,
        "ulimits": _ulimits(),
        "device_requests": _gpus(request.gpu_ids),
        "healthcheck": {"test": ["NONE"]},
        "log_config": _log_config(),
    }


def run_label(run_dir: Path) -> str:
    """The value of `RUN_LABEL`."""
    return str(run_dir.resolve())


def files(request: RunRequest) -> bytes:
    """A tar of what is copied into `/home` before the start: the instructions and the agent's folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        text = request.instructions.encode()
        member = tarfile.TarInfo("instructions.txt")
        member.size, member.mode = len(text), 0o644
        archive.addfile(member, io.BytesIO(text))
        start = request.agent.directory / request.agent.start
        scripts = {f"agent/{request.agent.start}"} if has_interpreter(start) else set()
        archive.add(request.agent.directory, "agent", filter=lambda member: _as_agents_own(member, scripts))
    return packed.getvalue()


def check_readable(public_dir: Path) -> None:
    """Check that everyone may read the data, as the agent's user in the container is unknown on the host.

    Raises:
        StartFailed: it is missing or not readable.
    """
    try:
        mode = public_dir.stat().st_mode
    except OSError as error:
        raise StartFailed("data-missing", f"the public data in {public_dir} cannot be read: {error.strerror}") from None
    if not (mode & stat.S_IROTH and mode & stat.S_IXOTH):
        raise StartFailed(
            "data-unreadable", f"the agent's user is not allowed to read {public_dir}; open it with `chmod -R o+rX {public_dir}`"
        )


def _name(request: RunRequest) -> str:
    """A name not used in the engine yet. It is visible to others through the engine's name server."""
    if request.obfuscated:
        return f"mlebench-{secrets.token_hex(8)}"
    return f"mlebench-{re.sub(r'[^A-Za-z0-9_.-]', '-', request.label)}-{secrets.token_hex(3)}"


def data_mounts(public_dir: Path, description: Path) -> dict[str, Path]:
    """Read-only mounts by path that make `/home/data` the public data with a text as its `description.md`."""
    public = public_dir.resolve()
    if (public / "description.md").exists():
        data = {"/home/data": public}
    else:
        # a file cannot be mounted into a read-only folder without a file of that name
        data = {f"/home/data/{entry.name}": entry for entry in sorted(public.iterdir())}
    return {**data, "/home/data/description.md": description}


def _mounts(request: RunRequest, folder: HostFolder) -> list[Any]:
    mounts = {**data_mounts(request.public_dir, folder.description), _CHECKER_FOLDER: folder.path / "checker"}
    return [_read_only(target, source) for target, source in mounts.items()]


def _read_only(target: str, source: Path) -> Any:
    from docker.types import Mount

    return Mount(target, str(source), type="bind", read_only=True)


def _ulimits() -> list[Any]:
    from docker.types import Ulimit

    return [Ulimit(name="core", soft=0, hard=0)]


def _gpus(gpu_ids: tuple[str, ...]) -> list[Any] | None:
    from docker.types import DeviceRequest

    if not gpu_ids:
        return None
    return [DeviceRequest(device_ids=list(gpu_ids), capabilities=[["gpu", "compute", "utility"]])]


def _log_config() -> Any:
    from docker.types import LogConfig

    return LogConfig(type=LogConfig.types.JSON, config=_LOG)


def _as_agents_own(member: tarfile.TarInfo, scripts: Collection[str]) -> tarfile.TarInfo | None:
    if Path(member.name).name in NOT_COPIED:
        return None
    member.uid = member.gid = USER
    if member.isfile() and (member.name.endswith(".sh") or member.name in scripts):
        # packaging, or another system's disk, may have lost it
        member.mode |= 0o755
    member.uname = member.gname = ""
    return member
