"""The network of runs with `network: open`: out to everywhere, but not to the containers of other runs.

Where an engine keeps the containers of one network apart, a user's runs share one. Where it keeps whole networks apart, each
run has its own. They are found by their label and used by their id: names are anybody's, and an engine may hold several of one
name. They are made and removed by one maker at a time.
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
"""Label of the networks; its value is the number of the user whose runs they are for."""
_NAME = "mlebench-open"
_APART = {"com.docker.network.bridge.enable_icc": "false"}
"""Keeps the containers of a network of Docker from each other."""
_ISOLATED = {"isolate": "true"}
"""Keeps the containers of a network of Podman from those of other networks with this option."""
_LOCK = "network"


@dataclass(frozen=True)
class Network:
    """What a container is put into."""

    mode: str
    """The id of a network, or `none`."""
    host: str | None = None
    """The host's address as containers reach it, or a word that the engine replaces by it; None where there is none."""


@contextlib.contextmanager
def joined(client: Any, wanted: Literal["open", "none"], traits: Traits) -> Iterator[Network]:
    """The network of a container that is created inside: an open one, made where it is not there, or none at all.

    Nobody of ours removes it meanwhile, and afterwards the container keeps it.
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
    """Remove the networks that no container needs any more."""
    # one that is left does no harm, and the next run uses or removes it
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
    # what it was created with, as one that has not started yet is in no network of Docker; Podman tells names alone
    attached = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return {(container.get("HostConfig") or {}).get("NetworkMode", ""), *attached}


def _ours(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.api.networks(filters={"label": f"{OWNER_LABEL}={os.getuid()}"})
    return found


def _shared(client: Any) -> list[str]:
    """Ids of this user's networks, the oldest first; more than one where machines share an engine."""
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
        # another user's, or one that an older version left
        if error.status_code != 409:
            raise
    return create(f"{_NAME}-{secrets.token_hex(4)}")


def _make_isolated(client: Any) -> dict[str, Any]:
    """A network of one run, as Podman's own API tells of it: through Docker's the option would be dropped without a word."""
    asked = {"name": f"{_NAME}-{secrets.token_hex(6)}", "driver": "bridge", "dns_enabled": True, "options": _ISOLATED}
    made: dict[str, Any] = ask_podman(client, "networks/create", {**asked, "labels": _labels()})
    return made


def _host(client: Any, traits: Traits, network: Mapping[str, Any]) -> str | None:
    if traits.knows_host_gateway:
        return "host-gateway"
    if not traits.is_rootless:
        return next((subnet.get("gateway") for subnet in network.get("subnets") or []), None)
    # the gateway of a network without root is in a namespace between the containers and the machine
    return _own_address() if is_on_this_machine(client) else None


def _own_address() -> str | None:
    """This machine's first address that others reach it by."""
    found = (address for addresses in psutil.net_if_addrs().values() for address in addresses)
    return next((each.address for each in found if each.family.name == "AF_INET" and not each.address.startswith("127.")), None)


def _labels() -> dict[str, str]:
    return {OWNER_LABEL: str(os.getuid())}
