"""Grade a submission, a JSON-lines file that lists submissions, or a run group.

Exit code 0 if everything was graded; 1 if a single submission is invalid or a grader failed.

examples:
  mlebench grade submission.csv -c spaceship-titanic
  mlebench grade submissions.jsonl -o reports
  mlebench grade latest --jobs 4
  mlebench grade runs/2026-01-31T09-30-00_aide --edition v2
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import near_file
from mlebench.cli.options import (
    add_competition,
    add_data_dir,
    add_edition,
    add_jobs,
    add_json,
    add_runs_dir,
    add_thresholds,
    again,
    registry_of,
    split_key_of,
)
from mlebench.cli.output import print_json, print_table
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from grading import AggregateReport, CompetitionReport
    from mlebench.registry import Registry

_FILES = (".csv", ".jsonl", ".json")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="SUBMISSION.csv, SUBMISSIONS.jsonl, or a run group: name, folder or `latest`",
    )
    parser.add_argument("--submission", metavar="FILE", help="same as SOURCE")
    add_competition(parser, "the competition of a single submission")
    parser.add_argument("-o", "--output-dir", metavar="DIR", help="folder for `<timestamp>_grading_report.json`")
    add_jobs(parser, "processes for many submissions")
    add_thresholds(parser)
    add_data_dir(parser)
    add_runs_dir(parser)
    add_edition(parser, default=None, usual="that of the run group, else v1")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    source = Path(_source(arguments))
    if arguments.competition_id:
        return _grade_one(source, arguments)
    with Progress(quiet=arguments.quiet) as progress:
        aggregate = _grade_many(source, arguments, progress)
    if arguments.json:
        print_json(aggregate.to_dict())
    else:
        _show(aggregate.competition_reports, registry_of(arguments) if arguments.thresholds == "live" else None)
    return 1 if any(report.error_kind == "grader_error" for report in aggregate.competition_reports) else 0


def _source(arguments: argparse.Namespace) -> str:
    given = [value for value in (arguments.source, arguments.submission) if value]
    if len(given) != 1:
        raise UsageError("give one source: `mlebench grade SUBMISSION.csv -c ID`, a .jsonl file or a run group")
    return str(given[0])


def _grade_one(source: Path, arguments: argparse.Namespace) -> int:
    from mlebench.grade.one import Submission
    from mlebench.grade.pool import GradingPool

    # import while the worker process starts
    with GradingPool(1) as pool:
        from grading.report import aggregate_reports
        from mlebench.grade.lists import save_report

        if not arguments.json:
            import rich.table  # noqa: F401
        competition = registry_of(arguments).get_competition(arguments.competition_id)
        report = pool.grade(Submission(competition.id, source), competition, live_thresholds=arguments.thresholds == "live")
    if arguments.output_dir:
        save_report(aggregate_reports([report]), Path(arguments.output_dir))
    if arguments.json:
        print_json(report.to_dict())
    elif not report.submission_exists:
        question = "" if source.exists() else near_file(source)
        print(f"mlebench grade: {report.error}{f'; {question}' if question else ''}", file=sys.stderr)
    else:
        _show([report], registry_of(arguments) if arguments.thresholds == "live" else None)
    return 0 if report.valid_submission else 1


def _grade_many(source: Path, arguments: argparse.Namespace, progress: Progress) -> AggregateReport:
    if source.is_dir() or (source.suffix not in _FILES and not source.exists()):
        from mlebench._support import paths
        from mlebench.runs.group import find_group
        from mlebench.runs.regrade import regrade_group

        return regrade_group(
            find_group(paths.runs_dir(arguments.runs_dir), str(source)).folder,
            edition=arguments.edition,
            split_key=split_key_of(arguments),
            data_dir=arguments.data_dir,
            jobs=arguments.jobs,
            output_dir=arguments.output_dir,
            live_thresholds=arguments.thresholds == "live",
            listener=progress,
        )
    if source.suffix == ".csv":
        raise UsageError(f"no competition given for {source}; run {again(arguments, '-c', 'ID')}")
    from mlebench.grade import grade_jsonl

    return grade_jsonl(
        source,
        arguments.output_dir or ".",
        registry_of(arguments),
        jobs=arguments.jobs,
        live_thresholds=arguments.thresholds == "live",
        listener=progress,
    )


def _show(reports: Sequence[CompetitionReport], published: Registry | None = None) -> None:
    """Print reports; with `published`, also the medal by the published thresholds."""
    columns = ["competition", "score", "medal", "above median", "problem"]
    rows: list[list[object]] = [
        [report.competition_id, report.score, _medal(report), "yes" if report.above_median else "no", report.error or ""]
        for report in reports
    ]
    if any(report.leaderboard_size for report in reports):
        columns[-1:-1] = ["rank", "of", "percentile"]
        for row, report in zip(rows, reports, strict=True):
            row[-1:-1] = [report.rank, report.leaderboard_size, report.percentile]
    if any(report.run_id for report in reports):
        columns.insert(0, "run")
        for row, report in zip(rows, reports, strict=True):
            row.insert(0, report.run_id)
    if published is not None:
        columns.append("published thresholds")
        for row, report in zip(rows, reports, strict=True):
            row.append(_published_medal(report, published))
    print_table(columns, rows)


def _medal(report: CompetitionReport) -> str:
    return "mock data" if report.data == "mock" else report.medal or "none"


def _published_medal(report: CompetitionReport, registry: Registry) -> str:
    """The medal by the published thresholds, and how far the live ones are from them."""
    competition = registry.set_edition("v2" if report.edition == "v2" else "v1").get_competition(report.competition_id)
    thresholds = competition.thresholds
    if thresholds is None or report.bronze_threshold is None:
        return ""
    moved = [
        f"{name} {getattr(report, f'{name}_threshold') - getattr(thresholds, name):+.5g}"
        for name in ("gold", "silver", "bronze", "median")
    ]
    return f"{thresholds.medal(report.score) or 'none'} (live thresholds differ: {', '.join(moved)})"
