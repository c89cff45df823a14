"""Agents that may have outlived their node: its daemon died, the run began anew elsewhere, and the machine is still at work.

On its own machine such an agent is ended by whatever run comes there next; the engine or the process table there knows it by the
run's folder and the attempt.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mlebench.runs.group import Group
from mlebench.sandbox import get_sandbox

_GONE = frozenset({"lost", "node-lost"})
"""Reasons of attempts of which the harness saw nothing any more."""


class Outlived(NamedTuple):
    """An attempt whose agent may still be at work."""

    run_id: str
    attempt: int
    node: str


def outlived(group: Group) -> list[Outlived]:
    """The attempts of a group that were given up with their node and have been followed by another."""
    entries = [(record.run_id, entry) for record in group.records() for entry in record.attempts]
    return [
        Outlived(run_id, int(entry["attempt"]), str(entry["node"]))
        for run_id, entry in entries
        if entry.get("reason") in _GONE and entry.get("node") and entry.get("place")
    ]


def end_outlived(group: Group, left: list[Outlived], node: str, *folders: Path) -> None:
    """End what outlived its node on this machine.

    Args:
        group: the runs'.
        left: its attempts, on whatever node.
        node: this one, by the name that records give it.
        folders: where the group's runs may lie on this machine.
    """
    here = [attempt for attempt in left if attempt.node == node]
    if not here:
        return
    sandbox = get_sandbox(group.plan.sandbox)
    for attempt in here:
        for folder in folders:
            sandbox.end_left(folder / attempt.run_id, attempt.attempt)
