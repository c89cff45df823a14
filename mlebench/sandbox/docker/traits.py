"""What an engine that speaks Docker's API does in its own way. It is asked once, and nobody else asks which engine it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlebench.errors import EngineUnreachable
from mlebench.sandbox.docker.engine import failures, summary

_FLAGS = {"MemoryLimit": "memory", "SwapLimit": "swap", "CpuCfsQuota": "CPU", "PidsLimit": "processes"}
"""How an engine says that it enforces a limit."""
_CONTROLLERS = {"memory": "memory", "cpu": "CPU", "pids": "processes"}
"""What a user must be handed of control groups for an engine without root to enforce a limit."""
_HOST_GATEWAY = (4, 7)
"""The first version of Podman that knows the host's address by this word."""


@dataclass(frozen=True)
class Traits:
    """How an engine differs from others. Without arguments: Docker as most machines have it."""

    name: Literal["docker", "podman"] = "docker"
    """Also the name of its command."""
    version: tuple[int, ...] = ()
    identity: str = ""
    """The same whenever this engine is asked, and another for each engine of a machine."""
    is_rootless: bool = False
    cgroup_version: str = "2"
    not_enforced: tuple[str, ...] = ()
    """Limits that it takes and that hold nobody: `memory`, `swap`, `CPU`, `processes`."""
    keeps_apart: Literal["containers", "networks"] = "containers"
    """What can be kept from each other: containers of one network, or only those of several."""
    events_at_once: bool = False
    """Whether it tells of past events only where it is told not to wait for more."""
    knows_host_gateway: bool = True
    """Whether the word `host-gateway` stands for the host's address in `extra_hosts`."""

    @classmethod
    def of(cls, client: Any) -> Traits:
        """Ask an engine.

        Raises:
            EngineUnreachable: it does not answer any more.
        """
        try:
            info, version = client.info(), client.version()
        except failures() as error:
            said = f"the container engine does not say what it is ({summary(error)}); `mlebench doctor` examines it"
            raise EngineUnreachable(said) from None
        cgroup_version = str(info.get("CgroupVersion") or "1")
        flagged = tuple(name for flag, name in _FLAGS.items() if info.get(flag) is False)
        components = [part.get("Name", "") for part in version.get("Components") or []]
        if not any("Podman" in name for name in components):
            options = info.get("SecurityOptions") or []
            is_rootless = any(option.startswith("name=rootless") for option in options)
            return cls("docker", _numbers(version), str(info.get("ID", "")), is_rootless, cgroup_version, flagged)
        is_rootless = bool(info.get("Rootless"))
        return cls(
            name="podman",
            version=_numbers(version),
            # its `ID` is drawn anew for each answer
            identity=f"podman {info.get('Name')} {info.get('DockerRootDir')}",
            is_rootless=is_rootless,
            cgroup_version=cgroup_version,
            # it tells what the kernel could do, not what its user may have of it
            not_enforced=_not_handed_over(client) if is_rootless else flagged,
            keeps_apart="networks",
            events_at_once=True,
            knows_host_gateway=_numbers(version) >= _HOST_GATEWAY,
        )

    @property
    def holds_no(self) -> tuple[str, ...]:
        """Limits of a profile that hold nobody here."""
        return tuple(name for name in self.not_enforced if name != "swap")

    @property
    def words(self) -> str:
        """The engine as sentences call it, such as `rootless Podman, cgroup v1`."""
        return f"{'rootless ' if self.is_rootless else ''}{self.name.title()}, cgroup v{self.cgroup_version}"

    @property
    def way_to_limits(self) -> str:
        """What to do where it does not enforce limits: the middle of a sentence."""
        if not self.is_rootless:
            return "repair the control groups of its kernel"
        if self.cgroup_version == "1":
            return (
                "boot the machine with control groups of version 2 (kernel parameter `systemd.unified_cgroup_hierarchy=1`), "
                "or take an engine of root (`DOCKER_HOST`)"
            )
        return (
            "hand your user the controllers (`Delegate=cpu cpuset memory pids` below `[Service]` in "
            "`/etc/systemd/system/user@.service.d/delegate.conf`, `systemctl daemon-reload`, a new login), "
            "or take an engine of root (`DOCKER_HOST`)"
        )


def ask_podman(client: Any, what: str, content: Mapping[str, Any] | None = None) -> Any:
    """What Podman answers in its own API, for what Docker's has no words for.

    Args:
        client: the engine.
        what: the path below `/libpod`.
        content: is sent; None only asks.

    Raises:
        APIError, OSError, …: it refuses, or does not answer; see `engine.failures`.
    """
    from docker.errors import create_api_error_from_http_exception
    from requests.exceptions import HTTPError

    api = client.api
    version = ".".join(map(str, _numbers(client.version())))
    how = {"method": "GET"} if content is None else {"method": "POST", "json": content}
    answer = api.request(**how, url=f"{api.base_url}/v{version}/libpod/{what}", timeout=api.timeout)
    try:
        answer.raise_for_status()
    except HTTPError as error:
        create_api_error_from_http_exception(error)
    return answer.json()


def _not_handed_over(client: Any) -> tuple[str, ...]:
    controllers: list[str] = []
    # one that does not tell is taken for one that has none
    with contextlib.suppress(*failures(), KeyError):
        controllers = ask_podman(client, "info")["host"]["cgroupControllers"] or []
    missing = tuple(name for controller, name in _CONTROLLERS.items() if controller not in controllers)
    return (*missing, "swap") if "memory" in missing else missing


def _numbers(version: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(version.get("Version", "")).partition("-")[0])[:3])


def describe(client: Any, traits: Traits) -> dict[str, Any]:
    """Name, versions and limits of the engine, for the manifest of a run group."""
    version, info = client.version(), client.info()
    return {
        "engine": traits.name,
        "version": version.get("Version"),
        "api_version": version.get("ApiVersion"),
        "rootless": traits.is_rootless,
        "limits_not_enforced": list(traits.not_enforced),
        "cgroup_version": info.get("CgroupVersion"),
        "storage_driver": info.get("Driver"),
        "runtime": info.get("DefaultRuntime"),
        "kernel": info.get("KernelVersion"),
    }
