"""Show the help of a command, or list all commands.

examples:
  mlebench help
  mlebench help prepare
  mlebench help export harbor
"""

from __future__ import annotations

import argparse
import importlib

from mlebench._support.hints import unknown
from mlebench.cli.main import COMMANDS, command_module, command_parser, usage
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", nargs="*", metavar="COMMAND", help="a command, and an action of it")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.topic:
        print(usage())
        return 0
    name, *rest = arguments.topic
    if name not in COMMANDS:
        raise UsageError(unknown("command", name, COMMANDS, listing="`mlebench --help`"))
    command_parser(name, importlib.import_module(command_module(name))).parse_args([*rest, "--help"])
    return 0
