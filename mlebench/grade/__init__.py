"""Grading submissions: one csv, a list of them, or just a check."""

from grading.report import aggregate_reports
from mlebench.grade.lists import grade_jsonl, read_jsonl, save_report
from mlebench.grade.one import grade_csv, read_answers, validate_submission

__all__ = ["aggregate_reports", "grade_csv", "grade_jsonl", "read_answers", "read_jsonl", "save_report", "validate_submission"]
