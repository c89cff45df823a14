"""Export trajectories in ATIF (Agent Trajectory Interchange Format), one file per attempt at a run.

Trajectories are built from the gateway's records, in the same way for every agent. They contain texts if the profile records
them (`record: full`, the default), else only the usage of each call. A running group is exported up to now.

examples:
  mlebench export atif latest
  mlebench export atif my-group -o trajectories --run spaceship-titanic_seed0
  mlebench export atif results.mlebench.zip
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench._support.hints import command, unknown
from mlebench.cli.options import add_json, add_runs_dir, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.exports.atif import Written


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("groups", nargs="+", metavar="GROUP|BUNDLE.zip", help="run groups (name, folder or `latest`) or bundles")
    parser.add_argument("-o", "--output", type=Path, default=Path("trajectories"), metavar="DIR",
                        help="output folder, with a subfolder per group (default: trajectories)")  # fmt: skip
    parser.add_argument("--run", action="append", default=[], metavar="RUN", help="export only this run (repeatable)")
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    written, problems, known = _write(arguments)
    if wrong := [name for name in arguments.run if name not in known]:
        raise UsageError(unknown("run", wrong[0], known, listing=command("runs", "GROUP")))
    for problem in problems:
        print(f"mlebench export: {problem}", file=sys.stderr)
    if not written and not problems:
        raise UsageError(
            "nothing to export: no run used a model through the gateway; run agents with `mlebench run --network models`"
        )
    if arguments.json:
        print_json({"files": [{**vars(one), "path": str(one.path)} for one in written], "problems": problems})
    else:
        for one in written:
            print(_line(one))
    return 1 if problems else 0


def _write(arguments: argparse.Namespace) -> tuple[list[Written], list[str], list[str]]:
    """The written files, what could not be read, and the names of all runs."""
    from mlebench.evidence.conversations.attempts import Unreadable, attempts_in
    from mlebench.exports.atif import write_trajectory

    written: list[Written] = []
    problems: list[str] = []
    known: dict[str, None] = {}
    folders: dict[str, Path] = {}
    for source in arguments.groups:
        with attempts_in(source, paths.runs_dir(arguments.runs_dir), arguments.run) as (runs, attempts):
            known |= dict.fromkeys(runs)
            for attempt in attempts:
                if isinstance(attempt, Unreadable):
                    problems.append(attempt.sentence)
                    continue
                if folders.setdefault(attempt.group.name, attempt.group.folder) != attempt.group.folder:
                    raise UsageError(f"two groups have the name {attempt.group.name}; export each to its own folder with `-o`")
                folder = arguments.output.expanduser() / attempt.group.name
                folder.mkdir(parents=True, exist_ok=True)
                target = folder / f"{attempt.run.run_id}_attempt{attempt.number}.json"
                if (one := write_trajectory(attempt, target, problems.append)) is None:
                    tell(arguments, f"{attempt.name}: no model used through the gateway")
                else:
                    written.append(one)
    return written, problems, list(known)


def _line(one: Written) -> str:
    from grading.wording import counted

    parts: list[Any] = [counted(one.calls, "call"), counted(one.steps, "step"), counted(one.conversations, "conversation")]
    return f"{one.path}: {', '.join(parts)}"
