"""What programs written for the published harness look for: leaderboards from Kaggle, and the files of its checkout.

examples:
  mlebench dev download-leaderboard -c spaceship-titanic
  mlebench dev write-checkout --all --into ~/mle-bench
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.options import add_data_dir, add_selection, registry_of, selected, tell
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("download-leaderboard", "write-checkout"), help="what to get or to write")
    add_selection(parser)
    parser.add_argument("--force", action="store_true", help="download a leaderboard again that lies there")
    parser.add_argument("--into", metavar="DIR", help="where write-checkout writes")
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
    if not arguments.into:
        raise UsageError("where to? `mlebench dev write-checkout --all --into DIR`")
    from mlebench.registry.published_checkout import write_checkout

    root = Path(arguments.into).expanduser().absolute()
    count = write_checkout(competitions, registry.get_splits_dir(), root)
    tell(arguments, f"{root}: {count} competitions, as a checkout of the published harness holds them")
    return 0
