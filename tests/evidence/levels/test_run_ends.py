"""What a record cannot say of its end, its attempts and its GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlebench.evidence.levels.run_ends import contradictions
from mlebench.runs.record import RECORD_DAMAGED, RunRecord

FIRST = {
    "attempt": 1, "state": "failed", "reason": "lost", "failure_class": "infrastructure",
    "started_at": "2026-01-01T00:00:00+00:00", "ended_at": "2026-01-01T01:00:00+00:00",
}  # fmt: skip
RECORD = RunRecord(
    "toy_seed0", "group", "toy", 0, "agent", "v1", state="finished", attempt=1, reason="exited", exit_code=0,
    started_at="2026-01-01T02:00:00+00:00", ended_at="2026-01-01T03:00:00+00:00", wall_seconds=3600.0,
)  # fmt: skip
TWICE = replace(RECORD, attempt=2, attempts=[FIRST])


def said(record: RunRecord, gpus: int = 0, *folders: str) -> str:
    return "; ".join(contradictions(record, gpus, frozenset(folders)))


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        TWICE,
        replace(RECORD, state="failed", exit_code=1, failure_class="agent"),
        replace(RECORD, state="cancelled", attempt=0, exit_code=None, started_at=None),
        replace(RECORD, failure_class="infrastructure", reason="grader-error", report={"error_kind": "grader_error"}),
        replace(TWICE, attempts=[{**FIRST, "attempt": 0, "state": "cancelled", "started_at": None, "ended_at": None}, FIRST]),
        replace(RECORD, attempt=4, attempts=[{**FIRST, "attempt": 3, "reason": RECORD_DAMAGED}]),
    ],
)
def test_records_of_this_harness_contradict_nothing(record: RunRecord) -> None:
    assert said(record, 0, *(["1"] if record.attempt > 1 else [])) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exit_code": 137}, "exit code is 137"),
        ({"state": "failed", "exit_code": 1}, "who caused it"),
        ({"state": "cancelled", "report": {"score": 1}}, "cancelled runs are not graded"),
        ({"failure_class": "infrastructure", "report": {"score": 1}}, "such runs are not graded"),
        ({"attempt": 0}, "never started"),
        ({"attempt": 2}, "attempt 1 is not recorded"),
        ({"attempts": [{**FIRST, "attempt": 2}]}, "not numbered"),
        ({"attempt": 2, "attempts": [{**FIRST, "state": "finished"}]}, "is followed by another"),
        ({"attempt": 2, "attempts": [{**FIRST, "ended_at": "2026-01-01T02:30:00+00:00"}]}, "before the one before it had ended"),
        ({"gpu_hours": 1.0}, "`gpu_hours` is 1"),
        ({"gpu_ids": ["0"], "gpu_hours": 1.0}, "the plan gave it 0"),
    ],
)
def test_what_cannot_all_be_true_is_told(changes: dict[str, Any], words: str) -> None:
    assert words in said(replace(RECORD, **changes))


def test_a_folder_of_an_attempt_that_is_not_told_is_named() -> None:
    assert "attempts/1" in said(RECORD, 0, "1")


def test_hours_of_gpus_are_those_of_all_attempts() -> None:
    record = replace(TWICE, gpu_ids=["0"], gpu_hours=2.0)
    assert said(record, 1) == ""
    assert "`gpu_hours` is 0.5" in said(replace(record, gpu_hours=0.5), 1)
