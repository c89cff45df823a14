"""Create an agent folder: working files with a TODO at each place to fill in.

`--like` starts from a copy of another agent, such as `react`, a short loop around a model and a few tools. `--from` converts an
agent folder of the published harness.

examples:
  mlebench new-agent my-agent --into ~/agents
  mlebench new-agent my-agent --like react --into ~/agents
  mlebench new-agent --from ~/mle-bench/agents/aide
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mlebench.agents import AgentSpec, agent_in, get_agent
from mlebench.errors import UsageError
from mlebench.scaffold import Kind, Todo, adopt_agent, copy_agent, scaffold


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of the agent (default with --from: that of the old folder)")
    parser.add_argument("--into", default="agents", metavar="DIR", help="folder of your agents (default: agents)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--like", metavar="AGENT", help="copy this agent, such as react")
    start.add_argument("--from", dest="source", metavar="OLD", help="convert an agent folder of the published harness")


def run(arguments: argparse.Namespace) -> int:
    home = Path(arguments.into).expanduser().absolute()
    name = arguments.name
    if arguments.source:
        old = Path(arguments.source).expanduser().absolute()
        name = name or old.name.lower()
        left = adopt_agent(old, name, home)
    elif name is None:
        raise UsageError("no name given; run `mlebench new-agent NAME`, or `mlebench new-agent --from OLD`")
    else:
        left = copy_agent(_original(arguments.like), name, home) if arguments.like else scaffold("agent", name, home)
    tell_scaffold("agent", home / name, left, _first_command(home / name), before="mlebench prepare demo-wine && ")
    return 0


def _original(name: str) -> AgentSpec:
    original = get_agent(name)
    if original.variant is not None:
        raise UsageError(f"an agent is copied with all its variants; write `--like {name.removesuffix(f'/{original.variant}')}`")
    return original


def _first_command(folder: Path) -> str:
    words = f"mlebench run --agent {folder.name} -c demo-wine --profile demo"
    return words if agent_in(folder, None).needs_image else f"{words} --sandbox local"


def tell_scaffold(kind: Kind, folder: Path, left: list[Todo], first_command: str, before: str = "") -> None:
    """Print the new folder, its TODOs and a first command; `before` precedes that command."""
    print(f"created {folder}; to do:" if left else f"created {folder}; nothing left to do")
    for todo in left:
        print(f"  {todo.path.name}:{todo.line}  {todo.text}")
    print(f"try it: {before}MLEBENCH_{kind.upper()}S_PATH={shlex.quote(str(folder.parent))} {first_command}")
