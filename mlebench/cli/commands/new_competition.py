"""Make a folder for a competition of your own: files that work on made-up data, with a TODO at each place that is yours.

example: mlebench new-competition my-competition --into ~/competitions
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.commands.new_agent import tell_scaffold
from mlebench.scaffold import scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID", help="the id of the competition")
    parser.add_argument(
        "--into", default="competitions", metavar="DIR", help="the folder of your competitions (default: competitions)"
    )


def run(arguments: argparse.Namespace) -> int:
    home = Path(arguments.into).expanduser().absolute()
    left = scaffold("competition", arguments.name, home)
    tell_scaffold("competition", home / arguments.name, left, f"mlebench prepare {arguments.name} --mock")
    return 0
