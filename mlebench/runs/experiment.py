"""An experiment: agent variants × competitions × seeds, from one readable file or from flags.

    # experiment.yaml
    name: nightly
    agents:
      - baseline
      - {agent: aide/gpt, arguments: {steps: 20}, profile: gpu}
    split: low                 # or competitions: [spaceship-titanic, …]
    seeds: 3                   # or [0, 7, 42]
    profile: small             # or {base: small, time_limit: 2h}
    network: models            # none, models or open; of every profile, as `budget` and `allow`
    budget: usd=5,calls=200    # of each run, or {usd: 5, calls: 200}
    allow: [pypi.org]          # hosts that are reachable besides the models
    models: [my-models.yaml]   # in addition to containers/models.yaml

Each agent variant becomes a separate run group; all groups share the executor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mlebench._support import paths
from mlebench._support.yaml_model import read_model
from mlebench.agents import AgentSpec, Argument, get_agent
from mlebench.errors import MlebenchError, UsageError
from mlebench.gateway.models import Model
from mlebench.profiles import Budget, Network, Profile, get_profile
from mlebench.registry import Registry
from mlebench.registry.facts import EditionName
from mlebench.registry.suite import SuiteVersion
from mlebench.runs.competitions import load_competition, suite_of
from mlebench.runs.models import with_models
from mlebench.runs.plan import Plan
from mlebench.runs.settings import RunSettings
from mlebench.sandbox import resolve_sandbox
from mlebench.sandbox.base import SandboxWord


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChosenProfile(_Part):
    """A profile by name, with individual values overridden."""

    model_config = ConfigDict(extra="allow", frozen=True)

    base: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The overridden values."""
        return dict(self.model_extra or {})


class ChosenAgent(_Part):
    """An agent variant, optionally with its own arguments or profile."""

    agent: str
    arguments: dict[str, Argument] = {}
    profile: ChosenProfile | None = None

    @field_validator("profile", mode="before")
    @classmethod
    def _profile_by_name(cls, value: Any) -> Any:
        return {"base": value} if isinstance(value, str) else value


