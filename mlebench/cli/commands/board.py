"""Build a leaderboard as a static site from bundles. Only results that verify get a row.

The command verifies every `*.zip` in FOLDER and its subfolders. Bundles that fail a level or the rules are listed below the
rows, with the reason. The rules `standard` require level 5 (scores): use `--regrade` on prepared data, or other rules.

examples:
  mlebench board bundles/ -o site/ --regrade --allowed-signers allowed_signers
  mlebench board bundles/ -o site/ --rules none --name 'Our results'
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import quoted
from mlebench._support.steps import Step
from mlebench.cli.options import add_data_dir, add_jobs, add_json, add_split_key, split_key_of, tell
from mlebench.cli.output import print_json
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.evidence.verdict import Verdict

_NO_RULES = "none"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with the bundles")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SITE", help="folder of the site")
    parser.add_argument("--name", default="Leaderboard", metavar="TITLE", help="title of the page (default: Leaderboard)")
    parser.add_argument("--rules", default="standard", metavar="RULES",
                        help="rules for a row: `standard` (default), `lite`, FILE.yaml, or `none`")  # fmt: skip
    parser.add_argument("--allowed-signers", type=Path, metavar="F",
                        help="trusted signers, in OpenSSH's allowed_signers format")  # fmt: skip
    parser.add_argument("--regrade", action="store_true", help="grade the submissions again on data prepared here")
    add_split_key(parser, "secret key of the data")
    add_jobs(parser, "processes that grade")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bundle gets no row")
    add_data_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from grading.wording import counted
    from mlebench.evidence.rules import rules_of
    from mlebench.evidence.verify import VerifyOptions, verify_bundle
    from mlebench.reports.board import make_board
    from mlebench.reports.board_site import write_site

    if not arguments.folder.is_dir():
        raise UsageError(f"there is no folder {arguments.folder}; name the one that holds the bundles")
    rules = None if arguments.rules == _NO_RULES else rules_of(arguments.rules)
    options = VerifyOptions(
        allowed_signers=arguments.allowed_signers,
        regrade=arguments.regrade,
        data_dir=Path(arguments.data_dir) if arguments.data_dir else None,
        split_key=split_key_of(arguments),
        rules=None if rules is None else arguments.rules,
        jobs=arguments.jobs,
    )
    with Progress(quiet=arguments.quiet) as progress:

        def verify(path: Path) -> Verdict:
            try:
                return verify_bundle(path, options, progress)
            finally:
                progress(Step(path.name, ""))

        board = make_board(
            arguments.folder,
            verify,
            title=arguments.name,
            rules=None if rules is None else rules.name,
            split=rules.split if rules is not None and isinstance(rules.split, str) and rules.split != "any" else None,
            without=arguments.output,
            listener=progress,
        )
    write_site(board, arguments.output)
    for entry in board.refused:
        for reason in entry.reasons:
            print(f"{entry.name} has no row: {reason}", file=sys.stderr)
    if arguments.json:
        print_json(board.to_dict())
    else:
        rows, others = counted(len(board.rows), "row"), counted(len(board.refused), "bundle")
        print(f"{arguments.output / 'index.html'}: {rows}, {others} without one")
        site = quoted(str(arguments.output))
        tell(arguments, f"next: copy the folder to any web server; `python -m http.server -d {site}` shows it here")
    return 1 if arguments.strict and board.refused else 0
