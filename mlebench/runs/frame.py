"""A run group as a table: one row per run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlebench._support.frames import typed_frame
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.runs.usage import read_usage

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "group": "string",
    "agent": "string",
    "competition": "string",
    "edition": "string",
    "data": "string",
    "seed": "int64",
    "run_id": "string",
    "state": "string",
    "reason": "string",
    "failure_class": "string",
    "attempts": "int64",
    "valid": "boolean",
    "score": "float64",
    "medal": "string",
    "any_medal": "boolean",
    "above_median": "boolean",
    "error": "string",
    "started_at": "datetime64[ns, UTC]",
    "ended_at": "datetime64[ns, UTC]",
    "seconds": "float64",
    "gpu_hours": "float64",
    "peak_memory_bytes": "Int64",
    "calls": "Int64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "cost_usd": "float64",
    "submission_sha256": "string",
}
"""The columns in their order, with the dtype of each."""


def frame_of(group: Group, records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per run in the order of `records`, with the columns and dtypes of `COLUMNS`."""
    return typed_frame([_row(group, record) for record in records], COLUMNS)


def _row(group: Group, record: RunRecord) -> dict[str, Any]:
    report = record.graded
    measured = read_usage(record.usage)
    usage: dict[str, Any] = {} if measured is None else asdict(measured)
    return {
        "group": group.name,
        "agent": record.agent,
        "competition": record.competition_id,
        "edition": record.edition,
        "data": report and report.data,
        "seed": record.seed,
        "run_id": record.run_id,
        "state": record.state,
        "reason": record.reason,
        "failure_class": record.failure_class,
        "attempts": record.attempt,
        "valid": report and report.valid_submission,
        "score": report and report.score,
        "medal": report and report.medal,
        "any_medal": report and report.any_medal,
        "above_median": report and report.above_median,
        "error": (report and report.error) or (None if record.state == "finished" else record.detail),
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "seconds": record.wall_seconds,
        "gpu_hours": record.gpu_hours,
        "peak_memory_bytes": _whole(record.resources.get("peak_memory_bytes")),
        **{name: usage.get(name) for name in ("calls", "input_tokens", "output_tokens", "cost_usd")},
        "submission_sha256": record.submission_sha256,
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