class Experiment(RunSettings):
    """All input of `mlebench run`: what to run and, in `RunSettings`, how."""

    name: str | None = None
    agents: tuple[ChosenAgent, ...] = Field(min_length=1)
    competitions: tuple[str, ...] = ()
    split: str | None = None
    seeds: tuple[int, ...] = (0,)
    profile: ChosenProfile = ChosenProfile()
    edition: EditionName = "v1"
    obfuscated: bool = False
    sandbox: SandboxWord = "docker"
    network: Network | None = None
    """Overrides the profile's value, as do the next two."""
    budget: Budget | None = None
    allow: tuple[str, ...] | None = None
    models: tuple[Path, ...] = ()
    """Model files in addition to `containers/models.yaml`; later files take precedence."""

    @field_validator("competitions", "allow", "models", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Path) else value

    @field_validator("agents", mode="before")
    @classmethod
    def _agents_by_name(cls, value: Any) -> Any:
        entries = [value] if isinstance(value, (str, dict)) else value
        if not isinstance(entries, (list, tuple)):
            return value
        return [{"agent": entry} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds_by_count(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= 10_000:
                raise ValueError("a number of seeds from 1 to 10000, or a list of seeds")
            return range(value)
        return value

    @field_validator("profile", mode="before")
    @classmethod
    def _profile_by_name(cls, value: Any) -> Any:
        return {"base": value} if isinstance(value, str) else value

    def changed(self, choices: dict[str, Any]) -> Self:
        """A copy with some values replaced; a `profile` without a `base` overrides individual values of the current one."""
        profile = choices.get("profile")
        if isinstance(profile, Mapping) and profile.get("base") is None:
            settings = {key: value for key, value in profile.items() if key != "base"}
            choices = {**choices, "profile": {**self.profile.model_dump(), **settings}}
        return super().changed(choices)

    @property
    def settings(self) -> RunSettings:
        """How the groups are run."""
        return RunSettings(**{key: value for key, value in self._written().items() if key in RunSettings.model_fields})

    def plans(self, data_dir: Path | None = None, split_key: str | None = None) -> list[Plan]:
        """One plan per agent variant.

        Raises:
            UsageError: an unknown name, the same run twice, or nothing to run.
        """
        folder = paths.data_dir(data_dir)
        competitions = self._competitions()
        check_names(competitions, self.seeds)
        for name in self.competitions[1:]:
            load_competition(folder, self.edition, split_key, name)
        key_hash = load_competition(folder, self.edition, split_key, competitions[0]).edition.key_hash
        suite = suite_of(load_competition(folder, self.edition, split_key, name) for name in competitions)
        return [replace(self._plan(chosen, tuple(competitions), folder, key_hash), suite=suite) for chosen in self.agents]

    def _competitions(self) -> list[str]:
        of_split = Registry().list_competition_ids(self.split) if self.split else []
        return [*self.competitions, *(name for name in of_split if name not in self.competitions)]

    def _plan(self, chosen: ChosenAgent, competitions: tuple[str, ...], data_dir: Path, key_hash: str | None) -> Plan:
        profile = chosen.profile or self.profile
        agent = get_agent(chosen.agent)
        agent.refuse_mistyped(chosen.arguments)
        plan = make_plan(
            agent,
            competitions=competitions,
            seeds=self.seeds,
            profile_name=profile.base,
            profile_settings={**profile.settings, **self._profile_settings},
            model_files=[str(path.expanduser().absolute()) for path in self.models],
            argument_settings=chosen.arguments,
            sandbox=self.sandbox,
            edition=self.edition,
            split_key_hash=key_hash,
            obfuscated=self.obfuscated,
            data_dir=data_dir,
        )
        return replace(plan, sandbox=resolve_sandbox(self.sandbox, plan.profile.network))

    @property
    def _profile_settings(self) -> dict[str, Any]:
        """Profile values given once for all agents."""
        budget = self.budget.limits if self.budget is not None else None
        allow = list(self.allow) if self.allow is not None else None
        said = {"network": self.network, "budget": budget, "allow": allow}
        return {key: value for key, value in said.items() if value is not None}

    def _written(self) -> dict[str, Any]:
        """The explicit values, without defaults."""
        return {**super()._written(), "agents": [agent.model_dump() for agent in self.agents]}


def check_names(competitions: Sequence[str], seeds: Sequence[int]) -> None:
    """Check that a plan has something to run, and everything only once.

    Raises:
        UsageError: nothing to run, or the same run twice.
    """
    if not competitions:
        raise UsageError("no competition chosen; choose one with `-c ID` or a split with `--split NAME`")
    if not seeds:
        raise UsageError("no seed chosen; ask for at least one with `--seeds 1`")
    for values in (competitions, seeds):
        twice = {value for value in values if list(values).count(value) > 1}
        if twice:
            raise UsageError(f"{', '.join(map(str, sorted(twice, key=str)))} is in the plan twice; list it once")


def make_plan(
    agent: AgentSpec,
    *,
    profile_name: str | None,
    profile_settings: dict[str, Any],
    argument_settings: dict[str, Any],
    model_files: Sequence[str] = (),
    models: Mapping[str, Model] | None = None,
    **rest: Any,
) -> Plan:
    """Combine an agent, a profile and models: the agent's needs and then the user's settings change the profile.

    Args:
        agent: the agent in its current state.
        profile_name: the profile; None for the default one.
        profile_settings: see `Plan`, as `argument_settings` and `model_files`.
        argument_settings: the agent's arguments for this group.
        model_files: the user's own model files.
        models: the frozen models; by default the current ones of the files.
        rest: other parts of the plan.

    Raises:
        UsageError: an unknown profile or setting, or an invalid model file.
    """
    profile: Profile = get_profile(profile_name).changed({**agent.resources, **profile_settings})
    plan = Plan(
        agent=agent.with_arguments(argument_settings),
        profile=profile,
        agent_fingerprint=agent.fingerprint(),
        argument_settings=argument_settings,
        profile_settings=profile_settings,
        model_files=tuple(model_files),
        **rest,
    )
    if models is not None:
        return replace(plan, models=models)
    return with_models(plan) if plan.has_gateway else plan


def current_plan(frozen: Plan) -> Plan:
    """The plan as it would be made now: the same choices with the current agent and profile.

    Raises:
        UsageError: the agent or the profile no longer exists.
    """
    # an agent given by path may be outside the searched folders
    name = frozen.agent.id
    try:
        agent = get_agent(name)
    except UsageError:
        agent = get_agent("/".join(filter(None, (str(frozen.agent.directory), frozen.agent.variant))))
    if agent.directory != frozen.agent.directory and frozen.agent.directory.is_dir():
        agent = get_agent("/".join(filter(None, (str(frozen.agent.directory), frozen.agent.variant))))
    return make_plan(
        agent,
        profile_name=frozen.profile.name.partition("+")[0],
        profile_settings=frozen.profile_settings,
        argument_settings=frozen.argument_settings,
        competitions=frozen.competitions,
        seeds=frozen.seeds,
        sandbox=frozen.sandbox,
        edition=frozen.edition,
        split_key_hash=frozen.split_key_hash,
        obfuscated=frozen.obfuscated,
        data_dir=frozen.data_dir,
        model_files=frozen.model_files,
        # the model behind a name may have changed in the files since; the group keeps the original one
        models=frozen.models,
        suite=_current_suite(frozen),
    )


def _current_suite(frozen: Plan) -> SuiteVersion | None:
    """The suite of a plan's competitions as it is now; of competitions that are gone or damaged nothing is known."""
    found = []
    for name in frozen.competitions:
        with contextlib.suppress(MlebenchError):
            found.append(load_competition(frozen.data_dir, frozen.edition, None, name))
    return suite_of(found) if found else None


def read_experiment(path: Path, overrides: dict[str, Any]) -> Experiment:
    """Read an `experiment.yaml`; `overrides` (from flags) replace what it says.

    Raises:
        UsageError: the file is invalid; the message states the key and what was expected.
    """
    return read_model(path, Experiment).changed(overrides)
