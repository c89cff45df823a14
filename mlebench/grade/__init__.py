"""Grading submissions: one csv, a list of them, or just a check. A name is imported when it is first used."""

from typing import TYPE_CHECKING

from mlebench._support.lazy import hand_on

if TYPE_CHECKING:
    from grading.report import aggregate_reports as aggregate_reports
    from mlebench.grade.lists import grade_jsonl as grade_jsonl
    from mlebench.grade.lists import read_jsonl as read_jsonl
    from mlebench.grade.lists import save_report as save_report
    from mlebench.grade.one import grade_csv as grade_csv
    from mlebench.grade.one import read_answers as read_answers
    from mlebench.grade.one import validate_submission as validate_submission

_HOMES = {
    "aggregate_reports": "grading.report:aggregate_reports",
    "grade_csv": "mlebench.grade.one:grade_csv",
    "grade_jsonl": "mlebench.grade.lists:grade_jsonl",
    "read_answers": "mlebench.grade.one:read_answers",
    "read_jsonl": "mlebench.grade.lists:read_jsonl",
    "save_report": "mlebench.grade.lists:save_report",
    "validate_submission": "mlebench.grade.one:validate_submission",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = hand_on(__name__, _HOMES)
