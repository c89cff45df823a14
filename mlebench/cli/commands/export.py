"""Export run groups or competitions in the formats of other tools.

examples:
  mlebench export atif latest
  mlebench export harbor spaceship-titanic -o tasks
"""

from __future__ import annotations

import argparse
import importlib

from mlebench.cli.parsing import add_actions

FORMATS = ("atif", "harbor")
"""Names of modules in `mlebench.cli.formats`."""


def configure(parser: argparse.ArgumentParser) -> None:
    modules = {name: importlib.import_module(f"mlebench.cli.formats.{name}") for name in FORMATS}
    formats = {name: (str(module.__doc__), module.configure) for name, module in modules.items()}
    add_actions(parser, formats, dest="format", metavar="FORMAT")


def run(arguments: argparse.Namespace) -> int:
    return int(importlib.import_module(f"mlebench.cli.formats.{arguments.format}").run(arguments))
