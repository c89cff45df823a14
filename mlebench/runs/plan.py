"""The frozen plan of a run group: what will run, and everything that its results depend on.

For a group imported from another harness, it holds what is known: the agent's name and the runs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from grading.printable import printable
from mlebench._support.ledger import hash_of
from mlebench.agents import AgentSpec
from mlebench.gateway.models import Model
from mlebench.profiles import Profile
from mlebench.registry.facts import EditionName
from mlebench.registry.suite import SuiteVersion
from mlebench.sandbox.base import SandboxName, SandboxWord, canonical, has_images, isolates

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
UNKNOWN_LIMITS = Profile(name="unknown", description="unknown limits of another harness", time_limit=1)
"""Placeholder for the limits of imported runs, which must not be compared; `profile: null` in `group.yaml`."""


@dataclass(frozen=True)
class PlannedRun:
    """One agent, one competition, one seed."""

    competition_id: str
    seed: int

    @functools.cached_property
    def run_id(self) -> str:
        """Name of the run's folder."""
        return f"{self.competition_id}_seed{self.seed}"


@dataclass(frozen=True)
class Plan:
    """One agent variant on some competitions with some seeds, and everything that a run's result depends on."""

    agent: AgentSpec
    competitions: tuple[str, ...]
    seeds: tuple[int, ...]
    profile: Profile
    sandbox: SandboxWord | None
    """None if another harness ran it."""
    edition: EditionName = "v1"
    split_key_hash: str | None = None
    """Fingerprint of a secret split key of edition v2; the key itself is never written."""
    obfuscated: bool = False
    """Whether agents read the task without names that let a model recall the competition."""
    data_dir: Path = field(default_factory=Path)
    agent_fingerprint: str = ""
    """Hash of the agent's folder when the group was created."""
    argument_settings: dict[str, Any] = field(default_factory=dict)
    """Arguments set for this group, apart from the agent's own."""
    profile_settings: dict[str, Any] = field(default_factory=dict)
    """Profile values set for this group."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """The models that its runs may call, by each name that agents may use, as defined when the group was created."""
    model_files: tuple[str, ...] = ()
    """Model files given for this group."""
    listed: tuple[PlannedRun, ...] | None = None
    """The runs of an imported group, which need not be every competition with every seed."""
    suite: SuiteVersion | None = None
    """The suite that its competitions belong to, as it was when the group was created; None if they belong to none."""

    @property
    def has_known_limits(self) -> bool:
        """Whether this harness set the limits and the sandbox of its runs."""
        return self.sandbox is not None and self.profile != UNKNOWN_LIMITS

    @property
    def has_gateway(self) -> bool:
        """Whether its runs have a gateway: always if they can reach nothing else, and on an open network if the `agent.yaml`
        lists `models`; an agent unaware of the gateway calls providers directly there, as always."""
        network = self.profile.network
        return network == "models" or (network == "open" and bool(self.agent.named_models))

    @property
    def isolates(self) -> bool:
        """Whether its sandbox isolates agents from the machine's network, files and processes."""
        return isolates(self.sandbox)

    @property
    def has_images(self) -> bool:
        """Whether its sandbox runs agents from images."""
        return has_images(self.sandbox)

    @property
    def sandbox_name(self) -> SandboxName | None:
        """Current name of its sandbox; None if another harness ran it."""
        return None if self.sandbox is None else canonical(self.sandbox)

    @property
    def agents_network(self) -> str:
        """The network that its agents have: in a container the profile's, in a plain process this machine's."""
        return self.profile.network if self.isolates else "not isolated"

    @functools.cached_property
    def runs(self) -> tuple[PlannedRun, ...]:
        """Every run, seed by seed, so that an unfinished group has tried each competition about equally often."""
        if self.listed is not None:
            return self.listed
        return tuple(PlannedRun(competition, seed) for seed in self.seeds for competition in self.competitions)

    @functools.cached_property
    def sha256(self) -> str:
        """A hash of everything that a result depends on, independent of the group's location. Each run's record holds it, so that
        later changes to a plan are noticed. Defaults are left out, so that a newer harness with more settings computes the same
        hash."""
        agent = self.agent
        parts = {
            "agent": agent.id,
            # as text: NaN and the like cannot be written as JSON
            "arguments": agent.command_arguments,
            "environment": dict(agent.environment),
            "agent_fingerprint": self.agent_fingerprint,
            "competitions": list(self.competitions),
            "seeds": list(self.seeds),
            "profile": self.profile.model_dump(mode="json", exclude_defaults=True),
            "profile_settings": self.profile_settings,
            "sandbox": self.sandbox,
            "edition": self.edition,
            "split_key_hash": self.split_key_hash,
            "obfuscated": self.obfuscated,
            "models": {name: model.model_dump(mode="json", exclude_defaults=True) for name, model in self.models.items()},
            **self._listed_content,
            **self._suite_content,
        }
        return hash_of(parts)

    def to_dict(self) -> dict[str, Any]:
        """The value of `plan` in `group.yaml`."""
        return {
            "agent": self.agent.to_dict(),
            "agent_fingerprint": self.agent_fingerprint,
            "competitions": list(self.competitions),
            "seeds": list(self.seeds),
            "profile": None if self.profile == UNKNOWN_LIMITS else self.profile.model_dump(mode="json"),
            "sandbox": self.sandbox,
            "edition": self.edition,
            "split_key_hash": self.split_key_hash,
            "obfuscated": self.obfuscated,
            "data_dir": str(self.data_dir),
            "argument_settings": self.argument_settings,
            "profile_settings": self.profile_settings,
            "models": {name: model.model_dump(mode="json", exclude_defaults=True) for name, model in self.models.items()},
            "model_files": list(self.model_files),
            **self._listed_content,
            **self._suite_content,
        }

    @property
    def suite_name(self) -> str | None:
        """Name and version of its suite, as reports state them."""
        return None if self.suite is None else str(self.suite)

    @property
    def _suite_content(self) -> dict[str, Any]:
        return {} if self.suite is None else {"suite": asdict(self.suite)}

    @property
    def _listed_content(self) -> dict[str, Any]:
        return {} if self.listed is None else {"listed": [asdict(run) for run in self.listed]}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Plan:
        """The inverse of `to_dict`.

        Raises:
            ValueError: a value is missing or of the wrong type.
        """
        if content.get("profile", {}) is None:
            content = {**content, "profile": UNKNOWN_LIMITS}
        plan: Plan = _adapter().validate_python(content)
        if plan.listed is not None and not {run.competition_id for run in plan.listed} <= set(plan.competitions):
            raise ValueError("`plan.listed` holds a run of a competition that is not in `plan.competitions`")
        for name in plan.competitions:
            if not _FOLDER_NAME.fullmatch(name):
                raise ValueError(f"`plan.competitions` holds {printable(name)}, which is not a competition id")
        return plan


@functools.cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)
