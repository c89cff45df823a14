"""Grading: what a submission must look like, what it scores and which medal that earns. Independent of the harness.

A grader is one expression:

    grader = Grader(id="PassengerId", columns={"Transported": Boolean()}, metric=accuracy)

Metrics are pure functions in `grading.metrics`. Names are imported lazily, on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grading.columns import Boolean as Boolean
    from grading.columns import Column as Column
    from grading.columns import Integer as Integer
    from grading.columns import IntegerList as IntegerList
    from grading.columns import Label as Label
    from grading.columns import Probability as Probability
    from grading.columns import Real as Real
    from grading.columns import RunLengths as RunLengths
    from grading.columns import Text as Text
    from grading.columns import refuse as refuse
    from grading.grader import EditionGraders as EditionGraders
    from grading.grader import Grader as Grader
    from grading.grader import per_edition as per_edition
    from grading.medals import Board as Board
    from grading.medals import Thresholds as Thresholds
    from grading.report import AggregateReport as AggregateReport
    from grading.report import CompetitionReport as CompetitionReport
    from grading.report import aggregate_reports as aggregate_reports
    from grading.submission import InvalidSubmission as InvalidSubmission

_HOMES = {
    "AggregateReport": "grading.report",
    "Board": "grading.medals",
    "Boolean": "grading.columns",
    "Column": "grading.columns",
    "CompetitionReport": "grading.report",
    "EditionGraders": "grading.grader",
    "Grader": "grading.grader",
    "Integer": "grading.columns",
    "IntegerList": "grading.columns",
    "InvalidSubmission": "grading.submission",
    "Label": "grading.columns",
    "Probability": "grading.columns",
    "Real": "grading.columns",
    "RunLengths": "grading.columns",
    "Text": "grading.columns",
    "Thresholds": "grading.medals",
    "aggregate_reports": "grading.report",
    "per_edition": "grading.grader",
    "refuse": "grading.columns",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
