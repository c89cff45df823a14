"""Make a folder for a competition of your own: files that work on made-up data, with a TODO at each place that is yours.

example: mlebench new-competition my-competition --into ~/competitions
"""

from __future__ import annotations

import argparse

from mlebench.cli.commands.new_agent import run_scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID", help="the id of the competition")
    parser.add_argument(
        "--into", default="competitions", metavar="DIR", help="the folder of your competitions (default: competitions)"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_scaffold("competition", arguments, f"mlebench prepare {arguments.name} --mock")
