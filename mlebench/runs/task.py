"""What an executor transfers to where a run is executed: the run, its group, and secrets that must never be written."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlebench._support.secrets import find_secrets
from mlebench.registry import Competition
from mlebench.runs.competitions import load_competition
from mlebench.runs.group import Group
from mlebench.runs.models import key_names
from mlebench.runs.plan import Plan, PlannedRun

SPLIT_KEY_VARIABLE = "MLEBENCH_SPLIT_KEY"


@dataclass(frozen=True)
class Secrets:
    """Secrets that this process knows and never writes."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets that agents and model gateways ask for, by name."""
    split_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, plans: Iterable[Plan], split_key: str | None) -> Secrets:
        """Look up the secrets that the plans' agents and their models need."""
        names = {name for plan in plans for name in (*plan.agent.secret_names, *key_names(plan))}
        return cls(find_secrets(names) if names else {}, split_key)


@dataclass(frozen=True)
class RunTask:
    """One run, as executors submit it."""

    group: Group
    run: PlannedRun
    secrets: Secrets = Secrets()
    keep: bool = False

    @functools.cached_property
    def key(self) -> str:
        """Unique across all groups of one machine."""
        return f"{self.group.name}/{self.run.run_id}"

    @functools.cached_property
    def run_dir(self) -> Path:
        """The run's folder."""
        return self.group.run_dir(self.run.run_id)

    def without_secrets(self) -> RunTask:
        """The same task in a form that may be written; where it is executed, the secrets are looked up again."""
        return replace(self, secrets=Secrets())

    def agent_secrets(self) -> dict[str, str]:
        """Values of the secrets that the agent asks for, as far as known here."""
        return self._values(self.group.plan.agent.secret_names)

    def model_keys(self) -> dict[str, str]:
        """Keys of the models that the run may call, as far as known here; no agent gets them."""
        return self._values(key_names(self.group.plan))

    def masked(self) -> tuple[str, ...]:
        """Every value that is masked in what the run writes."""
        return tuple(dict.fromkeys([*self.agent_secrets().values(), *self.model_keys().values()]))

    def _values(self, names: list[str]) -> dict[str, str]:
        known = self.secrets.values
        unknown = [name for name in names if name not in known]
        return {name: known[name] for name in names if name in known} | (find_secrets(unknown) if unknown else {})

    def competition(self) -> Competition:
        """The run's competition.

        Raises:
            UsageError: it is unknown here, or its folder is invalid.
        """
        plan = self.group.plan
        key = self.secrets.split_key or (os.environ.get(SPLIT_KEY_VARIABLE) if plan.split_key_hash else None)
        return load_competition(plan.data_dir, plan.edition, key, self.run.competition_id)
