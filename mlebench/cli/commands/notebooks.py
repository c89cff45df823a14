"""Download public notebooks of a competition, to compare the code of runs with them.

They are stored next to the data of the competition, where no agent sees them. They are the work of others: do not commit them.

examples:
  mlebench notebooks fetch spaceship-titanic
  mlebench notebooks fetch spaceship-titanic -o notebooks/spaceship-titanic
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from mlebench.cli.options import add_data_dir, add_json, at_least, quantity, registry_of, tell
from mlebench.cli.output import print_json, print_table
from mlebench.cli.parsing import add_actions

_PATIENCE = "1m"
_MOST = 1_000
_ORDERS = (
    "voteCount", "scoreDescending", "scoreAscending", "hotness", "viewCount", "commentCount", "dateCreated", "dateRun",
)  # fmt: skip


_FETCH = """
Download the public notebooks of a competition with your Kaggle account.

`notebooks.json` in the folder lists their titles, votes and addresses. Run the command again to fetch what is new or has changed.

examples:
  mlebench notebooks fetch spaceship-titanic
  mlebench notebooks fetch spaceship-titanic --number 50 --sort-by hotness
  mlebench review my-group --against notebooks
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_actions(parser, {"fetch": (_FETCH, _configure_fetch)})


def _configure_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the competition")
    parser.add_argument("-o", "--output-dir", metavar="DIR", help="folder (default: `notebooks` next to the competition's data)")
    parser.add_argument("--number", type=at_least(1), default=20, metavar="N", help=f"how many, at most {_MOST:,} (default: 20)")
    parser.add_argument(
        "--sort-by",
        choices=_ORDERS,
        default="voteCount",
        metavar="ORDER",
        help=f"which first: {', '.join(_ORDERS)} (default: voteCount)",
    )
    parser.add_argument("--patience", metavar="TIME", default=_PATIENCE,
                        help=f"keep trying for this long if Kaggle fails (default: {_PATIENCE})")  # fmt: skip
    add_data_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from grading.wording import counted
    from mlebench._support.quantities import parse_duration
    from mlebench.kaggle.notebooks import fetch_notebooks
    from mlebench.kaggle.transfer import Transfer

    competition = registry_of(arguments).get_competition(arguments.id)
    found = fetch_notebooks(
        competition,
        Path(arguments.output_dir).expanduser() if arguments.output_dir else None,
        number=min(arguments.number, _MOST),
        sort_by=arguments.sort_by,
        transfer=Transfer(quantity("--patience", arguments.patience, parse_duration)),
        tell=lambda line: tell(arguments, line),
    )
    for sentence in found.refused:
        tell(arguments, f"skipped: {sentence}")
    if arguments.json:
        print_json(
            {
                "competition": competition.id,
                "folder": str(found.folder),
                "fetched": found.fetched,
                "refused": list(found.refused),
                "notebooks": [asdict(notebook) for notebook in found.notebooks],
            }
        )
        return 0
    rows = ([notebook.votes, notebook.ref, notebook.title] for notebook in found.notebooks)
    new = f"{found.fetched:,} new" if found.fetched else "none new"
    print_table(["votes", "notebook", "title"], rows, f"{counted(len(found.notebooks), 'notebook')}, {new}, in {found.folder}")
    return 0
