"""Build a leaderboard as a static site from bundles: only results that verify have a row.

Every `*.zip` in FOLDER is verified, in subfolders too. Those that fail a level, or the rules, are listed below the rows with what
keeps them from one. The rules `standard` want level 5, so ask for `--regrade` on prepared data, or name other rules.

examples:
  mlebench board bundles/ -o site/ --regrade --allowed-signers allowed_signers
  mlebench board bundles/ -o site/ --rules none --name 'Our results'
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench.cli.options import add_data_dir, add_jobs, add_json, split_key_of, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError

_NO_RULES = "none"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds the bundles, in subfolders too")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SITE", help="the folder of the site")
    parser.add_argument("--rules", default="standard", metavar="RULES",
                        help="what a row must satisfy: `standard` (default), `lite`, FILE.yaml, or `none`")  # fmt: skip
    parser.add_argument("--allowed-signers", type=Path, metavar="F", help="whose signature counts, in the format of OpenSSH")
    parser.add_argument("--regrade", action="store_true", help="grade the submissions again, on data prepared here")
    parser.add_argument("--split-key", metavar="K", help="secret key that the data was made from (default: $MLEBENCH_SPLIT_KEY)")
    parser.add_argument("--name", default="Leaderboard", metavar="TITLE", help="title of the page")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bundle has no row")
    add_jobs(parser, "processes that grade")
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
    board = make_board(
        arguments.folder,
        lambda path: verify_bundle(path, options),
        title=arguments.name,
        rules=None if rules is None else rules.name,
        split=rules.split if rules is not None and isinstance(rules.split, str) and rules.split != "any" else None,
        without=arguments.output,
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
        tell(arguments, "copy the folder to any web server; it needs no program")
    return 1 if arguments.strict and board.refused else 0
