"""Agents that may have outlived their node: its daemon died, the run restarted elsewhere, and the machine is still running.

The next run on that machine ends such an agent; the engine or the process table there identifies it by the run's folder and the
attempt.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mlebench.runs.group import Group
from mlebench.sandbox import get_sandbox

_GONE = frozenset({"lost", "node-lost"})
"""Reasons of attempts that the harness lost contact with."""


class Outlived(NamedTuple):
    """An attempt whose agent may still be running."""

    run_id: str
    attempt: int
    node: str


def outlived(group: Group) -> list[Outlived]:
    """The attempts of a group that were abandoned with their node and followed by another attempt."""
    entries = [(record.run_id, entry) for record in group.records() for entry in record.attempts]
    return [
        Outlived(run_id, int(entry["attempt"]), str(entry["node"]))
        for run_id, entry in entries
        if entry.get("reason") in _GONE and entry.get("node") and entry.get("place")
    ]


def end_outlived(group: Group, left: list[Outlived], node: str, *folders: Path) -> None:
    """End what outlived its node on this machine.

    Args:
        group: the runs' group.
        left: its attempts, on any node.
        node: this node, by its name in records.
        folders: where the group's runs may be on this machine.
    """
    here = [attempt for attempt in left if attempt.node == node]
    if not here:
        return
    sandbox = get_sandbox(group.plan.sandbox)
    for attempt in here:
        for folder in folders:
            sandbox.end_left(folder / attempt.run_id, attempt.attempt)
