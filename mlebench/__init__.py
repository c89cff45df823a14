"""mlebench: measure how well AI agents do machine-learning engineering.

    import mlebench

    competition = mlebench.Registry("data").get_competition("spaceship-titanic")
    report = mlebench.grade_csv("submission.csv", competition)

A name is imported from where it lives when it is first used. `mlebench.registry` is the package; its `registry` holds the
competitions in the default data directory.
"""

from typing import TYPE_CHECKING

from mlebench._support.lazy import hand_on
from mlebench._support.version import VERSION as __version__

if TYPE_CHECKING:
    from grading.report import AggregateReport as AggregateReport
    from grading.report import CompetitionReport as CompetitionReport
    from grading.report import aggregate_reports as aggregate_reports
    from grading.submission import InvalidSubmission as InvalidSubmission
    from mlebench import registry as registry
    from mlebench.errors import MlebenchError as MlebenchError
    from mlebench.errors import UsageError as UsageError
    from mlebench.errors import WorkFailed as WorkFailed
    from mlebench.grade.lists import grade_jsonl as grade_jsonl
    from mlebench.grade.one import grade_csv as grade_csv
    from mlebench.grade.one import validate_submission as validate_submission
    from mlebench.preparation.build import prepare as prepare
    from mlebench.registry.catalogue import Registry as Registry
    from mlebench.registry.competition import Competition as Competition
    from mlebench.reports.document import make_report
    from mlebench.runs.plan import Plan as Plan
    from mlebench.runs.start import run as run

    report = make_report


_HOMES = {
    "AggregateReport": "grading.report:AggregateReport",
    "Competition": "mlebench.registry.competition:Competition",
    "CompetitionReport": "grading.report:CompetitionReport",
    "InvalidSubmission": "grading.submission:InvalidSubmission",
    "MlebenchError": "mlebench.errors:MlebenchError",
    "Plan": "mlebench.runs.plan:Plan",
    "Registry": "mlebench.registry.catalogue:Registry",
    "UsageError": "mlebench.errors:UsageError",
    "WorkFailed": "mlebench.errors:WorkFailed",
    "aggregate_reports": "grading.report:aggregate_reports",
    "grade_csv": "mlebench.grade.one:grade_csv",
    "grade_jsonl": "mlebench.grade.lists:grade_jsonl",
    "prepare": "mlebench.preparation.build:prepare",
    "registry": "mlebench.registry",
    "report": "mlebench.reports.document:make_report",
    "run": "mlebench.runs.start:run",
    "validate_submission": "mlebench.grade.one:validate_submission",
}

__all__ = ["__version__", *_HOMES]
__getattr__, __dir__ = hand_on(__name__, _HOMES)
