"""The calls that an attempt's ledger holds, in order, and the texts of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench.errors import ContainerFault
from mlebench.evidence.conversations.attempts import Attempt
from mlebench.evidence.conversations.call_text import CallText, read_call
from mlebench.gateway.model_call import LEDGER, ModelCall
from mlebench.gateway.transcript import LARGEST, unpack_texts
from mlebench.runs.ledgers import ledger_path
from mlebench.runs.record import known_time

CALLS = LEDGER
"""Name of the ledger."""
Call = ModelCall
"""One call, as its line of the ledger says it."""
_LARGEST_NUMBER = 2**53
_LONGEST_REASON = 160
UNREADABLE = (OSError, ContainerFault, ValueError)
"""What `text_of` raises."""


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """A line of the ledger."""

    n: int
    """Of the line; where it states none, that of the one before."""
    at: str | None
    """When the call ended; None if no time is stated."""
    call: ModelCall
    is_numbered: bool
    """Whether `n` is its own, so that the texts of that number are this call's."""

    @property
    def is_turn(self) -> bool:
        """Whether it is part of a conversation: a question for a number of tokens is not, nor is one of the gateway's own."""
        return self.call.action == "generate" and self.call.outcome != "probe"

    @property
    def begun(self) -> str | None:
        """When the call was made."""
        if self.at is None:
            return None
        try:
            return (datetime.fromisoformat(self.at) - timedelta(seconds=self.call.seconds)).isoformat()
        except OverflowError:
            return self.at


class LedgerCalls:
    """Makes calls of the lines of one ledger, which may be given a few at a time."""

    def __init__(self) -> None:
        self._last = 0

    def read(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[LedgerCall]:
        """The calls in some further lines; lines that are not calls are skipped."""
        for entry in entries:
            if (call := ModelCall.from_entry(entry)) is None:
                continue
            stated, at = entry.get("n"), entry.get("at")
            # in a ledger that somebody changed no texts are read twice
            is_own = isinstance(stated, int) and not isinstance(stated, bool) and self._last < stated < _LARGEST_NUMBER
            if is_own and isinstance(stated, int):
                self._last = stated
            yield LedgerCall(self._last, at if known_time(at) is not None else None, call, is_own)


def text_of(attempt: Attempt, entry: LedgerCall, most: int = LARGEST) -> CallText | None:
    """What a call said; None if its texts were not kept, or are those of another call.

    Args:
        attempt: whose call it is.
        entry: the call.
        most: bytes that the texts may have.

    Raises:
        OSError, ContainerFault, ValueError: the texts cannot be read; see `reason_of`.
    """
    if not entry.is_numbered or not entry.is_turn or entry.call.outcome == "replayed":
        return None
    try:
        packed = attempt.packed_texts(entry.n)
    except FileNotFoundError:
        return None
    return read_call(unpack_texts(packed, most), entry.call)


def reason_of(error: BaseException) -> str:
    """Why texts cannot be read, in a few words."""
    return printable(getattr(error, "strerror", None) or str(error), _LONGEST_REASON)


def calls_path(attempt: Attempt) -> Path:
    """Where the attempt's ledger of calls lies."""
    return ledger_path(attempt.folder, CALLS)
