"""List the agents and their variants, or build an agent's image.

Your own agents: a folder with an `agent.yaml`, in a folder that MLEBENCH_AGENTS_PATH names, or given to
`mlebench run --agent ./my-agent` by its path.

examples:
  mlebench agents
  mlebench agents build dummy
"""

from __future__ import annotations

import argparse
from functools import partial

from mlebench._support.hints import command
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "build"), default="list", help="list (default) or build")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the agents to build")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "build":
        return _build(arguments)
    if arguments.names:
        raise UsageError(f"what about {arguments.names[0]}? {command('agents', 'build', *arguments.names)} builds the image")
    return _list(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from mlebench.agents import list_variants, unconverted_agents

    found = list_variants()
    if arguments.json:
        print_json(
            [{"id": agent.id, **agent.to_dict(), "models": agent.models, "secrets": agent.secret_names} for agent in found]
        )
        return 0
    rows = [
        [
            agent.id,
            agent.description,
            " ".join(agent.command_arguments),
            " ".join(agent.models) or None,
            " ".join(agent.secret_names) or None,
        ]
        for agent in found
    ]
    print_table(["agent", "what it does", "arguments", "models", "secrets"], rows)
    for sentence in unconverted_agents():
        tell(arguments, sentence)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from mlebench.agents import get_agent
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.images import ensure_agent_image

    if not arguments.names:
        raise UsageError("which agent? `mlebench agents build NAME`; `mlebench agents` lists them")
    agents = [get_agent(name) for name in arguments.names]
    client = connect()
    images = [ensure_agent_image(client, agent, partial(tell, arguments), rebuild=arguments.rebuild) for agent in agents]
    if arguments.json:
        print_json(
            [
                {"agent": agent.id, "image": image.reference, "digest": image.id}
                for agent, image in zip(agents, images, strict=True)
            ]
        )
    else:
        for agent, image in zip(agents, images, strict=True):
            print(f"{agent.id}: {image.reference} ({image.id})")
    return 0
