"""What the manifest of a group says of runs that another harness made: where they come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from grading.printable import printable
from mlebench.agents import AgentSpec

Format = Literal["harbor-job", "inspect-log"]
TOOLS: dict[Format, str] = {"harbor-job": "Harbor", "inspect-log": "Inspect"}
"""What people call the harness that writes each format."""
_WORDS: dict[Format, str] = {"harbor-job": "the Harbor job", "inspect-log": "the Inspect log"}
_LONGEST = 100
_NO_FOLDER = Path(os.devnull)
"""Stands for the folder of an agent that is not at hand: nothing lies in it, on any machine."""


class ImportedRun(BaseModel):
    """Where one run comes from."""

    model_config = ConfigDict(frozen=True)

    name: str
    """What its harness calls it: a trial, or a sample with its epoch."""
    id: str | None = None
    """By which its harness tells it from all others; None where it gave none."""
    stated: dict[str, Any] = {}
    """Score and flags as its harness stated them."""


class Imported(BaseModel):
    """`imported` of a group's manifest."""

    model_config = ConfigDict(frozen=True)

    format: Format
    tool_version: str | None = None
    """None where the source does not tell."""
    source: str
    """Name of the job's folder or of the log."""
    files: dict[str, str] = {}
    """SHA-256 of the files that were read, by their names within the source."""
    left_out: tuple[str, ...] = ()
    """A sentence for each run of the source that could not be imported."""
    runs: dict[str, ImportedRun] = Field(default={})
    """By run id."""
    harness: dict[str, Any] = {}
    """Version and commit of the harness that imported it."""

    @property
    def tool(self) -> str:
        """What people call the harness that made the runs."""
        return TOOLS[self.format]

    @property
    def words(self) -> str:
        """Where the runs come from, such as `the Harbor job 2026-11-01__10-00-00`."""
        return f"{_WORDS[self.format]} {printable(self.source, _LONGEST)}"

    @property
    def ids(self) -> frozenset[str]:
        """What tells its runs from all others, whatever they were imported as."""
        return frozenset(run.id for run in self.runs.values() if run.id is not None)


def agent_of(source: Format, name: str, arguments: Mapping[str, Any]) -> AgentSpec:
    """An agent of another harness, of which no folder is known.

    Args:
        source: where it is from.
        name: as it is called there.
        arguments: as far as they are known.
    """
    return AgentSpec(name, None, _NO_FOLDER, description=f"imported from {TOOLS[source]}", arguments=arguments)
