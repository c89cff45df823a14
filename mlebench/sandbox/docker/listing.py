"""How the images that can be built here stand: current, outdated or missing, how large, and which of them an agent runs in."""

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
"""States as people read them."""


@dataclass(frozen=True)
class ListedImage:
    """An image that can be built here, and whether it is."""

    recipe: images.Recipe
    purpose: str
    """What it is for: `base`, `stage NAME` or `agent NAME`."""
    state: State
    id: str | None
    size: int
    """Bytes, layers shared with other images included; 0 when missing."""


@dataclass(frozen=True)
class AgentImage:
    """What an agent runs in."""

    kind: Kind
    """`own`: built from its Dockerfile; `base`: the base itself; `ready-made`: the image it names, with the base's tools."""
    name: str | None = None
    """None where an argument that it takes is not set."""
    state: State | None = None
    """Whether the next run can use it as it is; None where no engine was asked."""
    id: str | None = None
    size: int | None = None
    """Bytes, layers shared with other images included; None when missing."""
    own_size: int | None = None
    """Bytes of the layers above the image that it stands on; None where that image is gone."""
    stages: tuple[ListedImage, ...] = ()
    """What it is built from; not needed once it is built."""
    problem: str | None = None
    """Why it cannot be built, a sentence."""


def list_all(client: Any) -> list[ListedImage]:
    """Every base, stage and agent's image, built or not, after one question to the engine.

    Ready-made images of agents are not ours and left out.
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
                # `mlebench agents` names what is wrong with it
                continue
            recipes.append((recipe, f"agent {name}"))
    return [_listed(inventory, recipe, purpose) for recipe, purpose in recipes]


def agent_image(inventory: Inventory | None, agent: AgentSpec) -> AgentImage:
    """What an agent runs in.

    Args:
        inventory: what the engine has; None where there is no engine.
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
