"""Make a folder for an agent of your own: files that work, with a TODO at each place that is yours.

examples:
  mlebench new-agent my-agent --into ~/agents
  mlebench new-agent --from ~/mle-bench/agents/aide
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.scaffold import Kind, Todo, adopt_agent, scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="the agent's name (with --from, the old folder's name by default)"
    )
    parser.add_argument("--into", default="agents", metavar="DIR", help="the folder of your agents (default: agents)")
    parser.add_argument("--from", dest="source", metavar="OLD",
                        help="convert an agent's folder that was written for the published harness")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    home = Path(arguments.into).expanduser().absolute()
    if arguments.source:
        old = Path(arguments.source).expanduser().absolute()
        name = arguments.name or old.name.lower()
        left = adopt_agent(old, name, home)
    elif arguments.name:
        name = arguments.name
        left = scaffold("agent", name, home)
    else:
        raise UsageError("which name? `mlebench new-agent NAME`, or `mlebench new-agent --from OLD`")
    first = f"mlebench run --agent {name} -c demo-wine --profile demo --sandbox local"
    tell_scaffold("agent", home / name, left, first, before="mlebench prepare demo-wine && ")
    return 0


def tell_scaffold(kind: Kind, folder: Path, left: list[Todo], first_command: str, before: str = "") -> None:
    """Say what was made, what is left to do and what to try first; `before` is what the first command needs."""
    print(f"made {folder}; left to do:" if left else f"made {folder}; nothing is left to do")
    for todo in left:
        print(f"  {todo.path.name}:{todo.line}  {todo.text}")
    print(f"try it: {before}MLEBENCH_{kind.upper()}S_PATH={shlex.quote(str(folder.parent))} {first_command}")
