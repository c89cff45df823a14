"""Which nodes of a cluster runs are kept away from: one that cannot run anything would take them all, as it fails so quickly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from mlebench.runs.record import RunRecord

_MOST_IN_A_ROW = 3
_NOT_THE_NODES_FAULT = frozenset({"grader-error", "agent-changed", "lost", "place-lost", "node-lost"})
"""Ends of the infrastructure's that a run would have met on any node, or that a node met as a whole."""


class Conduct:
    """Counts how often runs failed on each node, by whatever name the executor calls it."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = defaultdict(int)
        self._failed: dict[str, set[str]] = defaultdict(set)
        self.avoided: set[str] = set()
        """Nodes that get no more runs."""

    def note(self, key: str, node: str, record: RunRecord) -> str | None:
        """A run ended on a node.

        Returns:
            a sentence where the node is avoided from now on.
        """
        if record.failure_class != "infrastructure":
            self._in_a_row[node] = 0
        elif record.reason not in _NOT_THE_NODES_FAULT:
            return self.failed(key, node, record.detail or record.reason or "failed")
        return None

    def failed(self, key: str, node: str, why: str) -> str | None:
        """A run failed for a reason that lies in the node; as `note`."""
        self._failed[key].add(node)
        self._in_a_row[node] += 1
        if self._in_a_row[node] < _MOST_IN_A_ROW or node in self.avoided:
            return None
        self.avoided.add(node)
        return (
            f"node {node} gets no more runs of this harness: {_MOST_IN_A_ROW} in a row failed there, the last one as {why}; "
            "`mlebench doctor` there examines it"
        )

    def excluded(self, key: str, nodes: Collection[str]) -> set[str]:
        """Nodes among `nodes`, which could take the run `key`, that it is kept away from: those that are avoided, and those where
        it failed itself, as far as others are left. Where every node is avoided, all are tried again."""
        avoided = self.avoided & set(nodes)
        if avoided and len(avoided) == len(set(nodes)):
            self.avoided -= avoided
            for node in avoided:
                self._in_a_row[node] = 0
            avoided = set()
        own = avoided | (self._failed.get(key, set()) & set(nodes))
        return own if len(own) < len(set(nodes)) else avoided
