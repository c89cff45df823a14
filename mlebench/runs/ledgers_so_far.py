"""The content of a run's growing ledgers so far, for repeated polling: each line is read only once."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mlebench._support.growing_lines import GrowingLines
from mlebench.gateway.usage import SpendingMeter
from mlebench.gateway.usage import Step as Step
from mlebench.runs.claims import checker_call
from mlebench.runs.ledgers import ledger_path
from mlebench.runs.record import checked_time
from mlebench.sandbox.checker_call import LEDGER as CHECKER_CALLS

_MOST_BYTES = 64 * 2**20
"""Limit for the checker's ledger; at one answer every five seconds, reaching it takes more than a week."""
_MOST_TIMES = 4000
_SHOWN = 50
_KEPT_RUNS = 64
"""Attempts whose ledgers are cached."""


class Check(NamedTuple):
    """A call of the submission checker."""

    at: float | None
    """Seconds since 1970; None if the ledger does not state it."""
    valid: bool | None
    """None if it was answered without a verdict."""
    message: str
    """Printable."""
    rows: int | None
    bytes: int | None
    status: int
    """HTTP status of the answer."""


@dataclass(frozen=True)
class LedgersSoFar:
    """An attempt's calls to models and to the checker."""

    spent: tuple[Step, ...] = ()
    """One entry per call, thinned out evenly; always includes the last one."""
    valid: tuple[float, ...] = ()
    """Times of these verdicts, in seconds since 1970, ascending; thinned out evenly, like the next two."""
    invalid: tuple[float, ...] = ()
    refused: tuple[float, ...] = ()
    checks: tuple[int, int, int] = (0, 0, 0)
    """Totals of the three kinds above."""
    last_checks: tuple[Check, ...] = ()
    """Newest first, at most 50."""
    cut: tuple[str, ...] = ()
    """Names of files of which only the beginning was read."""


def read_ledgers(folder: Path, within: Path) -> LedgersSoFar:
    """Read the ledgers in a run's folder, or in that of an earlier attempt. Thread-safe.

    Args:
        folder: holds the ledgers; its content is untrusted.
        within: the run's folder; no part of the path below it may be a link.
    """
    return _kept(folder, within).read()


@functools.lru_cache(maxsize=_KEPT_RUNS)
def _kept(folder: Path, within: Path) -> _Ledgers:
    return _Ledgers(folder, within)


class _Ledgers:
    def __init__(self, folder: Path, within: Path) -> None:
        self._lock = threading.Lock()
        self._meter = SpendingMeter(folder, within)
        self._checks = GrowingLines(ledger_path(folder, CHECKER_CALLS), within, _MOST_BYTES)
        self._begin()

    def _begin(self) -> None:
        self._times = {True: _Times(), False: _Times(), None: _Times()}
        self._last: deque[Check] = deque(maxlen=_SHOWN)

    def read(self) -> LedgersSoFar:
        with self._lock:
            self._read_checks()
            spent = self._meter.read()
            cuts = {"checker_calls.jsonl": self._checks.is_cut, "model_calls.jsonl": self._meter.is_cut}
            valid, invalid, refused = (self._times[verdict] for verdict in (True, False, None))
            return LedgersSoFar(
                spent,
                valid=tuple(valid.kept),
                invalid=tuple(invalid.kept),
                refused=tuple(refused.kept),
                checks=(valid.count, invalid.count, refused.count),
                last_checks=tuple(reversed(self._last)),
                cut=tuple(name for name, is_cut in cuts.items() if is_cut),
            )

    def _read_checks(self) -> None:
        if self._checks.is_replaced():
            self._begin()
        for entry in self._checks.new():
            if (call := checker_call(entry)) is None:
                continue
            at = _seconds(entry.get("at"))
            self._last.append(Check(at, call.valid, call.message, call.rows, call.bytes, call.status))
            self._times[call.valid].add(at)


class _Times:
    """Times, thinned out evenly as they become many."""

    def __init__(self) -> None:
        self.count = 0
        self.kept: list[float] = []
        self._every = 1

    def add(self, at: float | None) -> None:
        if at is not None and self.count % self._every == 0:
            self.kept.append(at)
            if len(self.kept) > _MOST_TIMES:
                self.kept = self.kept[::2]
                self._every *= 2
        self.count += 1


def _seconds(at: object) -> float | None:
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return datetime.fromisoformat(checked_time(at)).timestamp()  # type: ignore[arg-type]
    return None
