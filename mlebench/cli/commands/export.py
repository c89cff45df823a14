"""Write run groups, or competitions, in the formats of other tools.

examples:
  mlebench export atif latest
  mlebench export harbor spaceship-titanic -o tasks
  mlebench export atif --help
"""

from __future__ import annotations

import argparse
import importlib

from mlebench.cli.options import add_volume

FORMATS = {
    "atif": "what agents asked their models, were answered and did, as trajectories in ATIF",
    "harbor": "competitions as tasks of Harbor, for every agent that it runs",
}
"""By the name of their module in `mlebench.cli.formats`."""


def configure(parser: argparse.ArgumentParser) -> None:
    formats = parser.add_subparsers(dest="format", required=True, metavar="FORMAT")
    for name, summary in FORMATS.items():
        module = importlib.import_module(f"mlebench.cli.formats.{name}")
        single = formats.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.configure(single)
        # as they are left out unless they are given, those before the format stay
        add_volume(single, argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    return int(importlib.import_module(f"mlebench.cli.formats.{arguments.format}").run(arguments))
