"""The state of the images that can be built here: current, outdated or missing, their size, and which agent uses which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mlebench.agents import AgentSpec, get_agent, list_agents
from mlebench.errors import UsageError
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.inventory import Inventory

State = Literal["current", "outdated", "missing"]
Kind = Literal["own", "base", "ready-made"]
IN_WORDS: dict[State, str] = {"current": "built", "outdated": "outdated", "missing": "not built"}
"""States in words."""


@dataclass(frozen=True)
class ListedImage:
    """An image that can be built here, with its state."""

    recipe: images.Recipe
    purpose: str
    """Its purpose: `base`, `stage NAME` or `agent NAME`."""
    state: State
    id: str | None
    size: int
    """Bytes, including layers shared with other images; 0 if missing."""


@dataclass(frozen=True)
class AgentImage:
    """The image that an agent runs in."""

    kind: Kind
    """`own`: built from its Dockerfile; `base`: the base itself; `ready-made`: the image it specifies, with the base's tools."""
    name: str | None = None
    """None if an argument that it depends on is not set."""
    state: State | None = None
    """Whether the next run can use it as it is; None if no engine was queried."""
    id: str | None = None
    size: int | None = None
    """Bytes, including layers shared with other images; None if missing."""
    own_size: int | None = None
    """Bytes of the layers above its parent image; None if that image is gone."""
    stages: tuple[ListedImage, ...] = ()
    """Its build stages; not needed once it is built."""
    problem: str | None = None
    """Why it cannot be built, as a sentence."""


def list_all(client: Any) -> list[ListedImage]:
    """Every base, stage and agent image, built or not, with a single query to the engine.

    Ready-made images of agents are not ours and are left out.
    """
    inventory = Inventory.take(client)
    recipes = [(images.base_recipe(name, client=inventory), "base") for name in images.package_sets()]
    light = images.base_recipe(client=inventory)
    recipes += [(images.stage_recipe(name, light), f"stage {name}") for name in images.stage_names()]
    for name in list_agents():
        agent = get_agent(name)
        if _kind(agent) == "own":
            try:
                recipe = images.agent_recipe(agent, images.base_recipe(agent.package_set, client=inventory))
            except UsageError:
                # `mlebench agents` reports what is wrong with it
                continue
            recipes.append((recipe, f"agent {name}"))
    return [_listed(inventory, recipe, purpose) for recipe, purpose in recipes]


def agent_image(inventory: Inventory | None, agent: AgentSpec) -> AgentImage:
    """What an agent runs in.

    Args:
        inventory: the engine's images; None without an engine.
        agent: the agent.
    """
    kind = _kind(agent)
    try:
        base = images.base_recipe(agent.package_set, client=inventory)
        recipe = images.agent_recipe(agent, base)
    except UsageError as error:
        return AgentImage(kind, problem=str(error))
    if inventory is None:
        return AgentImage(kind, recipe.tag)
    stages = [_listed(inventory, stage, f"stage {name}") for name, stage in zip(agent.stages, recipe.stages, strict=False)]
    stored = inventory.get(recipe.tag)
    if stored is None:
        return AgentImage(kind, recipe.tag, "missing", stages=tuple(stages))
    parent = inventory.get(stored.labels.get(images.PARENT_ID_LABEL, ""))
    own_size = stored.size - parent.size if parent is not None else None
    state: State = "current" if images.is_agent_built(inventory, agent) else "outdated"
    return AgentImage(kind, recipe.tag, state, stored.id, stored.size, own_size, tuple(stages))


def _kind(agent: AgentSpec) -> Kind:
    if agent.image is not None:
        return "ready-made"
    return "own" if (agent.directory / "Dockerfile").is_file() else "base"


def _listed(inventory: Inventory, recipe: images.Recipe, purpose: str) -> ListedImage:
    found = inventory.get(recipe.tag)
    if found is None:
        return ListedImage(recipe, purpose, "missing", None, 0)
    state: State = "current" if images.find(inventory, recipe) else "outdated"
    return ListedImage(recipe, purpose, state, found.id, found.size)
