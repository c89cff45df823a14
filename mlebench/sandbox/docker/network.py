"""The network of runs with `network: open`: it reaches everything except the containers of other runs.

If an engine isolates the containers within a network, a user's runs share one. If it isolates only whole networks, each run has
its own. Networks are found by label and used by id: anyone can use a name, and an engine may have several networks of the same
name. Only one process at a time creates or removes them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import psutil

from mlebench._support.one_maker import one_maker
from mlebench.errors import UsageError
from mlebench.sandbox.docker.engine import LABEL, failures, is_on_this_machine
from mlebench.sandbox.docker.traits import Traits, ask_podman

OWNER_LABEL = "mlebench.network-of"
"""Label of the networks; its value is the user id that they belong to."""
_NAME = "mlebench-open"
_APART = {"com.docker.network.bridge.enable_icc": "false"}
"""Isolates the containers of a Docker network from each other."""
_ISOLATED = {"isolate": "true"}
"""Isolates the containers of a Podman network from those of other networks with this option."""
_LOCK = "network"


@dataclass(frozen=True)
class Network:
    """The network that a container joins."""

    mode: str
    """Network id, or `none`."""
    host: str | None = None
    """The host's address for containers, or a keyword that the engine replaces by it; None if there is none."""


@contextlib.contextmanager
def joined(client: Any, wanted: Literal["open", "none"], traits: Traits) -> Iterator[Network]:
    """The network for a container created within the block: an open one, created if missing, or none at all.

    None of our processes removes it meanwhile, and afterwards the container keeps it in use.
    """
    if wanted == "none":
        yield Network("none")
        return
    with one_maker(_LOCK):
        if traits.keeps_apart == "networks":
            made = _make_isolated(client)
            yield Network(made["id"], _host(client, traits, made))
        else:
            found = _shared(client)
            yield Network(found[0] if found else _make_shared(client), "host-gateway")


def release(client: Any) -> None:
    """Remove the networks that no container needs."""
    # a remaining network does no harm, and the next run uses or removes it
    with contextlib.suppress(*failures(), UsageError), one_maker(_LOCK):
        if not (found := _ours(client)):
            return
        containers = client.api.containers(all=True, filters={"label": LABEL})
        needed = set().union(*map(networks_of, containers))
        for network in found:
            if needed.isdisjoint((network["Id"], network["Name"])):
                with contextlib.suppress(*failures()):
                    client.api.remove_network(network["Id"])


def networks_of(container: Mapping[str, Any]) -> set[str]:
    """Ids and names of the networks that a listed container is or will be in."""
    # taken from its creation options, as an unstarted container is not in any Docker network yet; Podman reports only names
    attached = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return {(container.get("HostConfig") or {}).get("NetworkMode", ""), *attached}


def _ours(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.api.networks(filters={"label": f"{OWNER_LABEL}={os.getuid()}"})
    return found


def _shared(client: Any) -> list[str]:
    """Ids of this user's networks, oldest first; several if machines share an engine."""
    fitting = [network for network in _ours(client) if (network.get("Options") or {}).items() >= _APART.items()]
    return [network["Id"] for network in sorted(fitting, key=lambda network: (network.get("Created", ""), network["Id"]))]


def _make_shared(client: Any) -> str:
    from docker.errors import APIError

    def create(name: str) -> str:
        made = client.api.create_network(name, driver="bridge", options=_APART, labels=_labels(), check_duplicate=True)
        return str(made["Id"])

    try:
        return create(_NAME)
    except APIError as error:
        # another user's network, or one left by an older version
        if error.status_code != 409:
            raise
    return create(f"{_NAME}-{secrets.token_hex(4)}")


def _make_isolated(client: Any) -> dict[str, Any]:
    """A network for one run, created through Podman's own API, as Docker's would silently drop the option."""
    asked = {"name": f"{_NAME}-{secrets.token_hex(6)}", "driver": "bridge", "dns_enabled": True, "options": _ISOLATED}
    made: dict[str, Any] = ask_podman(client, "networks/create", {**asked, "labels": _labels()})
    return made


def _host(client: Any, traits: Traits, network: Mapping[str, Any]) -> str | None:
    if traits.knows_host_gateway:
        return "host-gateway"
    if not traits.is_rootless:
        return next((subnet.get("gateway") for subnet in network.get("subnets") or []), None)
    # the gateway of a rootless network is in a namespace between the containers and the machine
    return _own_address() if is_on_this_machine(client) else None


def _own_address() -> str | None:
    """This machine's first externally reachable address."""
    found = (address for addresses in psutil.net_if_addrs().values() for address in addresses)
    return next((each.address for each in found if each.family.name == "AF_INET" and not each.address.startswith("127.")), None)


def _labels() -> dict[str, str]:
    return {OWNER_LABEL: str(os.getuid())}
