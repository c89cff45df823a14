"""Import results of other harnesses as run groups, for reports and boards.

Facts that the source does not record stay unknown, so imported runs are never averaged with runs of this harness.

examples:
  mlebench import harbor-job jobs/2026-11-01__10-00-00
  mlebench import inspect-log logs/run.eval
  mlebench import mle-bench-runs ~/mle-bench/runs/2024-10-09T12-00-00-UTC_run-group_aide --regrade
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench._support.steps import Step
from mlebench.cli.options import add_data, add_jobs, add_json, add_runs_dir, registry_of, tell
from mlebench.cli.output import print_json
from mlebench.cli.parsing import add_actions
from mlebench.cli.progress import Progress

if TYPE_CHECKING:
    from mlebench.exports.imported.found import Found
    from mlebench.exports.imported.groups import Made, Outcome

_REST = """

Results are those that the source states; `--regrade` grades the submissions in it on data prepared here.

Exit code 0 if everything was imported; 1 if a run was skipped or a regraded result differs; 2 for wrong usage.
"""
_SOURCES = {
    "harbor-job": (
        "DIR",
        "folders of Harbor jobs",
        f"""Import Harbor jobs, as `harbor run` writes them.{_REST}
examples:
  mlebench import harbor-job jobs/2026-11-01__10-00-00
  mlebench import harbor-job jobs/nightly --regrade --name nightly-harbor
""",
    ),
    "inspect-log": (
        "FILE",
        "log files, *.eval or *.json",
        f"""Import logs of Inspect evaluations.{_REST}
examples:
  mlebench import inspect-log logs/run.eval
  mlebench import inspect-log logs/*.eval --regrade
""",
    ),
    "mle-bench-runs": (
        "DIR",
        "run groups of MLE-bench, folders with metadata.json",
        f"""Import run groups of MLE-bench: folders with metadata.json, the runs' folders and grading reports.{_REST}
examples:
  mlebench import mle-bench-runs ~/mle-bench/runs/2024-10-09T12-00-00-UTC_run-group_aide
  mlebench import mle-bench-runs ~/mle-bench/runs/2024-10-09T12-00-00-UTC_run-group_aide --regrade
""",
    ),
}
"""What can be imported: its metavar, what that is, and the help text."""


def configure(parser: argparse.ArgumentParser) -> None:
    sources = {name: (text, partial(_configure, metavar, what)) for name, (metavar, what, text) in _SOURCES.items()}
    add_actions(parser, sources, dest="source", metavar="SOURCE")


def _configure(metavar: str, what: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar=metavar, help=what)
    parser.add_argument("--name", metavar="NAME", help="name of the group (default: that of the source)")
    parser.add_argument("--regrade", action="store_true", help="grade the submissions again on data prepared here")
    add_jobs(parser, "processes that grade")
    add_data(parser)
    add_runs_dir(parser)
    add_json(parser)


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
    with Progress(quiet=arguments.quiet) as progress:
        sources = []
        for path in dict.fromkeys(arguments.paths):
            progress(Step(path.name, "reading"))
            sources.append(read(path.expanduser()))
            progress(Step(path.name, ""))
        outcome = import_runs(sources, options, progress)
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
        folders = [made.group.folder for made in outcome.made]
        tell(arguments, f"next: {command('report', *folders)} shows the results")
    return 1 if outcome.problems or differences else 0


def _reader(source: str) -> Callable[[Path], Found]:
    if source == "harbor-job":
        from mlebench.exports.imported.harbor_job import read_harbor_job

        return read_harbor_job
    if source == "mle-bench-runs":
        from mlebench.exports.imported.mle_bench_runs import read_mle_bench_runs

        return read_mle_bench_runs
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
