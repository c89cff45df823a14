"""Support programs written for the published harness: download leaderboards, or write a checkout.

examples:
  mlebench dev download-leaderboard -c spaceship-titanic
  mlebench dev write-checkout --all --into ~/mle-bench
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.options import add_data_dir, add_selection, registry_of, selected, tell
from mlebench.cli.parsing import add_actions

_DOWNLOAD_LEADERBOARD = """
Download private leaderboards from Kaggle.

examples:
  mlebench dev download-leaderboard -c spaceship-titanic
  mlebench dev download-leaderboard --lite --force
"""
_WRITE_CHECKOUT = """
Write the files of a checkout of the published harness, for programs that read them there.

examples:
  mlebench dev write-checkout --all --into ~/mle-bench
  mlebench dev write-checkout -c spaceship-titanic --into ~/mle-bench
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_actions(
        parser,
        {
            "download-leaderboard": (_DOWNLOAD_LEADERBOARD, _configure_leaderboard),
            "write-checkout": (_WRITE_CHECKOUT, _configure_checkout),
        },
    )


def _configure_leaderboard(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--force", action="store_true", help="replace a leaderboard downloaded before")
    add_data_dir(parser)


def _configure_checkout(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--into", required=True, metavar="DIR", help="the folder to write")
    add_data_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    registry = registry_of(arguments)
    competitions = selected(arguments, registry)
    if arguments.action == "download-leaderboard":
        from mlebench.preparation.clients import ensure_leaderboard_exists

        for competition in competitions:
            path = ensure_leaderboard_exists(competition, force=arguments.force)
            tell(arguments, f"{competition.id}: {path}")
        return 0
    from grading.wording import counted
    from mlebench.registry.published_checkout import write_checkout

    root = Path(arguments.into).expanduser().absolute()
    count = write_checkout(competitions, registry.get_splits_dir(), root)
    tell(arguments, f"{root}: checkout of the published harness with {counted(count, 'competition')}")
    return 0
