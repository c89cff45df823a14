"""Grade a submission, a JSON-lines list of submissions, or a run group.

examples:
  mlebench grade submission.csv -c spaceship-titanic
  mlebench grade submissions.jsonl -o reports
  mlebench grade runs/2026-01-31-aide --edition v2 --jobs 4
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data, add_json, registry_of
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from grading import AggregateReport, CompetitionReport
    from mlebench.registry import Registry


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="SUBMISSION.csv, SUBMISSIONS.jsonl or a run group's folder")
    parser.add_argument("--submission", metavar="FILE", help="the same as SOURCE")
    parser.add_argument("-c", "--competition-id", metavar="ID", help="the competition of a single submission")
    parser.add_argument("-o", "--output-dir", metavar="DIR", help="where `<timestamp>_grading_report.json` is written")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes for many submissions (default: 1)")
    parser.add_argument("--thresholds", choices=("published", "live"), default="published",
                        help="medal thresholds: published in 2024, or of the refreshed leaderboard")  # fmt: skip
    add_data(parser)
    # a run group is graded in its own edition unless another is asked for
    parser.set_defaults(edition=None)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    source = Path(_source(arguments))
    if arguments.competition_id:
        return _grade_one(source, arguments)
    aggregate = _grade_many(source, arguments)
    if arguments.json:
        print_json(aggregate.to_dict())
    else:
        _show(aggregate.competition_reports, registry_of(arguments) if arguments.thresholds == "live" else None)
    return 1 if any(report.error_kind == "grader_error" for report in aggregate.competition_reports) else 0


def _source(arguments: argparse.Namespace) -> str:
    given = [value for value in (arguments.source, arguments.submission) if value]
    if len(given) != 1:
        raise UsageError("name one thing to grade: `mlebench grade SUBMISSION.csv -c ID`, a .jsonl file or a run group")
    return str(given[0])


def _grade_one(source: Path, arguments: argparse.Namespace) -> int:
    from grading import aggregate_reports
    from mlebench.grade import grade_csv, save_report

    competition = registry_of(arguments).get_competition(arguments.competition_id)
    report = grade_csv(source, competition, live_thresholds=arguments.thresholds == "live")
    if arguments.output_dir:
        save_report(aggregate_reports([report]), Path(arguments.output_dir))
    if arguments.json:
        print_json(report.to_dict())
    else:
        _show([report], registry_of(arguments) if arguments.thresholds == "live" else None)
    return 0 if report.valid_submission else 1


def _grade_many(source: Path, arguments: argparse.Namespace) -> AggregateReport:
    if source.is_dir():
        from mlebench.reports.regrade import regrade_group

        return regrade_group(
            source,
            edition=arguments.edition,
            split_key=arguments.split_key or os.environ.get("MLEBENCH_SPLIT_KEY"),
            data_dir=arguments.data_dir,
            jobs=arguments.jobs,
            output_dir=arguments.output_dir,
            live_thresholds=arguments.thresholds == "live",
        )
    if source.suffix == ".csv":
        raise UsageError(f"which competition is {source} for? `mlebench grade {source} -c ID`")
    from mlebench.grade import grade_jsonl

    return grade_jsonl(
        source,
        arguments.output_dir or ".",
        registry_of(arguments),
        jobs=arguments.jobs,
        live_thresholds=arguments.thresholds == "live",
    )


def _show(reports: Sequence[CompetitionReport], published: Registry | None = None) -> None:
    """Print reports; with `published`, those made with live thresholds beside the medal by the published ones."""
    columns = ["competition", "score", "medal", "above median", "problem"]
    rows: list[list[object]] = [
        [report.competition_id, report.score, medal_of(report), "yes" if report.above_median else "no", report.error or ""]
        for report in reports
    ]
    if any(report.leaderboard_size for report in reports):
        columns[-1:-1] = ["rank", "of", "percentile"]
        for row, report in zip(rows, reports, strict=True):
            row[-1:-1] = [report.rank, report.leaderboard_size, report.percentile]
    if published is not None:
        columns.append("by the published thresholds")
        for row, report in zip(rows, reports, strict=True):
            row.append(_published_medal(report, published))
    print_table(columns, rows)


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


def medal_of(report: CompetitionReport) -> str:
    """The medal of a report in a word."""
    medals = {"gold": report.gold_medal, "silver": report.silver_medal, "bronze": report.bronze_medal}
    return next((name for name, earned in medals.items() if earned), "none")
