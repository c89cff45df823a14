"""List the agents, show one in full, or build the images that they run in.

Your own agents: a folder with an `agent.yaml`, in a folder that MLEBENCH_AGENTS_PATH names, or given to
`mlebench run --agent ./my-agent` by its path.

An image is built (and as its recipe wants it), outdated, or not built; the next run that needs it builds it. Without an image of
its own an agent runs in the base image; the image of one that brings a ready-made image is up to you.

examples:
  mlebench agents
  mlebench agents codex
  mlebench agents aide/claude
  mlebench agents build codex claude-code
  mlebench agents build --all
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlebench._support.hints import command
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import MlebenchError, UsageError, WorkFailed

if TYPE_CHECKING:
    from mlebench.agents import AgentSpec
    from mlebench.sandbox.docker.inventory import Inventory

_ENGINE_SECONDS = 5.0
"""A list does not wait longer for an engine."""
_ACTIONS = ("list", "build")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="agents to show in full; after the word `build`, to build")
    parser.add_argument("--variants", action="store_true", help="list every variant in a row of its own")
    parser.add_argument("--all", action="store_true", help="build the images of all agents that have one of their own")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    is_build = arguments.names[:1] == ["build"]
    names = arguments.names[1:] if arguments.names[:1] in (["build"], ["list"]) else arguments.names
    if not is_build and (arguments.all or arguments.rebuild):
        raise UsageError(f"--all and --rebuild are of {command('agents', 'build', *names)}")
    if names and arguments.variants:
        raise UsageError("--variants is of the list, without names; an agent that is shown in full names its variants")
    if is_build:
        return _build(arguments, names)
    if names and len(arguments.names) != len(names):
        raise UsageError(f"{command('agents', 'list')} takes no names; {command('agents', *names)} shows an agent in full")
    return _show(arguments, names) if names else _list(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from mlebench.agents import list_variants, unconverted_agents
    from mlebench.cli.agent_display import COLUMNS, document, row
    from mlebench.sandbox.docker.listing import agent_image

    every = list_variants()
    inventory = _inventory()
    if arguments.json:
        print_json([document(agent, agent_image(inventory, agent)) for agent in every])
        return 0
    shown = [agent for agent in every if arguments.variants or agent.variant is None]
    print_table(COLUMNS, [row(agent, agent_image(inventory, agent)) for agent in shown])
    described = {agent.name: agent.description for agent in every if agent.variant is None}
    for agent in shown:
        # below the table, where words have room
        if agent.variant is None or agent.description != described[agent.name]:
            print(f"{agent.id}: {agent.description or 'no description'}")
        variants = [other.variant for other in every if other.name == agent.name and other.variant]
        if variants and not arguments.variants:
            print(f"    variants: {', '.join(variants)}")
    tell(arguments, f"{command('agents', 'NAME')} shows one in full: arguments, secrets, what is missing, how to run it")
    for sentence in unconverted_agents():
        tell(arguments, sentence)
    return 0


def _inventory() -> Inventory | None:
    """What the engine has; None where none answers."""
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.inventory import Inventory

    try:
        return Inventory.take(connect(_ENGINE_SECONDS))
    except MlebenchError:
        return None


def _show(arguments: argparse.Namespace, names: Sequence[str]) -> int:
    from mlebench.agents import get_agent
    from mlebench.cli.agent_display import document_in_full, print_in_full
    from mlebench.sandbox.docker.listing import agent_image

    _refuse_misspelt_action(names)
    agents = {name: get_agent(name) for name in names}
    inventory = _inventory()
    if arguments.json:
        print_json([document_in_full(name, agent, agent_image(inventory, agent)) for name, agent in agents.items()])
        return 0
    for name, agent in agents.items():
        print_in_full(name, agent, agent_image(inventory, agent))
    return 0


def _refuse_misspelt_action(names: Sequence[str]) -> None:
    from mlebench.agents import list_agents

    first, *others = names
    near = difflib.get_close_matches(first, _ACTIONS, n=1)
    if near and first not in list_agents():
        meant = command("agents", near[0], *others) if others else near[0]
        raise UsageError(f"there is no agent `{first}`; did you mean {meant}?")


def _build(arguments: argparse.Namespace, names: Sequence[str]) -> int:
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.images import ensure_agent_image

    agents = _agents_to_build(names, arguments.all)
    client = connect()
    built, failed = [], {}
    for agent in agents:
        try:
            built.append((agent, ensure_agent_image(client, agent, partial(tell, arguments), rebuild=arguments.rebuild)))
        except WorkFailed as error:
            if len(agents) == 1:
                raise
            tell(arguments, str(error))
            failed[agent.id] = str(error)
    if arguments.json:
        print_json([{"agent": agent.id, "image": image.reference, "digest": image.id} for agent, image in built])
    else:
        for agent, image in built:
            print(f"{agent.id}: {image.reference} ({image.id})")
    if failed:
        sentences = "; ".join(f"{name}: {sentence}" for name, sentence in failed.items())
        raise WorkFailed(f"{len(failed)} of {len(agents)} images could not be built: {sentences}")
    return 0


def _agents_to_build(names: Sequence[str], is_all: bool) -> list[AgentSpec]:
    """The agents named, or all with a Dockerfile; what is wrong with one is said before anything is built."""
    from mlebench.agents import get_agent, list_agents
    from mlebench.sandbox.docker.images import agent_recipe, base_recipe

    if is_all and names:
        raise UsageError("give names or --all, not both")
    if not (is_all or names):
        raise UsageError("which agent? `mlebench agents build NAME`, or `--all`; `mlebench agents` lists them")
    agents = [get_agent(name) for name in (list_agents() if is_all else dict.fromkeys(names))]
    if is_all:
        agents = [agent for agent in agents if agent.image is None and (agent.directory / "Dockerfile").is_file()]
    for agent in agents:
        agent_recipe(agent, base_recipe(agent.package_set))
    return agents
