"""Grading: what a submission must look like, what it scores and which medal that earns. Knows nothing of the harness.

A grader is one expression:

    grader = Grader(id="PassengerId", columns={"Transported": Boolean()}, metric=accuracy)

Metrics are pure functions in `grading.metrics`.
"""

from grading.columns import Boolean, Column, Integer, IntegerList, Label, Probability, Real, RunLengths, Text, refuse
from grading.grader import EditionGraders, Grader, per_edition
from grading.medals import Board, Thresholds
from grading.report import AggregateReport, CompetitionReport, aggregate_reports
from grading.submission import InvalidSubmission

__all__ = [
    "AggregateReport",
    "Board",
    "Boolean",
    "Column",
    "CompetitionReport",
    "EditionGraders",
    "Grader",
    "Integer",
    "IntegerList",
    "InvalidSubmission",
    "Label",
    "Probability",
    "Real",
    "RunLengths",
    "Text",
    "Thresholds",
    "aggregate_reports",
    "per_edition",
    "refuse",
]
