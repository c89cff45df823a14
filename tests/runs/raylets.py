"""Nodes of Ray on a machine that may be too busy for Ray's deadlines: a raylet that gives up is started again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

from tests.ports import free_ports

T = TypeVar("T")
_MOST_STARTS = 10
"""Under a load of twenty on two cores, two in a row have been seen to give up."""


class DidNotStart(AssertionError):
    """A node did not come up; what is left of it is ended."""


def start_until_one_stays(start: Callable[[], T]) -> T:
    """Start a node, and start it again where its raylet gave up.

    Args:
        start: starts one and waits until it is up; raises DidNotStart where it is not.
    """
    for _ in range(_MOST_STARTS - 1):
        with contextlib.suppress(DidNotStart):
            return start()
    return start()


def add_node(cluster: Any, **words: Any) -> Any:
    """Add a node to a `ray.cluster_utils.Cluster`; its first one is the head."""
    return start_until_one_stays(lambda: _add(cluster, words))


def _add(cluster: Any, words: dict[str, Any]) -> Any:
    before = set(psutil.Process().children())
    known = {id(node) for node in cluster.list_all_nodes()}
    try:
        return cluster.add_node(**words, **_of_node())
    # Ray has no class of its own for a raylet that is not there in time
    except Exception as error:
        for node in [node for node in cluster.list_all_nodes() if id(node) not in known]:
            cluster.remove_node(node, allow_graceful=False)
        for process in set(psutil.Process().children()) - before:
            with contextlib.suppress(psutil.Error):
                process.kill()
        raise DidNotStart(str(error)) from error


def _of_node() -> dict[str, int]:
    """What each node has of its own: for a port that is not given a raylet waits 15 s, too few on a busy machine, and dies."""
    agents = ("dashboard_agent_listen_port", "metrics_agent_port", "runtime_env_agent_port", "metrics_export_port")
    return {"object_store_memory": 100 * 2**20, **dict(zip(agents, free_ports(len(agents)), strict=True))}
