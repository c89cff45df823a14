"""Get leaderboards from Kaggle, under the name that this has in the published harness.

example: mlebench dev download-leaderboard -c spaceship-titanic
"""

from __future__ import annotations

import argparse

from mlebench.cli.options import add_data_dir, add_selection, registry_of, selected, tell


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("download-leaderboard",), help="get the whole private leaderboards")
    add_selection(parser)
    parser.add_argument("--force", action="store_true", help="get again what lies there")
    add_data_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.preparation.clients import ensure_leaderboard_exists

    for competition in selected(arguments, registry_of(arguments)):
        path = ensure_leaderboard_exists(competition, force=arguments.force)
        tell(arguments, f"{competition.id}: {path}")
    return 0
