"""What lists and sums need of each run's record, worked out once for each record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from grading.medals import Medal
from grading.report import CompetitionReport
from mlebench.reports.view.by_identity import ByIdentity
from mlebench.runs.record import RECORD_DAMAGED, RunRecord
from mlebench.runs.usage import read_usage

Standing = Literal[
    "gold", "silver", "bronze", "above-median", "no-medal", "mock", "invalid", "no-submission", "failed", "not-graded",
    "cancelled", "infrastructure", "damaged", "running", "queued",
]  # fmt: skip
"""What there is to show of a run: what it earned, why it earned nothing, or that it has not ended."""


class Spent(NamedTuple):
    """What the calls to models of some runs took, over all their attempts; None is unknown, never 0."""

    usd: float | None
    tokens: int | None
    """Input and output."""
    is_claim: bool = False
    """Whether only the agent says so."""


NOTHING_KNOWN = Spent(None, None)


@dataclass(frozen=True)
class RunDigest:
    """One run at a glance."""

    standing: Standing
    report: CompetitionReport | None
    measured: Spent | None
    """By the gateway; None if it measured nothing, or the attempt has not ended."""
    claimed: Spent | None
    """By the agent itself, where nothing was measured."""

    @property
    def spent(self) -> Spent:
        """What is known, measured or claimed."""
        return self.measured or self.claimed or NOTHING_KNOWN

    @property
    def medal(self) -> Medal | None:
        """What it earned."""
        return self.report.medal if self.report is not None else None

    @property
    def counts(self) -> bool:
        """Whether shares of medals are over this run, too: it was graded, on real data."""
        return self.report is not None and self.report.data != "mock"


def sum_of(spent: Iterable[Spent | None]) -> Spent | None:
    """The sum; an amount that one of them does not know is unknown. None if nobody says anything."""
    told = [entry for entry in spent if entry is not None]
    if not told:
        return None
    usd = [entry.usd for entry in told if entry.usd is not None]
    tokens = [entry.tokens for entry in told if entry.tokens is not None]
    is_claim = any(entry.is_claim for entry in told)
    return Spent(math.fsum(usd) if len(usd) == len(told) else None, sum(tokens) if len(tokens) == len(told) else None, is_claim)


def _digest(record: RunRecord) -> RunDigest:
    report = record.graded
    measured = sum_of([_measured(record.usage), *(_claimed(attempt.get("usage")) for attempt in record.attempts)])
    claimed = _claimed(record.reported_usage) if measured is None and record.reported_usage else None
    return RunDigest(_standing(record, report), report, measured, claimed and claimed._replace(is_claim=True))


digest_of = ByIdentity(_digest)
"""The digest of a record."""


def _standing(record: RunRecord, report: CompetitionReport | None) -> Standing:
    if not record.has_ended:
        return "queued" if record.state == "pending" else "running"
    if report is not None and report.valid_submission:
        if report.data == "mock":
            return "mock"
        return report.medal or ("above-median" if report.above_median else "no-medal")
    if record.reason == RECORD_DAMAGED:
        return "damaged"
    if record.failure_class == "infrastructure":
        return "infrastructure"
    if record.state == "cancelled":
        return "cancelled"
    return _without_result(record, report)


def _without_result(record: RunRecord, report: CompetitionReport | None) -> Standing:
    if report is None:
        return "failed" if record.failure_class is not None else "not-graded"
    if report.submission_exists:
        return "invalid"
    return "failed" if record.state == "failed" else "no-submission"


def _measured(usage: Mapping[str, Any]) -> Spent | None:
    """Of a record's own usage, whose amounts were checked when it was read."""
    return _spent(usage.get("cost_usd"), usage.get("input_tokens"), usage.get("output_tokens")) if usage else None


def _claimed(content: object) -> Spent | None:
    """Of what may have been written by anybody."""
    usage = read_usage(content)
    return None if usage is None else _spent(usage.cost_usd, usage.input_tokens, usage.output_tokens)


def _spent(usd: float | None, input_tokens: int | None, output_tokens: int | None) -> Spent:
    return Spent(usd, None if input_tokens is None or output_tokens is None else input_tokens + output_tokens)
