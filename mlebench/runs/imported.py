"""The source of runs that another harness made, as stated in a group's manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from grading.printable import printable
from mlebench.agents import AgentSpec

Format = Literal["harbor-job", "inspect-log", "mle-bench-runs"]
TOOLS: dict[Format, str] = {"harbor-job": "Harbor", "inspect-log": "Inspect", "mle-bench-runs": "MLE-bench"}
"""What people call the harness that writes each format."""
_WORDS: dict[Format, str] = {
    "harbor-job": "the Harbor job",
    "inspect-log": "the Inspect log",
    "mle-bench-runs": "the MLE-bench run group",
}
_LONGEST = 100
_NO_FOLDER = Path(os.devnull)
"""Placeholder for the folder of an agent that is not available; nothing is there on any machine."""


class ImportedRun(BaseModel):
    """Where one run comes from."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Its harness's name for it: a trial, or a sample with its epoch."""
    id: str | None = None
    """Its harness's unique id for it; None if it gave none."""
    stated: dict[str, Any] = {}
    """Score and flags as its harness stated them."""


class Imported(BaseModel):
    """`imported` of a group's manifest."""

    model_config = ConfigDict(frozen=True)

    format: Format
    tool_version: str | None = None
    """None if the source does not state it."""
    source: str
    """Name of the job's folder or of the log."""
    files: dict[str, str] = {}
    """SHA-256 of the files read, by their names within the source."""
    left_out: tuple[str, ...] = ()
    """One sentence about each run of the source that could not be imported."""
    runs: dict[str, ImportedRun] = Field(default={})
    """By run id."""
    harness: dict[str, Any] = {}
    """Version and commit of the harness that imported it."""

    @property
    def tool(self) -> str:
        """Display name of the harness that made the runs."""
        return TOOLS[self.format]

    @property
    def words(self) -> str:
        """The source of the runs, such as `the Harbor job 2026-11-01__10-00-00`."""
        return f"{_WORDS[self.format]} {printable(self.source, _LONGEST)}"

    @property
    def ids(self) -> frozenset[str]:
        """What identifies its runs, whatever name they were imported under."""
        return frozenset(run.id for run in self.runs.values() if run.id is not None)


def agent_of(source: Format, name: str, arguments: Mapping[str, Any]) -> AgentSpec:
    """An agent of another harness, whose folder is unknown.

    Args:
        source: the format it comes from.
        name: its name there.
        arguments: its arguments, as far as known.
    """
    return AgentSpec(name, None, _NO_FOLDER, description=f"imported from {TOOLS[source]}", arguments=arguments)
