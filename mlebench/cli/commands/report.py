"""Aggregate graded runs into the figures that people publish.

Give run groups (names, folders, or `latest`), bundles of such, grading reports in the published format, folders, or
globs. All report files together are the results of one agent: a file that holds the whole split is a seed, and a
further report of a competition is its next seed. Groups under equal conditions continue each other's seeds. Groups that
differ in agent, arguments, limits, sandbox or another condition are never averaged but compared with the first, and the
report names the parts in which they differ.

examples:
  mlebench report runs/2026-03-01_aide
  mlebench report 'results/*_grading_report.json' --split low --split all --json
  mlebench report my-group --compare published --html report.html
  mlebench report new-group --compare old-group --markdown
  mlebench report plain-group obfuscated-group research-group --contamination
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from mlebench._support import paths
from mlebench.cli.options import add_json, add_runs_dir, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="GROUP|BUNDLE.zip|REPORT.json",
                        help="run groups, bundles, grading reports, folders or globs")  # fmt: skip
    parser.add_argument("--split", action="append", default=[], metavar="S",
                        help="report on a split, as `mlebench list` takes it, or on the ids in a file (repeatable)")  # fmt: skip
    parser.add_argument("-c", "--competition-id", action="append", default=[], metavar="ID",
                        help="report on this competition (repeatable)")  # fmt: skip
    parser.add_argument("--pad-missing", action="store_true", help="count missing reports as failures, and say so")
    parser.add_argument(
        "--compare", action="append", default=[], metavar="OTHER", help="another group or report, or `published` (repeatable)"
    )
    parser.add_argument(
        "--contamination",
        action="store_true",
        help="compare an agent's scores on Kaggle competitions, on their obfuscated twins and on the research suite",
    )
    parser.add_argument("--name", metavar="NAME", help="agent's name, if the reports do not say")
    parser.add_argument("--models", metavar="NAMES", help="model names, if the reports do not say")
    parser.add_argument("--hours", type=_hours, metavar="H", help="time limit of a run in hours, if the reports do not say")
    parser.add_argument("--details", action="store_true", help="print every competition, however many")
    formats = parser.add_mutually_exclusive_group()
    add_json(formats)
    formats.add_argument("--csv", action="store_true", help="one csv row per run on stdout")
    formats.add_argument("--markdown", action="store_true", help="a leaderboard row in Markdown on stdout")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    add_runs_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.contamination:
        return _contamination(arguments)
    from mlebench.reports.document import make_report
    from mlebench.reports.tables import to_csv, to_markdown
    from mlebench.reports.terminal import print_document

    document = make_report(
        arguments.sources,
        splits=arguments.split,
        competition_ids=arguments.competition_id,
        compare_with=arguments.compare,
        pad_missing=arguments.pad_missing,
        agent=arguments.name,
        models=arguments.models,
        hours=arguments.hours,
        runs_dir=paths.runs_dir(arguments.runs_dir),
    )
    if arguments.html:
        from mlebench.reports.page import write_page

        write_page(document, arguments.html)
        tell(arguments, f"wrote {arguments.html}")
    if arguments.json or arguments.csv or arguments.markdown:
        # what these outputs do not show, or a program does not read
        for entry in document.entries:
            for note in entry.notes:
                tell(arguments, f"note: {note}")
    if arguments.json:
        print_json(document.to_dict())
    elif arguments.csv:
        print(to_csv(document), end="")
    elif arguments.markdown:
        print(to_markdown(document), end="")
    else:
        print_document(document, details=arguments.details)
    return 0


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        raise argparse.ArgumentTypeError(f"it is {text}, expected hours such as 24 or 0.5")
    return hours


def _contamination(arguments: argparse.Namespace) -> int:
    from mlebench.reports.contamination import familiarity
    from mlebench.reports.places import load_results
    from mlebench.reports.terminal import print_familiarity

    if arguments.csv or arguments.markdown or arguments.html or arguments.compare:
        raise UsageError("`--contamination` prints tables, or a document with --json; leave the other outputs out")
    results = load_results(arguments.sources, paths.runs_dir(arguments.runs_dir))
    found = familiarity([entry.filled_in(arguments.name, arguments.models, arguments.hours) for entry in results])
    for note in dict.fromkeys(note for entry in results for note in entry.notes):
        tell(arguments, f"note: {note}")
    if arguments.json:
        print_json({"contamination": [entry.to_dict() for entry in found]})
    else:
        print_familiarity(found)
    return 0
