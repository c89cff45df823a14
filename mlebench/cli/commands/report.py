"""Aggregate graded runs into the figures that people publish.

Sources are run groups (names, folders or `latest`), bundles, grading reports in the published format, folders and globs. All
report files together are the results of one agent: a file that covers the whole split is one seed, and a second report of a
competition is its next seed. Groups under equal conditions add up their seeds. Groups that differ in agent, arguments,
limits, sandbox or another condition are never averaged: they are compared with the first, and the report lists the
differences.

examples:
  mlebench report latest
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
    what = parser.add_argument_group("what to report")
    what.add_argument("--split", action="append", default=[], metavar="S",
                      help="a split as in `mlebench list`, or a file with one id per line (repeatable)")  # fmt: skip
    what.add_argument("-c", "--competition-id", action="append", default=[], metavar="ID",
                      help="a competition (repeatable)")  # fmt: skip
    what.add_argument("--pad-missing", action="store_true", help="count missing reports as failures, and note it")
    what.add_argument("--compare", action="append", default=[], metavar="OTHER",
                      help="another group or report, or `published` (repeatable)")  # fmt: skip
    what.add_argument("--contamination", action="store_true",
                      help="compare scores on Kaggle competitions, their obfuscated twins and the research suite")  # fmt: skip
    facts = parser.add_argument_group("facts that reports may lack")
    facts.add_argument("--name", metavar="NAME", help="name of the agent")
    facts.add_argument("--models", metavar="NAMES", help="names of the models")
    facts.add_argument("--hours", type=_hours, metavar="H", help="time limit of a run in hours")
    output = parser.add_argument_group("output")
    output.add_argument("--details", action="store_true", help="list every competition, however many")
    output.add_argument("--html", type=Path, metavar="FILE", help="write a self-contained page")
    formats = output.add_mutually_exclusive_group()
    formats.add_argument("--csv", action="store_true", help="print one csv row per run")
    formats.add_argument("--markdown", action="store_true", help="print a leaderboard row in Markdown")
    add_json(formats)
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
        # these outputs do not show notes
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
        raise argparse.ArgumentTypeError(f"is {text}, expected hours such as 24 or 0.5")
    return hours


def _contamination(arguments: argparse.Namespace) -> int:
    from mlebench.reports.contamination import familiarity
    from mlebench.reports.places import load_results
    from mlebench.reports.terminal import print_familiarity

    if arguments.csv or arguments.markdown or arguments.html or arguments.compare:
        raise UsageError("`--contamination` prints tables, or JSON with `--json`; remove the other output options")
    results = load_results(arguments.sources, paths.runs_dir(arguments.runs_dir))
    found = familiarity([entry.filled_in(arguments.name, arguments.models, arguments.hours) for entry in results])
    for note in dict.fromkeys(note for entry in results for note in entry.notes):
        tell(arguments, f"note: {note}")
    if arguments.json:
        print_json({"contamination": [entry.to_dict() for entry in found]})
    else:
        print_familiarity(found)
    return 0
