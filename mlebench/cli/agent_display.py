"""An agent as `mlebench agents` shows it: in a row, in full, or as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlebench._support.hints import command
from mlebench._support.quantities import show_size
from mlebench._support.yaml_model import read_model
from mlebench.agents import AgentFile, AgentSpec, agent_in
from mlebench.cli.output import print_table
from mlebench.errors import UsageError
from mlebench.sandbox.docker.listing import IN_WORDS, AgentImage

COLUMNS = ("agent", "version", "models", "network", "image", "size")
_EXAMPLE = "spaceship-titanic"


def document(agent: AgentSpec, image: AgentImage) -> dict[str, Any]:
    """An agent in the list, JSON-ready."""
    return {
        "id": agent.id,
        **agent.to_dict(),
        "models": agent.models,
        "secrets": agent.secret_names,
        "network": agent.resources.get("network"),
        "container": {
            "kind": image.kind,
            "image": image.name,
            "state": image.state,
            "digest": image.id,
            "bytes": image.size,
            "own_bytes": image.own_size,
            "stages": [
                {"image": stage.recipe.tag, "for": stage.purpose, "state": stage.state, "bytes": stage.size}
                for stage in image.stages
            ],
            "problem": image.problem,
        },
    }


def row(agent: AgentSpec, image: AgentImage) -> list[object]:
    """An agent in a table of `COLUMNS`."""
    size = None if image.size is None else show_size(image.size)
    network = agent.resources.get("network")
    return [agent.id, agent.version, ", ".join(agent.models) or None, network, _state(image), size]


def _state(image: AgentImage) -> str:
    if image.problem is not None:
        return "wrong"
    if image.kind == "ready-made":
        return "ready-made"
    if image.state is None:
        return "no engine"
    state = IN_WORDS[image.state]
    return state if image.kind == "own" else "base" if image.state == "current" else f"base, {state}"


def document_in_full(name: str, agent: AgentSpec, image: AgentImage) -> dict[str, Any]:
    """An agent in full, JSON-ready; `name` is what the user calls it."""
    return {
        **document(agent, image),
        "variants": [other.id for other in _variants(agent)],
        "unset_arguments": _unset_arguments(agent),
        "command": _words_to_run(name, agent),
        "missing": _missing(name, agent, image),
    }


def _variants(agent: AgentSpec) -> list[AgentSpec]:
    """The variants of an agent; none of a variant."""
    return [] if agent.variant is not None else [agent_in(agent.directory, name) for name in _file(agent).variants]


def _unset_arguments(agent: AgentSpec) -> list[str]:
    """Names of arguments that it takes or needs and that have no default, sorted."""
    content = _file(agent)
    layers = [content, *(content.ancestry(agent.variant) if agent.variant is not None else ())]
    named = {name for layer in layers for name in layer.arguments}
    return sorted({*named, *agent.missing_arguments} - set(agent.arguments))


def _file(agent: AgentSpec) -> AgentFile:
    return read_model(agent.directory / "agent.yaml", AgentFile)


def print_in_full(name: str, agent: AgentSpec, image: AgentImage) -> None:
    """An agent in full, for people, with how it is run and what is missing for that; `name` is what the user calls it."""
    rows: list[tuple[str, object]] = [
        ("what it does", agent.description),
        ("version", agent.version),
        ("models", ", ".join(agent.models) or None),
        ("dialects", None if agent.dialects is None else ", ".join(agent.dialects)),
        ("network", agent.resources.get("network") or "that of the profile"),
        ("other resources", ", ".join(f"{key}={value}" for key, value in agent.resources.items() if key != "network") or None),
        ("arguments", " ".join(agent.command_arguments) or None),
        ("arguments not set", ", ".join(_unset_arguments(agent)) or None),
        ("secrets", ", ".join(agent.secret_names) or None),
        ("package set", agent.package_set),
        ("image", _image_in_full(image)),
        ("digest", image.id),
        ("built from", _stages_in_full(image)),
        ("folder", agent.directory),
    ]
    print_table(["fact", "value"], [[fact, None if value is None else str(value)] for fact, value in rows], agent.id)
    if variants := _variants(agent):
        print_table(
            ["variant", "models", "network", "other arguments", "package set"],
            [
                [
                    other.id,
                    ", ".join(other.models) or None,
                    other.resources.get("network"),
                    _differing_arguments(agent, other),
                    other.package_set,
                ]
                for other in variants
            ],
        )
    print(f"run it: {command(*_words_to_run(name, agent)[1:])}")
    missing = _missing(name, agent, image)
    for sentence in missing:
        print(f"missing: {sentence}")
    if not missing:
        print("nothing is missing")


def _image_in_full(image: AgentImage) -> str:
    words = [_state(image)]
    if image.size is not None:
        words.append(show_size(image.size))
    if image.own_size is not None and image.kind != "base":
        words.append(f"{show_size(image.own_size)} of it above the image that it stands on")
    return ", ".join([*([image.name] if image.name else []), *words])


def _stages_in_full(image: AgentImage) -> str | None:
    words = [
        f"{stage.purpose} ({IN_WORDS[stage.state]}{f', {show_size(stage.size)}' if stage.size else ''})" for stage in image.stages
    ]
    return ", ".join(words) or None


def _differing_arguments(agent: AgentSpec, variant: AgentSpec) -> str | None:
    differing = {
        key: value
        for key, value in variant.arguments.items()
        if agent.arguments.get(key) != value and str(value) not in variant.models
    }
    return " ".join(replace(variant, arguments=differing).command_arguments) or None


def _words_to_run(name: str, agent: AgentSpec) -> list[str]:
    settings = [word for argument in agent.missing_arguments for word in ("--argument", f"{argument}=…")]
    return ["mlebench", "run", "--agent", name, "-c", _EXAMPLE, *settings]


def _missing(name: str, agent: AgentSpec, image: AgentImage) -> list[str]:
    """What is missing for a run here, a sentence each."""
    from mlebench._support.secrets import find_secrets
    from mlebench.gateway.catalogue import read_catalogue
    from mlebench.runs.models import asking_problems

    catalogue = read_catalogue()
    models = {asked: catalogue.find(asked) for asked in dict.fromkeys(agent.models)} if agent.named_models else {}
    keys = {model.key for model in models.values() if model is not None and model.key is not None}
    there = find_secrets(sorted({*keys, *agent.secret_names}))
    found = []
    for asked, model in models.items():
        found += [catalogue.unknown(asked)] if model is None else asking_problems(agent, asked, model, there)
    try:
        agent.resolve_environment(there)
    except UsageError as error:
        found.append(str(error))
    if image.problem is not None:
        found.append(image.problem)
    elif image.state is None:
        found.append("no container engine answers; start Docker or Podman")
    elif image.state != "current":
        found.append(
            f"the image {image.name} is {IN_WORDS[image.state]}; the next run builds it, or {command('agents', 'build', name)}"
        )
    return found
