"""mlebench: measure how well AI agents do machine-learning engineering.

    import mlebench

    wine = mlebench.prepare("demo-wine")
    [group] = mlebench.run(agents="dummy", competitions=["demo-wine"], sandbox="plain")
    print(group.to_frame()[["competition", "seed", "state", "score"]])

Competitions and data
    list_competitions   the competitions of a split
    prepare             get and prepare the data of a competition
    make_mock           generate a small mock download with the real schema
    status              which data is prepared
    audit               look for leaked answers in prepared data
    Registry, Competition
                        competitions by id, with one data directory and edition

Submissions
    grade_csv           grade one submission
    grade_many          grade many in separate processes
    grade_jsonl         grade those that a file lists
    validate_submission check one without scoring it
    aggregate_reports   totals over reports
    Environment         a competition as an environment for training

Runs
    preview_run         what a run would do, and what is missing
    run                 run agents, or resume a group
    load_group, list_groups
                        run groups with the records of their runs
    grade_group         grade the submissions of a group again
    report              figures, tables and a page about runs
    review              check runs for broken rules and copied code
    bundle, verify      pack groups into one file; check such a file
    export_atif, export_harbor
                        write runs or competitions in the formats of other tools

Errors
    MlebenchError       base of all that the functions raise, apart from TypeError and ValueError for wrong arguments
    UsageError          wrong usage or a missing precondition
    WorkFailed          the work was tried and failed

`help(mlebench.run)` describes a function. A name is imported when it is first used. `mlebench.registry` is a package; its
`registry` holds the competitions in the default data directory.
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
    from mlebench._support.steps import Step as Step
    from mlebench.errors import GroupStopped as GroupStopped
    from mlebench.errors import Interrupted as Interrupted
    from mlebench.errors import MlebenchError as MlebenchError
    from mlebench.errors import NotPrepared as NotPrepared
    from mlebench.errors import UsageError as UsageError
    from mlebench.errors import WorkFailed as WorkFailed
    from mlebench.evidence.bundle import Made
    from mlebench.evidence.calls import bundle as bundle
    from mlebench.evidence.calls import review as review
    from mlebench.evidence.calls import verify as verify
    from mlebench.evidence.review.outcome import Review as Review
    from mlebench.evidence.verdict import Verdict as Verdict
    from mlebench.exports.calls import export_atif as export_atif
    from mlebench.exports.calls import export_harbor as export_harbor
    from mlebench.exports.environment import Environment as Environment
    from mlebench.grade.lists import grade_jsonl as grade_jsonl
    from mlebench.grade.many import grade_many as grade_many
    from mlebench.grade.one import grade_csv as grade_csv
    from mlebench.grade.one import validate_submission as validate_submission
    from mlebench.preparation.audit.audit import Audit as Audit
    from mlebench.preparation.calls import audit as audit
    from mlebench.preparation.calls import make_mock as make_mock
    from mlebench.preparation.calls import prepare as prepare
    from mlebench.preparation.status import DataStatus as DataStatus
    from mlebench.preparation.status import status as status
    from mlebench.registry.catalogue import Registry as Registry
    from mlebench.registry.competition import Competition as Competition
    from mlebench.registry.selection import list_competitions as list_competitions
    from mlebench.reports.report import Report as Report
    from mlebench.reports.report import report as report
    from mlebench.runs.calls import grade_group as grade_group
    from mlebench.runs.calls import list_groups as list_groups
    from mlebench.runs.calls import load_group as load_group
    from mlebench.runs.choices import Choices as Choices
    from mlebench.runs.experiment import Experiment as Experiment
    from mlebench.runs.group_report import GroupResult as GroupResult
    from mlebench.runs.plan import Plan as Plan
    from mlebench.runs.record import RunRecord as RunRecord
    from mlebench.runs.schedule.overview import Display as Display
    from mlebench.runs.schedule.overview import Silent as Silent
    from mlebench.runs.schedule.preview import Preview as Preview
    from mlebench.runs.start import preview_run as preview_run
    from mlebench.runs.start import run as run

    Bundle = Made

_HOMES = {
    "AggregateReport": "grading.report:AggregateReport",
    "Audit": "mlebench.preparation.audit.audit:Audit",
    "Bundle": "mlebench.evidence.bundle:Made",
    "Choices": "mlebench.runs.choices:Choices",
    "Competition": "mlebench.registry.competition:Competition",
    "CompetitionReport": "grading.report:CompetitionReport",
    "DataStatus": "mlebench.preparation.status:DataStatus",
    "Display": "mlebench.runs.schedule.overview:Display",
    "Environment": "mlebench.exports.environment:Environment",
    "Experiment": "mlebench.runs.experiment:Experiment",
    "GroupResult": "mlebench.runs.group_report:GroupResult",
    "GroupStopped": "mlebench.errors:GroupStopped",
    "Interrupted": "mlebench.errors:Interrupted",
    "InvalidSubmission": "grading.submission:InvalidSubmission",
    "MlebenchError": "mlebench.errors:MlebenchError",
    "NotPrepared": "mlebench.errors:NotPrepared",
    "Plan": "mlebench.runs.plan:Plan",
    "Preview": "mlebench.runs.schedule.preview:Preview",
    "Registry": "mlebench.registry.catalogue:Registry",
    "Report": "mlebench.reports.report:Report",
    "Review": "mlebench.evidence.review.outcome:Review",
    "RunRecord": "mlebench.runs.record:RunRecord",
    "Silent": "mlebench.runs.schedule.overview:Silent",
    "Step": "mlebench._support.steps:Step",
    "UsageError": "mlebench.errors:UsageError",
    "Verdict": "mlebench.evidence.verdict:Verdict",
    "WorkFailed": "mlebench.errors:WorkFailed",
    "aggregate_reports": "grading.report:aggregate_reports",
    "audit": "mlebench.preparation.calls:audit",
    "bundle": "mlebench.evidence.calls:bundle",
    "export_atif": "mlebench.exports.calls:export_atif",
    "export_harbor": "mlebench.exports.calls:export_harbor",
    "grade_csv": "mlebench.grade.one:grade_csv",
    "grade_group": "mlebench.runs.calls:grade_group",
    "grade_jsonl": "mlebench.grade.lists:grade_jsonl",
    "grade_many": "mlebench.grade.many:grade_many",
    "list_competitions": "mlebench.registry.selection:list_competitions",
    "list_groups": "mlebench.runs.calls:list_groups",
    "load_group": "mlebench.runs.calls:load_group",
    "make_mock": "mlebench.preparation.calls:make_mock",
    "prepare": "mlebench.preparation.calls:prepare",
    "preview_run": "mlebench.runs.start:preview_run",
    "registry": "mlebench.registry",
    "report": "mlebench.reports.report:report",
    "review": "mlebench.evidence.calls:review",
    "run": "mlebench.runs.start:run",
    "status": "mlebench.preparation.status:status",
    "validate_submission": "mlebench.grade.one:validate_submission",
    "verify": "mlebench.evidence.calls:verify",
}

__all__ = ["__version__", *_HOMES]
__getattr__, __dir__ = hand_on(__name__, _HOMES, quiet=("mlebench", "grading"))
