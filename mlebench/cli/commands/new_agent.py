"""Make a folder for an agent of your own: files that work, with a TODO at each place that is yours.

example: mlebench new-agent my-agent --into ~/agents
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mlebench.scaffold import Kind, scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the agent is to be called")
    parser.add_argument("--into", default="agents", metavar="DIR", help="the folder of your agents (default: agents)")


def run(arguments: argparse.Namespace) -> int:
    return run_scaffold("agent", arguments, f"mlebench run --agent {arguments.name} -c demo-wine --sandbox local")


def run_scaffold(kind: Kind, arguments: argparse.Namespace, first_command: str) -> int:
    """Make the folder and say what is left to do."""
    home = Path(arguments.into).expanduser().absolute()
    left = scaffold(kind, arguments.name, home)
    print(f"made {home / arguments.name}; left to do:")
    for todo in left:
        print(f"  {todo.path.name}:{todo.line}  {todo.text}")
    print(f"try it: MLEBENCH_{kind.upper()}S_PATH={shlex.quote(str(home))} {first_command}")
    return 0
