"""Check a competition folder and list what is left to do.

The folder's code runs on mocks of two sizes, in both editions and in separate processes, with its data in a temporary folder. The
checks cover the contract of prepare.py, grade.py and mock.py, the task texts against the files, thresholds and leaderboard,
leaked answers (as `mlebench audit`), and a run of the baseline agent. Data of yours in the data directory is checked, too.

The list has faults, which must be fixed, guesses (lines marked `# guessed:`), which are to be confirmed, and notes.

Exit code 0 if there is no fault, 1 if there is one, 2 for wrong usage.

examples:
  mlebench check ~/competitions/my-competition
  mlebench check my-competition --quick --no-run
  mlebench check my-competition --edition v2 --jobs 2 --json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data_dir, add_edition, add_jobs, add_json, again, registry_of, split_key_of, tell
from mlebench.cli.output import print_json, print_wrapped
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.scaffold.check.check import Checked

_TITLES = {"fault": "to fix", "guess": "to confirm", "note": "to look at"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="the competition's folder, or the id of one that `mlebench list` lists")
    parser.add_argument(
        "--quick", action="store_true", help="use one small mock, and skip checks that read pixels and audio samples"
    )
    parser.add_argument("--no-run", action="store_true", help="skip the run of the baseline")
    add_jobs(parser, "processes at a time")
    add_data_dir(parser)
    add_edition(parser, default=None, usual="both")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    from mlebench.registry.facts import FACTS_FILE
    from mlebench.scaffold.check.check import CheckOptions, check

    if arguments.edition == "v2" and not (folder / FACTS_FILE).exists():
        raise UsageError(f"{folder} is written for the published harness and has only edition v1; leave out `--edition`")
    options = CheckOptions(
        edition=arguments.edition,
        quick=arguments.quick,
        run=not arguments.no_run,
        jobs=arguments.jobs,
        data_dir=registry_of(arguments).data_dir,
        split_key=split_key_of(arguments),
    )
    with Progress(quiet=arguments.quiet) as progress:
        checked = check(folder, options, progress)
    if arguments.json:
        print_json(checked.to_dict())
    else:
        _show(checked)
        if not checked.ok:
            tell(arguments, f"next: {again(arguments)} checks again")
    return 0 if checked.ok else 1


def _folder(arguments: argparse.Namespace) -> Path:
    """The folder of a path, or of an id.

    Raises:
        UsageError: there is no such folder, or it is none of a competition.
    """
    from mlebench._support import paths
    from mlebench._support.hints import near_file
    from mlebench.registry.facts import FACTS_FILE, PUBLISHED_FILE

    def is_one(folder: Path) -> bool:
        return (folder / FACTS_FILE).exists() or (folder / PUBLISHED_FILE).exists()

    word = str(arguments.folder)
    given = Path(word).expanduser().absolute()
    is_name = Path(word).name == word
    homes = paths.content_dirs("competitions") if is_name else []
    candidates: list[Path] = [given, *(home / word for home in homes)]
    if (found := next((folder for folder in candidates if is_one(folder)), None)) is not None:
        return found.resolve()
    if given.is_dir():
        raise UsageError(
            f"{given} has no {FACTS_FILE}; give a competition's folder, or create one with `mlebench new-competition NAME`"
        )
    if is_name:
        # says which ids are near
        folder: Path = registry_of(arguments).get_competition(word).folder
        return folder.resolve()
    question = near_file(given)
    raise UsageError(f"{given} does not exist{f'; {question}' if question else '; give the folder of a competition, or its id'}")


def _show(checked: Checked) -> None:
    from grading.wording import counted

    faulty = sum(not done.ok for done in checked.checks)
    print(f"{checked.competition}: {counted(len(checked.checks), 'check')}, {faulty} with faults")
    for kind, title in _TITLES.items():
        todo = [todo for todo in checked.todo if todo.kind == kind]
        if not todo:
            continue
        print(f"{title}:")
        for entry in todo:
            print_wrapped(f"{entry.place + '  ' if entry.place else ''}{entry.what}; {entry.fix}", 2)
    counts = {kind: sum(todo.kind == kind for todo in checked.todo) for kind in _TITLES}
    if not checked.todo:
        print("nothing to do")
    else:
        words = [f"{counted(counts['fault'], 'fault')} to fix" if counts["fault"] else "nothing to fix"]
        words += [f"{counted(counts['guess'], 'guessed line')} to confirm"] if counts["guess"] else []
        words += [counted(counts["note"], "note")] if counts["note"] else []
        print(", ".join(words))
