"""Aggregate graded runs into the figures that people publish.

Give run groups (names, folders, or `latest`), grading reports in the published format, folders of such, or globs. All report
files together are one experiment: a file that holds the whole split is a seed, and a further report of a competition is its next
seed. Groups of one agent, model and profile continue each other's seeds; other groups are compared with the first.

examples:
  mlebench report runs/2026-03-01_aide
  mlebench report 'results/*_grading_report.json' --split low --split all --json
  mlebench report my-group --compare published --html report.html
  mlebench report new-group --compare old-group --markdown
  mlebench report plain-group obfuscated-group research-group --contamination
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import paths
from mlebench.cli.options import add_json, add_runs_dir, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.reports.document import Document
    from mlebench.reports.results import Experiment

PUBLISHED = "published"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="GROUP|REPORT.json", help="run groups, grading reports, folders or globs")
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
    parser.add_argument("--name", metavar="NAME", help="agent's name, where the reports do not tell")
    parser.add_argument("--models", metavar="NAMES", help="model names, where the reports do not tell")
    parser.add_argument("--hours", type=float, metavar="H", help="time limit of a run in hours, where the reports do not tell")
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
    from mlebench.reports.tables import to_csv, to_markdown
    from mlebench.reports.terminal import print_document

    document = _document(arguments)
    if arguments.html:
        from mlebench.reports.page import write_page

        write_page(document, arguments.html)
        tell(arguments, f"wrote {arguments.html}")
    if arguments.json:
        print_json(document.to_dict())
    elif arguments.csv:
        print(to_csv(document), end="")
    elif arguments.markdown:
        print(to_markdown(document), end="")
    else:
        print_document(document, details=arguments.details)
    return 0


def _contamination(arguments: argparse.Namespace) -> int:
    from mlebench.reports.contamination import familiarity
    from mlebench.reports.terminal import print_familiarity

    if arguments.csv or arguments.markdown or arguments.html or arguments.compare:
        raise UsageError("`--contamination` prints tables, or a document with --json; leave the other outputs out")
    found = familiarity([_renamed(entry, arguments) for entry in _load(arguments.sources, arguments)])
    if arguments.json:
        print_json({"contamination": [entry.to_dict() for entry in found]})
    else:
        print_familiarity(found)
    return 0


def _document(arguments: argparse.Namespace) -> Document:
    from mlebench.reports.document import make_document
    from mlebench.reports.published_results import published_results
    from mlebench.reports.selection import Catalog, select

    main, *rest = _load(arguments.sources, arguments)
    main = _renamed(main, arguments)
    for other in arguments.compare:
        if other != PUBLISHED:
            rest += _load([other], arguments)
    selections = select(arguments.split, arguments.competition_id, Catalog(main.edition))
    published = published_results() if PUBLISHED in arguments.compare else []
    return make_document([main, *rest], selections, pad_missing=arguments.pad_missing, published=published)


def _load(sources: list[str], arguments: argparse.Namespace) -> list[Experiment]:
    from mlebench.reports.places import load_experiments

    return load_experiments(sources, paths.runs_dir(arguments.runs_dir))


def _renamed(experiment: Experiment, arguments: argparse.Namespace) -> Experiment:
    given = {"agent": arguments.name, "models": arguments.models, "hours": arguments.hours}
    changes = {key: value for key, value in given.items() if value is not None}
    return replace(experiment, conditions=replace(experiment.conditions, **changes))
