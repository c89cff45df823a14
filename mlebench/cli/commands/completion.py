"""Print a completion script for bash, zsh or tcsh: commands, options and competition ids.

examples:
  mlebench completion bash > ~/.local/share/bash-completion/completions/mlebench
  mlebench completion zsh > ~/.zfunc/_mlebench
"""

from __future__ import annotations

import argparse
import importlib

from mlebench.cli.main import COMMANDS, command_module, command_parser


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(_whole_parser(), arguments.shell))
    return 0


def _whole_parser() -> argparse.ArgumentParser:
    """All commands in one parser; only completion needs them together."""
    from mlebench.registry import Registry

    ids = Registry().list_competition_ids()
    whole = argparse.ArgumentParser(prog="mlebench")
    commands = whole.add_subparsers(dest="command")
    for name, summary in COMMANDS.items():
        module = importlib.import_module(command_module(name))
        single = command_parser(name, module)
        for action in single._actions:
            # completion offers the ids; the command itself tells near misses
            if action.metavar == "ID" and name != "new-competition":
                action.choices = ids
        commands.add_parser(name, help=summary, parents=[single], add_help=False, conflict_handler="resolve")
    return whole
