"""A call of the submission checker as a line of the ledger says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mlebench._support.ledger import stated_number, stated_words

LEDGER = "checker_calls"
"""Name of the ledger: `checker_calls.jsonl` in a run's folder, `ledgers.checker_calls` in its record."""

CheckOutcome = Literal["checked", "refused"]
"""checked: a verdict was given; refused: the call was answered without one (too many, too large, malformed, in vain)."""
_LONGEST_MESSAGE, _LONGEST_HEADER = 2000, 300
_MOST_BYTES = 2**53 - 1
_MOST_SECONDS = 10**9


@dataclass(frozen=True)
class CheckerCall:
    """One call. Nothing in it is a secret or content of the file, but for its first line and what the answer's words quote."""

    outcome: CheckOutcome
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
        """What the ledger appends: finite, short, printable."""
        return dict(vars(_harmless(vars(self))))

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> CheckerCall | None:
        """The inverse of `to_entry`, of a line that anybody may have written; None where it is no call."""
        outcome = entry.get("outcome")
        # a refusal with a verdict, or a check without one, is nothing that the checker says
        is_call = outcome in get_args(CheckOutcome) and isinstance(entry.get("valid"), bool) == (outcome == "checked")
        return _harmless(entry) if is_call else None


def _harmless(entry: Mapping[str, Any]) -> CheckerCall:
    return CheckerCall(
        outcome=entry["outcome"],
        status=int(stated_number(entry.get("status"), 999) or 0),
        valid=entry["valid"] if isinstance(entry.get("valid"), bool) else None,
        message=stated_words(entry.get("message"), _LONGEST_MESSAGE) or "",
        sha256=digest if isinstance(digest := entry.get("sha256"), str) and re.fullmatch("[0-9a-f]{64}", digest) else None,
        **{name: _count(entry.get(name)) for name in ("bytes", "rows")},
        header=stated_words(entry.get("header"), _LONGEST_HEADER),
        seconds=stated_number(entry.get("seconds"), _MOST_SECONDS) or 0.0,
    )


def _count(value: object) -> int | None:
    return None if (number := stated_number(value, _MOST_BYTES)) is None else int(number)
