"""What verifying a bundle came to: seven levels, each of which holds, fails or is not claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from grading.printable import printable

State = Literal["holds", "fails", "not claimed"]
LevelName = Literal["files", "signature", "plan", "ledgers", "scores", "sealed", "rules"]
LEVELS: Mapping[LevelName, str] = {
    "files": "every file is present once and unchanged, with no additional files",
    "signature": "a signer trusted by the reader signed exactly this",
    "plan": "every planned run is present once, within its limits, by the recorded agent",
    "ledgers": "the calls of each run form unbroken chains that end as recorded, within the run's time",
    "scores": "grading the submissions again gives the recorded scores",
    "sealed": "agents reached nothing but the harness, and every call is on record",
    "rules": "nothing keeps the result from a row of the board",
}
"""The levels in order, each with what it means where it holds; the first is number 1."""


_MOST_FINDINGS = 50
_MOST_NAMED = 5


def few(words: Iterable[object]) -> str:
    """The first words, printable and short, and how many more there are."""
    listed = [printable(str(word), 80) for word in words]
    more = [f"and {len(listed) - _MOST_NAMED} more"] if len(listed) > _MOST_NAMED else []
    return ", ".join([*listed[:_MOST_NAMED], *more])


@dataclass(frozen=True)
class Finding:
    """One thing that is not as claimed."""

    file: str
    """Name in the bundle; empty if it is about the bundle itself."""
    message: str
    """A sentence without its full stop; printable, and short whatever the bundle holds."""
    line: int | None = None
    """From 1, in files of lines."""

    @property
    def text(self) -> str:
        """`FILE, line N: message`."""
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.message}" if where else self.message

    def to_dict(self) -> dict[str, Any]:
        """`file`, `line` and `message`."""
        return {"file": self.file, "line": self.line, "message": self.message}


@dataclass(frozen=True)
class Level:
    """What one level came to."""

    name: LevelName
    state: State
    summary: str
    """What was found, or why nothing is claimed, in one sentence without its full stop."""
    findings: tuple[Finding, ...] = ()
    """Why it fails; empty unless it does."""
    flags: tuple[Finding, ...] = ()
    """What a reader should look at although it fails nothing."""

    @classmethod
    def failing(cls, name: LevelName, summary: str, findings: Sequence[Finding], flags: tuple[Finding, ...] = ()) -> Level:
        """One that fails; of many findings the first are told, and how many more there are."""
        more = [Finding("", f"and {len(findings) - _MOST_FINDINGS} more")] if len(findings) > _MOST_FINDINGS else []
        return cls(name, "fails", summary, (*findings[:_MOST_FINDINGS], *more), flags)

    @property
    def number(self) -> int:
        """From 1."""
        return 1 + list(LEVELS).index(self.name)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "level": self.number,
            "name": self.name,
            "state": self.state,
            "summary": self.summary,
            "findings": [finding.to_dict() for finding in self.findings],
            "flags": [flag.to_dict() for flag in self.flags],
        }


@dataclass(frozen=True)
class Verdict:
    """What a bundle is worth."""

    bundle: str
    """As the user called it."""
    sha256: str
    """Of the whole file."""
    levels: Sequence[Level]
    """All seven, in order."""
    groups: tuple[str, ...] = ()
    """Names of the run groups in it; empty if the bundle could not be opened."""
    signer: str | None = None
    """Who signed it, as the reader's file of allowed signers calls them; None unless that is known."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many files stand by their hash alone, by reason."""

    @property
    def holds(self) -> bool:
        """Whether all that is claimed holds."""
        return all(level.state != "fails" for level in self.levels)

    def level(self, name: LevelName) -> Level:
        """The level of that name."""
        return next(level for level in self.levels if level.name == name)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `holds` says whether all that is claimed does."""
        return {
            "bundle": self.bundle,
            "sha256": self.sha256,
            "holds": self.holds,
            "groups": list(self.groups),
            "signer": self.signer,
            "left_out": dict(self.left_out),
            "levels": [level.to_dict() for level in self.levels],
        }
