"""A review's findings about one run, or about several together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["violation", "look"]
"""violation: the run counts as flagged; look: a person should look, and the run does not count as flagged."""


@dataclass(frozen=True)
class Evidence:
    """A place that shows it."""

    file: str
    """Path below the group's folder, such as `RUN_ID/logs/agent.log`; below the agent's folder it starts with `agent/`."""
    line: int | None = None
    """From 1; None if the file has no lines."""
    quote: str = ""
    """The text there: printable, on one line, at most `LONGEST_QUOTE` characters, secrets masked."""


LONGEST_QUOTE = 300


@dataclass(frozen=True)
class ReviewFinding:
    """One finding."""

    rule: str
    """A name of `RULES`, `similarity`, or `judge`."""
    level: Level
    group: str
    """The group's name."""
    runs: tuple[str, ...]
    """Ids of the runs that it concerns: several if runs were compared, all of the group if it is about the agent's folder."""
    text: str
    """One sentence with figures, without the runs' names."""
    evidence: Sequence[Evidence] = ()

    def to_dict(self) -> dict[str, Any]:
        """The finding in JSON form."""
        return asdict(self)
