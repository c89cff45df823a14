"""List agents, show one in full, or build the images that they run in.

Your own agents are folders with an `agent.yaml`: in a folder that MLEBENCH_AGENTS_PATH lists, or given by path to
`mlebench run --agent ./my-agent`.

examples:
  mlebench agents
  mlebench agents --variants
  mlebench agents codex
  mlebench agents aide/claude --json
  mlebench agents build codex claude-code
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlebench._support.hints import command, near
from mlebench._support.steps import Tally
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table, print_wrapped
from mlebench.cli.parsing import Parser
from mlebench.cli.progress import Progress
from mlebench.errors import MlebenchError, UsageError, WorkFailed

if TYPE_CHECKING:
    from mlebench.agents import AgentSpec
    from mlebench.sandbox.docker.inventory import Inventory

_ENGINE_SECONDS = 5.0
"""The longest that a list waits for an engine."""
_ACTIONS = ("list", "build")


_LIST = """
List all agents.

The column `image` says whether the image of an agent is built, outdated or not built. An agent without an image of its own
runs in the base image.

examples:
  mlebench agents list
  mlebench agents list --variants --json
"""
_SHOW = """
Show agents in full: arguments, secrets, image, how to run them, and what is missing here.

The word `show` may be left out.

examples:
  mlebench agents show codex
  mlebench agents aide/claude
"""
_BUILD = """
Build the images of agents ahead of the run that needs them.

examples:
  mlebench agents build codex claude-code
  mlebench agents build --all
  mlebench agents build aide --rebuild
"""


def configure(parser: Parser) -> None:
    _configure_list(parser)
    parser.set_defaults(names=[])
    actions = {"list": (_LIST, _configure_list), "show": (_SHOW, _configure_show), "build": (_BUILD, _configure_build)}
    parser.add_actions(actions, otherwise="show")


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variants", action="store_true", help="list each variant in a row of its own")
    add_json(parser)


def _configure_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="AGENT", help="agents, with /VARIANT for a variant")
    add_json(parser)


def _configure_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="AGENT", help="agents")
    parser.add_argument("--all", action="store_true", help="all agents that have an image of their own")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "build":
        return _build(arguments, arguments.names)
    if arguments.action != "show":
        return _list(arguments)
    if arguments.variants:
        raise UsageError(
            f"`--variants` goes with the list; {command('agents', *arguments.names)} shows an agent with its variants"
        )
    return _show(arguments, arguments.names)


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
        if agent.variant is None or agent.description != described[agent.name]:
            print_wrapped(f"{agent.id}: {agent.description or 'no description'}")
        variants = [other.variant for other in every if other.name == agent.name and other.variant]
        if variants and not arguments.variants:
            print_wrapped(f"variants: {', '.join(variants)}", indent=4)
    tell(arguments, f"{command('agents', 'NAME')} shows an agent in full")
    for sentence in unconverted_agents():
        tell(arguments, sentence)
    return 0


def _inventory() -> Inventory | None:
    """The images of the engine; None if no engine answers."""
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
    meant = near(first, _ACTIONS, most=1)
    if meant and first not in list_agents() and not near(first, list_agents()):
        raise UsageError(f"unknown agent `{first}`; did you mean {command('agents', meant[0], *others)}?")


def _build(arguments: argparse.Namespace, names: Sequence[str]) -> int:
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.images import ensure_agent_image

    agents = _agents_to_build(names, arguments.all)
    client = connect()
    built, failed = [], {}
    with Progress(quiet=arguments.quiet) as progress:
        log = progress.tell if arguments.verbose else deque[str](maxlen=0).append
        tally = Tally(progress, "", "building", len(agents), "image", every=0)
        for agent in agents:
            try:
                image = ensure_agent_image(client, agent, log, rebuild=arguments.rebuild, listener=progress)
                built.append((agent, image))
            except WorkFailed as error:
                if len(agents) == 1:
                    raise
                progress.tell(str(error))
                failed[agent.id] = str(error)
            tally.add()
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
    """The named agents, or all with a Dockerfile; a faulty one is refused before anything is built."""
    from mlebench.agents import get_agent, list_agents
    from mlebench.sandbox.docker.images import agent_recipe, base_recipe

    if is_all and names:
        raise UsageError("give names or `--all`, not both")
    if not (is_all or names):
        raise UsageError(
            "no agent given; run `mlebench agents build NAME` or `mlebench agents build --all`; `mlebench agents` lists them"
        )
    agents = [get_agent(name) for name in (list_agents() if is_all else dict.fromkeys(names))]
    if is_all:
        agents = [agent for agent in agents if agent.image is None and (agent.directory / "Dockerfile").is_file()]
    for agent in agents:
        agent_recipe(agent, base_recipe(agent.package_set))
    return agents
