"""Make run groups of the results of other harnesses, so that reports and boards can hold them.

What the source does not tell stays unknown, so imported runs are never averaged with runs of this harness. Their results are
those that their harness stated; `--regrade` grades the submissions that came with them on data that is prepared here.

Exit code 0: all was imported; 1: a run was left out, or graded here its result differs; 2: wrong usage, and nothing was made.

examples:
  mlebench import harbor-job jobs/2026-11-01__10-00-00
  mlebench import harbor-job jobs/nightly --regrade --name nightly-harbor
  mlebench import inspect-log logs/*.eval
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench.cli.options import add_data, add_jobs, add_json, add_runs_dir, add_volume, registry_of, tell
from mlebench.cli.output import print_json

if TYPE_CHECKING:
    from mlebench.exports.imported.found import Found
    from mlebench.exports.imported.groups import Made, Outcome

_SOURCES = {
    "harbor-job": ("DIR", "folders of Harbor jobs, as `harbor run` writes them"),
    "inspect-log": ("FILE", "logs of Inspect, *.eval or *.json"),
}
"""What can be imported: how it is named, and what it is."""


def configure(parser: argparse.ArgumentParser) -> None:
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    for name, (metavar, summary) in _SOURCES.items():
        single = sources.add_parser(
            name,
            help=summary,
            description=__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        single.add_argument("paths", nargs="+", type=Path, metavar=metavar, help=summary)
        single.add_argument("--name", metavar="NAME", help="of the group (default: the source's); imports runs once more, too")
        single.add_argument("--regrade", action="store_true", help="grade the submissions that are at hand")
        add_jobs(single, "processes that grade")
        add_data(single)
        add_runs_dir(single)
        add_json(single)
        # as they are left out unless they are given, those before the source stay
        add_volume(single, argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.exports.imported.groups import Options, import_runs

    read = _reader(arguments.source)
    options = Options(
        runs_dir=paths.runs_dir(arguments.runs_dir),
        registry=registry_of(arguments),
        name=arguments.name,
        regrade=arguments.regrade,
        jobs=arguments.jobs,
    )
    outcome = import_runs([read(path.expanduser()) for path in dict.fromkeys(arguments.paths)], options)
    differences = [sentence for made in outcome.made for sentence in made.differences]
    for sentence in (*outcome.problems, *differences):
        print(f"mlebench import: {sentence}", file=sys.stderr)
    if arguments.json:
        print_json(_document(outcome))
    else:
        for made in outcome.made:
            for note in made.notes:
                tell(arguments, note)
            print(_line(made))
    return 1 if outcome.problems or differences else 0


def _reader(source: str) -> Callable[[Path], Found]:
    if source == "harbor-job":
        from mlebench.exports.imported.harbor_job import read_harbor_job

        return read_harbor_job
    from mlebench.exports.imported.inspect_log import read_inspect_log

    return read_inspect_log


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "groups": [
            {
                "group": made.group.name,
                "folder": str(made.group.folder),
                "agent": made.group.plan.agent.id,
                "runs": len(made.group.plan.runs),
                "results": made.results,
                "graded_here": made.graded,
                "notes": list(made.notes),
                "differences": list(made.differences),
            }
            for made in outcome.made
        ],
        "problems": list(outcome.problems),
    }


def _line(made: Made) -> str:
    from grading.wording import counted

    group = made.group
    counts = f"{counted(len(group.plan.runs), 'run')} of {group.plan.agent.id}, {made.results} with a result"
    graded = f", {made.graded} of them graded here" if made.graded else ""
    return f"{group.folder}: {counts}{graded}"
