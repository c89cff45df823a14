"""Run groups as a review reads them, from their folders or from bundles; nothing is followed or read without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlebench.registry import Competition
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord

Part = Literal["code", "logs", "run.log", "output", "transcript", "agent"]
"""code: `code/`; logs: `logs/`; output: whatever else the agent left in the run's folder; transcript: texts of calls to models;
agent: the agent's own folder."""


@dataclass(frozen=True)
class TextFile:
    """A text that an agent or its author wrote."""

    name: str
    """As `Evidence.file` says it."""
    part: Part
    text: str
    """Decoded with replacement, of at most a stated size; notebooks are their code cells, each preceded by `# %%`."""


@dataclass(frozen=True)
class ReviewedRun:
    """One run with what it left."""

    group: Group
    record: RunRecord
    folder: Path
    competition: Competition | None
    """In the run's edition and the data directory given; None where it is unknown here."""

    @property
    def run_id(self) -> str:
        """Its id within the group."""
        return self.record.run_id

    def texts(self, *parts: Part) -> Iterator[TextFile]:
        """The texts of some parts (all where none is named), in the order of names, earlier attempts left out."""
        raise NotImplementedError

    def ledger(self, name: str) -> Iterator[Mapping[str, Any]]:
        """The lines of `checker_calls` or `model_calls`."""
        raise NotImplementedError

    @property
    def submission(self) -> Path | None:
        """The submission that was graded."""
        raise NotImplementedError

    @property
    def snapshot_scores(self) -> Sequence[tuple[float, float | None]]:
        """Seconds since the start and score of each graded snapshot, in order of time."""
        raise NotImplementedError


@dataclass(frozen=True)
class ReviewedGroup:
    """A group with its runs."""

    group: Group
    runs: Sequence[ReviewedRun]
    agent_folder: Path | None
    """The agent's folder as it was recorded, where it is at hand."""

    def agent_texts(self) -> Iterator[TextFile]:
        """The texts of the agent's folder."""
        raise NotImplementedError
