"""A call of the submission checker as a line of the ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mlebench._support.ledger import stated_number, stated_words

LEDGER = "checker_calls"
"""Name of the ledger: `checker_calls.jsonl` in a run's folder, `ledgers.checker_calls` in its record."""

CheckOutcome = Literal["checked", "refused"]
"""checked: a verdict was given; refused: the call was answered without one (too many, too large, malformed, failed)."""
_LONGEST_MESSAGE, _LONGEST_HEADER = 2000, 300
_MOST_BYTES = 2**53 - 1
_MOST_SECONDS = 10**9


@dataclass(frozen=True)
class CheckerCall:
    """One call. It contains no secrets and, apart from the first line and quotes in the answer, no content of the file."""

    outcome: CheckOutcome
    status: int
    """HTTP status of the answer."""
    valid: bool | None = None
    """The verdict; None for a refused call."""
    message: str = ""
    """The text of the answer; printable, at most 2,000 characters."""
    sha256: str | None = None
    """Of the received file; None if it was incomplete."""
    bytes: int | None = None
    rows: int | None = None
    """Lines after the header, including line breaks within quotes."""
    header: str | None = None
    """The file's first line; printable, at most 300 characters."""
    seconds: float = 0.0
    """Seconds from the end of the upload until the verdict."""

    def to_entry(self) -> dict[str, Any]:
        """The entry for the ledger: finite, short, printable."""
        return dict(vars(_harmless(vars(self))))

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> CheckerCall | None:
        """The inverse of `to_entry`, for an untrusted line; None if it is not a call."""
        outcome = entry.get("outcome")
        # the checker never records a refusal with a verdict, or a check without one
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
