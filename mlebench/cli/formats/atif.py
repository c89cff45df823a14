"""Write trajectories in ATIF (Agent Trajectory Interchange Format), one file per attempt at a run.

They are made from what the gateway to models wrote down, in the same way for every agent, and need the texts of calls
(`record: full` in the profile, the default); without them a trajectory holds what each call used. A running group is written
as far as it is.

examples:
  mlebench export atif latest
  mlebench export atif my-group other-group -o trajectories --run spaceship-titanic_seed0
  mlebench export atif results.mlebench.zip
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench.cli.options import add_json, add_runs_dir, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.exports.atif import Written


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("groups", nargs="+", metavar="GROUP|BUNDLE.zip", help="run groups (name, folder or `latest`) or bundles")
    parser.add_argument("-o", "--output", type=Path, default=Path("trajectories"), metavar="DIR",
                        help="the folder, in which each group gets one (default: trajectories)")  # fmt: skip
    parser.add_argument("--run", action="append", default=[], metavar="RUN", help="write this run alone (repeatable)")
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    written, problems, known = _write(arguments)
    if unknown := [name for name in arguments.run if name not in known]:
        raise UsageError(_no_run(unknown[0], known))
    for problem in problems:
        print(f"mlebench export: {problem}", file=sys.stderr)
    if not written and not problems:
        raise UsageError(
            "there is nothing to write: no run there has asked a model through the gateway; runs do on the network `models`, see "
            "`mlebench run --network models`"
        )
    if arguments.json:
        print_json({"files": [{**vars(one), "path": str(one.path)} for one in written], "problems": problems})
    else:
        for one in written:
            print(_line(one))
    return 1 if problems else 0


def _write(arguments: argparse.Namespace) -> tuple[list[Written], list[str], list[str]]:
    """The files that were written, what could not be read, and the runs that there are."""
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
                    raise UsageError(
                        f"two groups are called {attempt.group.name}, and a folder of trajectories is called as its group; write "
                        "each to a folder of its own with `-o`"
                    )
                folder = arguments.output.expanduser() / attempt.group.name
                folder.mkdir(parents=True, exist_ok=True)
                target = folder / f"{attempt.run.run_id}_attempt{attempt.number}.json"
                if (one := write_trajectory(attempt, target, problems.append)) is None:
                    tell(arguments, f"{attempt.name} asked no model through the gateway")
                else:
                    written.append(one)
    return written, problems, list(known)


def _no_run(name: str, known: Collection[str]) -> str:
    from mlebench._support.hints import alternatives

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f", did you mean {alternatives(near)}?" if near else ";"
    return f"no run there is called `{name}`{hint} `mlebench runs GROUP` lists them"


def _line(one: Written) -> str:
    from grading.wording import counted

    parts: list[Any] = [counted(one.calls, "call"), counted(one.steps, "step"), counted(one.conversations, "conversation")]
    return f"{one.path}: {', '.join(parts)}"
