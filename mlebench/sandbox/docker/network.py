"""The network of runs with `network: open`: out to everywhere, but not to the containers of other runs."""

from __future__ import annotations

import contextlib
from typing import Any

from mlebench.sandbox.docker.engine import LABEL, failures

OPEN = "mlebench-open"
_APART = {"com.docker.network.bridge.enable_icc": "false"}


def ensure(client: Any) -> str:
    """The name of the shared network, made if it is not there."""
    from docker.errors import APIError, NotFound

    try:
        client.networks.get(OPEN)
    except NotFound:
        try:
            client.networks.create(OPEN, driver="bridge", options=_APART, labels={LABEL: "network"}, check_duplicate=True)
        except APIError as error:
            # another harness was faster
            if error.status_code != 409:
                raise
    return OPEN


def release(client: Any) -> None:
    """Remove the network unless a container still needs it."""
    # one that is left does no harm, and the next run uses it
    with contextlib.suppress(*failures()):
        if not client.api.containers(all=True, filters={"network": OPEN}):
            for network in client.networks.list(names=[OPEN]):
                network.remove()
