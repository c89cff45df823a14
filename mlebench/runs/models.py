"""The models of a plan: frozen from the catalogue when a group is created, and problems that prevent calling them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from mlebench._support.hints import alternatives
from mlebench.agents import AgentSpec
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.models import Model
from mlebench.runs.plan import Plan


def with_models(plan: Plan) -> Plan:
    """The plan with the models that its runs may call, as currently defined in the files.

    They are those listed by the agent, or all if it lists none; in the latter case without those that have no price if the budget
    is in usd. A name that no file defines is left out: `model_problems` reports it.

    Raises:
        UsageError: a file is invalid.
    """
    from mlebench.gateway.catalogue import read_catalogue

    catalogue = read_catalogue(map(Path, plan.model_files))
    if plan.agent.models:
        found = {name: catalogue.find(name) for name in plan.agent.models}
    else:
        found = {name: catalogue.find(name) for name in (*catalogue.models, *catalogue.aliases)}
        if plan.profile.budget.usd is not None:
            found = {name: model for name, model in found.items() if model is not None and model.is_priced}
    return replace(plan, models={name: model for name, model in found.items() if model is not None})


def served_models(plan: Plan) -> dict[str, str]:
    """The model behind each name that the agent may use, such as `gpt-5.1 of openai`."""
    return {name: f"{model.served} of {model.provider}" for name, model in plan.models.items()}


def key_names(plan: Plan) -> list[str]:
    """Names of the variables that hold the keys of the plan's models."""
    return sorted({model.key for model in plan.models.values() if model.key is not None})


def model_access(plan: Plan, keys: Mapping[str, str]) -> ModelAccess | None:
    """A run's access to models; None if it has no gateway.

    Args:
        plan: the run's plan.
        keys: values by variable name, as far as known here.
    """
    if not plan.has_gateway:
        return None
    profile = plan.profile
    return ModelAccess(
        models=plan.models,
        keys={name: keys[name] for name in key_names(plan) if name in keys},
        budget=profile.budget,
        allow=profile.allow,
        grants=frozenset(profile.grants),
        record=profile.record,
        patience=profile.patience,
    )


def model_problems(plan: Plan, known_keys: Iterable[str]) -> list[str]:
    """What prevents runs from calling their models as planned, one sentence each with a remedy.

    Args:
        plan: the plan.
        known_keys: names of variables whose values are known here.
    """
    agent, profile = plan.agent, plan.profile
    found = [
        f"agent {agent.id} needs the argument {name}; give it with `--argument {name}=…`" for name in agent.missing_arguments
    ]
    if profile.network != "models" and profile.allow:
        found.append(
            f"`allow` opens {', '.join(profile.allow)} besides the gateway, but the network of profile {profile.name} is "
            f"{profile.network}; add `--network models`"
        )
    if not plan.has_gateway:
        if agent.named_models and profile.network == "none":
            found.append(
                f"agent {agent.id} calls models, but the network of profile {profile.name} is none; add `--network models`"
            )
        if profile.budget.limits and profile.network == "open":
            found.append(
                f"the budget {profile.budget.words} is enforced by the gateway, but runs of {agent.id} on an open network have "
                f"none; "
                "add `--network models`"
            )
        return found
    found += _unknown(plan)
    known_keys = set(known_keys)
    for name in dict.fromkeys(agent.models):
        model = plan.models.get(name)
        found += [] if model is None else asking_problems(agent, name, model, known_keys)
        if model is not None and profile.budget.usd is not None and not model.is_priced:
            found.append(
                f"model `{name}` has no price, so a budget in usd cannot be enforced; give its `prices` in a file with "
                f"`--models`, "
                "or a budget in `input_tokens`, `output_tokens` or `calls` with `--budget`"
            )
    return found


def asking_problems(agent: AgentSpec, name: str, model: Model, known_keys: Collection[str]) -> list[str]:
    """What prevents an agent from calling a model under any plan, one sentence each with a remedy.

    Args:
        agent: the agent.
        name: the agent's name for the model.
        model: the model behind the name.
        known_keys: names of variables whose values are known here.
    """
    found = []
    if model.key is not None and model.key not in known_keys:
        found.append(f"model `{name}` needs the key {model.key}; set it with `export {model.key}=…` or in a `.env` file")
    if agent.dialects is not None and not set(agent.dialects).intersection(model.dialects):
        found.append(
            f"agent {agent.id} calls models in {alternatives(agent.dialects)}, but model `{name}` only supports "
            f"{alternatives(model.dialects)}; choose another one listed by `mlebench models`"
        )
    return found


def _unknown(plan: Plan) -> list[str]:
    unknown = [name for name in plan.agent.models if name not in plan.models]
    if not unknown:
        return []
    from mlebench.gateway.catalogue import read_catalogue

    catalogue = read_catalogue(map(Path, plan.model_files))
    return [f"agent {plan.agent.id}: {catalogue.unknown(name, plan.model_files)}" for name in unknown]
