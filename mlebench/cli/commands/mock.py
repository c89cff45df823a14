"""Generate a small mock dataset with the real schema, to try things without Kaggle.

The result has the layout of a raw download. `mlebench prepare ID --mock` generates and prepares one in a single step.

examples:
  mlebench mock spaceship-titanic --out raw
  mlebench mock spaceship-titanic --out raw --size 1000 --seed 1
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.options import at_least
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the competition")
    parser.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--size", type=int, default=200, metavar="N", help="number of rows, about; 30 to 5000 (default: 200)")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="random seed (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    from mlebench.preparation.sources import make_mock
    from mlebench.registry import Registry

    competition = Registry().get_competition(arguments.id)
    out = Path(arguments.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder; choose a new one with --out")
    if not 30 <= arguments.size <= 5000:
        raise UsageError(f"--size is {arguments.size}, expected 30 to 5000")
    make_mock(competition, out, size=arguments.size, seed=arguments.seed)
    print(f"{out}: mock dataset of {competition.id}")
    return 0
