"""The calls of the submission checker that a run made, in order, with their times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlebench.evidence.review.reviewed import ReviewedRun
from mlebench.runs.record import known_time
from mlebench.sandbox.checker_call import LEDGER, CheckerCall

_MOST_CALLS = 100_000


@dataclass(frozen=True)
class TimedCall:
    """A call."""

    at: float
    """Seconds since the epoch."""
    line: int
    """In the ledger."""
    call: CheckerCall


def calls_of(run: ReviewedRun) -> Sequence[TimedCall]:
    """All calls whose lines can be read."""
    return list(itertools.islice(_calls(run), _MOST_CALLS))


def _calls(run: ReviewedRun) -> Iterator[TimedCall]:
    for line, entry in enumerate(run.ledger(LEDGER), 1):
        moment, call = known_time(entry.get("at")), CheckerCall.from_entry(entry)
        if moment is not None and call is not None:
            yield TimedCall(moment.timestamp(), line, call)


def busiest(calls: Sequence[TimedCall], seconds: float) -> Sequence[TimedCall]:
    """The calls in the busiest interval of the given length."""
    best: Sequence[TimedCall] = ()
    start = 0
    for end in range(len(calls)):
        while calls[end].at - calls[start].at > seconds:
            start += 1
        if end + 1 - start > len(best):
            best = calls[start : end + 1]
    return best
