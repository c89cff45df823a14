"""A call of the submission checker as a line of the ledger says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LEDGER = "checker_calls"
"""Name of the ledger: `checker_calls.jsonl` in a run's folder, `ledgers.checker_calls` in its record."""


@dataclass(frozen=True)
class CheckerCall:
    """One call. Nothing in it is a secret or content of the file, but for its first line and what the answer's words quote."""

    outcome: Literal["checked", "refused"]
    """checked: a verdict was given; refused: the call was answered without one (too many, too large, malformed, in vain)."""
    status: int
    """HTTP status of the answer."""
    valid: bool | None = None
    """The verdict; None of a refused call."""
    message: str = ""
    """The words of the answer; printable, at most 2,000 characters."""
    sha256: str | None = None
    """Of the file that came; None where none came whole."""
    bytes: int | None = None
    rows: int | None = None
    """Lines behind the header line, so that line breaks within quotes count."""
    header: str | None = None
    """The file's first line; printable, at most 300 characters."""
    seconds: float = 0.0
    """From the end of the upload until the verdict."""

    def to_entry(self) -> dict[str, Any]:
        """What the ledger appends."""
        raise NotImplementedError

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> CheckerCall | None:
        """The inverse of `to_entry`, of a line that anybody may have written; None where it is no call."""
        raise NotImplementedError
