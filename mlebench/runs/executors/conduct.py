"""Which cluster nodes to avoid: a broken node fails so quickly that it would attract every run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from mlebench.runs.record import RunRecord

_MOST_IN_A_ROW = 3
_NOT_THE_NODES_FAULT = frozenset({"grader-error", "agent-changed", "lost", "place-lost", "node-lost"})
"""Infrastructure failures that would have happened on any node, or that hit a node as a whole."""


class Conduct:
    """Counts how often runs failed on each node, by the executor's name for it."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = defaultdict(int)
        self._failed: dict[str, set[str]] = defaultdict(set)
        self.avoided: set[str] = set()
        """Nodes that get no more runs."""

    def note(self, key: str, node: str, record: RunRecord) -> str | None:
        """Record that a run ended on a node.

        Returns:
            a sentence if the node is avoided from now on.
        """
        if record.failure_class != "infrastructure":
            self._in_a_row[node] = 0
        elif record.reason not in _NOT_THE_NODES_FAULT:
            return self.failed(key, node, record.detail or record.reason or "failed")
        return None

    def failed(self, key: str, node: str, why: str) -> str | None:
        """Record that a run failed because of the node; as `note`."""
        self._failed[key].add(node)
        self._in_a_row[node] += 1
        if self._in_a_row[node] < _MOST_IN_A_ROW or node in self.avoided:
            return None
        self.avoided.add(node)
        return (
            f"node {node} gets no more runs from this harness: {_MOST_IN_A_ROW} in a row failed there, the last with {why}; "
            "run `mlebench doctor` there to examine it"
        )

    def excluded(self, key: str, nodes: Collection[str]) -> set[str]:
        """The nodes among `nodes` that run `key` must avoid: those avoided in general, and those where it failed before, as long
        as others remain. If every node is avoided, all are tried again."""
        avoided = self.avoided & set(nodes)
        if avoided and len(avoided) == len(set(nodes)):
            self.avoided -= avoided
            for node in avoided:
                self._in_a_row[node] = 0
            avoided = set()
        own = avoided | (self._failed.get(key, set()) & set(nodes))
        return own if len(own) < len(set(nodes)) else avoided
