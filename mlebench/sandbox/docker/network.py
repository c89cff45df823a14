"""The network of runs with `network: open`: out to everywhere, but not to the containers of other runs.

One per user, found by its label and used by its id: names are anybody's, and an engine may hold several of one name. It is
made and removed by one maker at a time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import Any, Literal

from mlebench._support.one_maker import one_maker
from mlebench.errors import UsageError
from mlebench.sandbox.docker.engine import LABEL, failures

OWNER_LABEL = "mlebench.network-of"
"""Label of the network; its value is the number of the user whose runs share it."""
_NAME = "mlebench-open"
_APART = {"com.docker.network.bridge.enable_icc": "false"}
_LOCK = "network"


@contextlib.contextmanager
def joined(client: Any, wanted: Literal["open", "none"]) -> Iterator[str]:
    """The network of a container that is created inside: the id of the shared one, made where it is not there, or `none`.

    Nobody of ours removes it meanwhile, and afterwards the container keeps it.
    """
    if wanted == "none":
        yield "none"
        return
    with one_maker(_LOCK):
        found = _ours(client)
        yield found[0] if found else _make(client)


def release(client: Any) -> None:
    """Remove the network unless a container still needs it."""
    # one that is left does no harm, and the next run uses it
    with contextlib.suppress(*failures(), UsageError), one_maker(_LOCK):
        if not (found := _ours(client)):
            return
        # asked by what containers were created with, as one that has not started yet is in no network
        needed = {
            entry.get("HostConfig", {}).get("NetworkMode") for entry in client.api.containers(all=True, filters={"label": LABEL})
        }
        for network in found:
            if network not in needed:
                with contextlib.suppress(*failures()):
                    client.api.remove_network(network)


def _ours(client: Any) -> list[str]:
    """Ids of this user's networks, the oldest first; more than one where machines share an engine."""
    found = client.api.networks(filters={"label": f"{OWNER_LABEL}={os.getuid()}"})
    fitting = [network for network in found if (network.get("Options") or {}).items() >= _APART.items()]
    return [network["Id"] for network in sorted(fitting, key=lambda network: (network.get("Created", ""), network["Id"]))]


def _make(client: Any) -> str:
    from docker.errors import APIError

    labels = {OWNER_LABEL: str(os.getuid())}

    def create(name: str) -> str:
        return str(client.api.create_network(name, driver="bridge", options=_APART, labels=labels, check_duplicate=True)["Id"])

    try:
        return create(_NAME)
    except APIError as error:
        # another user's, or one that an older version left
        if error.status_code != 409:
            raise
    return create(f"{_NAME}-{secrets.token_hex(4)}")
