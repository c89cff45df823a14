"""How engines with Docker's API differ. The engine is queried once, and no other code checks which engine it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlebench.errors import EngineUnreachable
from mlebench.sandbox.docker.engine import failures, summary

_FLAGS = {"MemoryLimit": "memory", "SwapLimit": "swap", "CpuCfsQuota": "CPU", "PidsLimit": "processes"}
"""The engine's own indicators that it enforces a limit."""
_CONTROLLERS = {"memory": "memory", "cpu": "CPU", "pids": "processes"}
"""Cgroup controllers that must be delegated to a user for a rootless engine to enforce a limit."""
_HOST_GATEWAY = (4, 7)
"""First version of Podman that supports this keyword for the host's address."""


@dataclass(frozen=True)
class Traits:
    """How an engine differs from others. Without arguments: Docker as on most machines."""

    name: Literal["docker", "podman"] = "docker"
    """Name of the engine and of its command."""
    version: tuple[int, ...] = ()
    identity: str = ""
    """Stable identity of this engine, different for each engine of a machine."""
    is_rootless: bool = False
    cgroup_version: str = "2"
    not_enforced: tuple[str, ...] = ()
    """Limits that it accepts but does not enforce: `memory`, `swap`, `CPU`, `processes`."""
    keeps_apart: Literal["containers", "networks"] = "containers"
    """What it can isolate: containers within a network, or only those of different networks."""
    events_at_once: bool = False
    """Whether it reports past events only if asked not to wait for more."""
    knows_host_gateway: bool = True
    """Whether the keyword `host-gateway` means the host's address in `extra_hosts`."""

    @classmethod
    def of(cls, client: Any) -> Traits:
        """Query an engine.

        Raises:
            EngineUnreachable: it no longer answers.
        """
        try:
            info, version = client.info(), client.version()
        except failures() as error:
            said = f"the container engine does not identify itself ({summary(error)}); run `mlebench doctor` to examine it"
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
            # its `ID` is random in each answer
            identity=f"podman {info.get('Name')} {info.get('DockerRootDir')}",
            is_rootless=is_rootless,
            cgroup_version=cgroup_version,
            # it reports the kernel's abilities, not what its user may use
            not_enforced=_not_handed_over(client) if is_rootless else flagged,
            keeps_apart="networks",
            events_at_once=True,
            knows_host_gateway=_numbers(version) >= _HOST_GATEWAY,
        )

    @property
    def holds_no(self) -> tuple[str, ...]:
        """Limits of a profile that are not enforced here."""
        return tuple(name for name in self.not_enforced if name != "swap")

    @property
    def words(self) -> str:
        """The engine's name in sentences, such as `rootless Podman, cgroup v1`."""
        return f"{'rootless ' if self.is_rootless else ''}{self.name.title()}, cgroup v{self.cgroup_version}"

    @property
    def way_to_limits(self) -> str:
        """What to do if it does not enforce limits, as a clause."""
        if not self.is_rootless:
            return "enable the control groups of its kernel"
        if self.cgroup_version == "1":
            return (
                "boot the machine with control groups v2 (kernel parameter `systemd.unified_cgroup_hierarchy=1`), "
                "or use a rootful engine (`DOCKER_HOST`)"
            )
        return (
            "delegate the controllers to your user (`Delegate=cpu cpuset memory pids` below `[Service]` in "
            "`/etc/systemd/system/user@.service.d/delegate.conf`, then `systemctl daemon-reload` and a new login), "
            "or use a rootful engine (`DOCKER_HOST`)"
        )


def ask_podman(client: Any, what: str, content: Mapping[str, Any] | None = None) -> Any:
    """An answer from Podman's own API, for what Docker's does not cover.

    Args:
        client: the engine.
        what: the path below `/libpod`.
        content: the request's content; None for a query.

    Raises:
        APIError, OSError, …: it refuses or does not answer; see `engine.failures`.
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
    # an engine that does not report them is assumed to have none
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
