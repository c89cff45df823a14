"""Create a competition folder: files that work on made-up data, with a TODO at each place to fill in.

examples:
  mlebench new-competition my-competition
  mlebench new-competition my-competition --into ~/competitions
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.commands.new_agent import tell_scaffold
from mlebench.scaffold import scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="id of the competition")
    parser.add_argument("--into", default="competitions", metavar="DIR", help="their folder (default: competitions)")


def run(arguments: argparse.Namespace) -> int:
    home = Path(arguments.into).expanduser().absolute()
    left = scaffold("competition", arguments.name, home)
    tell_scaffold("competition", home / arguments.name, left, f"mlebench prepare {arguments.name} --mock")
    return 0
