"""Aggregate graded runs into the figures that people publish.

Give run groups (folders or names), grading reports in the published format, folders of such, or globs. All report files together
are one experiment: a file that holds the whole split is a seed, and a further report of a competition is its next seed. Groups of
one agent, model and profile continue each other's seeds; other groups are compared with the first.

examples:
  mlebench report runs/2026-03-01_aide
  mlebench report 'results/*_grading_report.json' --split low --split all --json
  mlebench report my-group --compare published --html report.html
  mlebench report new-group --compare old-group --markdown
  mlebench report plain-group obfuscated-group research-group --contamination
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlebench.reports.document import Document
    from mlebench.reports.experiment import Experiment

PUBLISHED = "published"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sources", nargs="+", metavar="GROUP|REPORT.json", help="run groups, grading reports, folders or globs")
    parser.add_argument(
        "--split",
        action="append",
        default=[],
        metavar="S",
        help="low, medium, high, all, dev, demo, or a file with ids; repeatable",
    )
    parser.add_argument("-c", "--competition", action="append", default=[], metavar="ID", help="report on these; repeatable")
    parser.add_argument("--pad-missing", action="store_true", help="count missing reports as failures, and say so")
    parser.add_argument(
        "--compare", action="append", default=[], metavar="OTHER", help="another group or report, or `published`; repeatable"
    )
    parser.add_argument(
        "--contamination",
        action="store_true",
        help="compare an agent's scores on Kaggle competitions, on their obfuscated twins and on the research suite",
    )
    parser.add_argument("--name", help="agent's name, where the reports do not tell")
    parser.add_argument("--models", help="model names, where the reports do not tell")
    parser.add_argument("--hours", type=float, help="time limit of a run in hours, where the reports do not tell")
    parser.add_argument("--details", action="store_true", help="print every competition, however many")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="one JSON document on stdout")
    formats.add_argument("--csv", action="store_true", help="one csv row per run on stdout")
    formats.add_argument("--markdown", action="store_true", help="a leaderboard row in Markdown on stdout")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")


def run(args: argparse.Namespace) -> int:
    """Print the report in the wanted form."""
    if args.contamination:
        return _contamination(args)
    from mlebench.reports.tables import to_csv, to_markdown
    from mlebench.reports.terminal import print_document

    document = _document(args)
    if args.html:
        from mlebench.reports.page import write_page

        write_page(document, args.html)
        print(f"wrote {args.html}", file=sys.stderr)
    if args.json:
        print(json.dumps(document.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    elif args.csv:
        print(to_csv(document), end="")
    elif args.markdown:
        print(to_markdown(document), end="")
    else:
        print_document(document, details=args.details)
    return 0


def _contamination(args: argparse.Namespace) -> int:
    from mlebench.errors import UsageError
    from mlebench.reports.contamination import familiarity, print_familiarity
    from mlebench.reports.sources import load_experiments

    if args.csv or args.markdown or args.html or args.compare:
        raise UsageError("`--contamination` prints tables, or a document with --json; leave the other outputs out")
    found = familiarity([_renamed(entry, args) for entry in load_experiments(args.sources)])
    if args.json:
        print(json.dumps({"contamination": [entry.to_dict() for entry in found]}, indent=2, ensure_ascii=False))
    else:
        print_familiarity(found)
    return 0


def _document(args: argparse.Namespace) -> Document:
    from mlebench.reports.document import make_document
    from mlebench.reports.published import published_results
    from mlebench.reports.selection import Catalog, select
    from mlebench.reports.sources import load_experiments

    main, *rest = load_experiments(args.sources)
    main = _renamed(main, args)
    for other in args.compare:
        if other != PUBLISHED:
            rest += load_experiments([other])
    selections = select(args.split, args.competition, Catalog(main.edition))
    published = published_results() if PUBLISHED in args.compare else []
    return make_document([main, *rest], selections, pad_missing=args.pad_missing, published=published)


def _renamed(experiment: Experiment, args: argparse.Namespace) -> Experiment:
    given = {"agent": args.name, "models": args.models, "hours": args.hours}
    changes = {key: value for key, value in given.items() if value is not None}
    return replace(experiment, conditions=replace(experiment.conditions, **changes))
