"""What an engine says of itself, and what a start makes of it: nobody else asks which engine it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from mlebench.errors import EngineUnreachable
from mlebench.profiles import Profile
from mlebench.sandbox.docker import network
from mlebench.sandbox.docker.sandbox import DockerSandbox
from mlebench.sandbox.docker.traits import Traits, describe

PODMAN = {"Components": [{"Name": "Podman Engine"}], "Version": "4.3.1"}
DOCKER = {"Components": [{"Name": "Engine"}], "Version": "20.10.24+dfsg1"}
# Podman without root says of all limits that they are there
FLAGS = {"MemoryLimit": True, "SwapLimit": True, "CpuCfsQuota": True, "PidsLimit": True}


class Engine:
    """What is asked of an engine here; itself the low-level client. `controllers`: what Podman's user has of control groups."""

    base_url, timeout = "http+docker://localhost", 1

    def __init__(self, version: dict[str, Any], controllers: Any = (), **info: Any) -> None:
        self.api, self._version, self._controllers = self, version, controllers
        self._info = {
            "CgroupVersion": "2",
            "Name": "here",
            "DockerRootDir": "/storage",
            "NCPU": 8,
            "MemTotal": 2**40,
            **FLAGS,
            **info,
        }
        self.asked: list[str] = []

    def version(self) -> dict[str, Any]:
        return self._version

    def info(self) -> dict[str, Any]:
        return {**self._info, "ID": f"drawn {len(self.asked)}"} if self._version is PODMAN else self._info

    def request(self, method: str, url: str, **_: Any) -> Any:
        self.asked.append(f"{method} {url}")
        content = {"host": {"cgroupControllers": self._controllers}}
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda: content)


def test_docker_is_told_by_its_parts_and_its_id() -> None:
    found = Traits.of(
        Engine(DOCKER, ID="abc", MemoryLimit=False, SwapLimit=False, SecurityOptions=["name=seccomp", "name=rootless"])
    )
    assert (found.name, found.version, found.identity, found.is_rootless) == ("docker", (20, 10, 24), "abc", True)
    assert (found.not_enforced, found.holds_no, found.keeps_apart) == (("memory", "swap"), ("memory",), "containers")


def test_podman_is_the_same_engine_whenever_it_is_asked() -> None:
    """Its `ID` is drawn anew for each answer."""
    engine = Engine(PODMAN)
    assert Traits.of(engine).identity == Traits.of(engine).identity == "podman here /storage"


@pytest.mark.parametrize(
    ("controllers", "not_enforced"),
    [
        (None, ("memory", "CPU", "processes", "swap")),
        (["memory", "pids"], ("CPU",)),
        (["cpuset", "cpu", "io", "memory", "pids"], ()),
    ],
)
def test_without_root_podman_enforces_what_its_user_was_handed(controllers: Any, not_enforced: tuple[str, ...]) -> None:
    engine = Engine(PODMAN, controllers, Rootless=True)
    assert Traits.of(engine).not_enforced == not_enforced
    assert engine.asked == ["GET http+docker://localhost/v4.3.1/libpod/info"]
    assert Traits.of(Engine(PODMAN, controllers, Rootless=False)).not_enforced == ()


def test_what_is_not_enforced_is_in_the_manifest() -> None:
    engine = Engine(PODMAN, None, Rootless=True)
    told = describe(engine, Traits.of(engine))
    assert (told["engine"], told["rootless"]) == ("podman", True)
    assert told["limits_not_enforced"] == ["memory", "CPU", "processes", "swap"]


@pytest.mark.parametrize(
    ("version", "way"), [("1", "systemd.unified_cgroup_hierarchy=1"), ("2", "Delegate=cpu cpuset memory pids")]
)
def test_runs_without_limits_are_refused_unless_the_profile_lets_them(version: str, way: str) -> None:
    engine = Engine(PODMAN, [], Rootless=True, CgroupVersion=version)
    sandbox = DockerSandbox()
    sandbox.__dict__["_connected"] = (engine, Traits.of(engine))
    [problem] = sandbox.problems([], Profile(name="test", time_limit=60))
    assert "does not enforce limits on memory, CPU or processes" in problem
    assert way in problem and "`--profile-set limits=best-effort`" in problem
    assert sandbox.problems([], Profile(name="test", time_limit=60, limits="best-effort")) == []


def test_an_engine_that_goes_away_meanwhile_is_unreachable() -> None:
    def gone() -> None:
        raise requests.exceptions.ConnectionError("gone")

    with pytest.raises(EngineUnreachable, match="does not identify itself"):
        Traits.of(SimpleNamespace(info=gone))


@pytest.mark.parametrize(
    ("traits", "host"),
    [
        (Traits(name="podman", knows_host_gateway=False), "10.89.7.1"),
        (Traits(name="podman", knows_host_gateway=True), "host-gateway"),
    ],
)
def test_the_host_is_found_where_the_engine_has_no_word_for_it(traits: Traits, host: str) -> None:
    assert network._host(Engine(PODMAN), traits, {"subnets": [{"gateway": "10.89.7.1"}]}) == host


def test_networks_are_needed_by_what_a_container_was_made_with_or_is_in() -> None:
    """Docker reports the id that a container was created with, Podman the names of its networks."""
    assert network.networks_of({"HostConfig": {"NetworkMode": "id"}, "NetworkSettings": {"Networks": {"one": {}}}}) == {
        "id",
        "one",
    }
    assert network.networks_of({"NetworkSettings": {"Networks": {"two": {}}}}) >= {"two"}
