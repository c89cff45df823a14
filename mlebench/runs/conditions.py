"""The conditions that make two runs comparable, as one value: runs that differ in it are never averaged.

It is computed once, when a run group is created, and kept in its `group.yaml`. A part that is None is unknown, because report
files of other harnesses state only a few of them; unknown equals only unknown.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from mlebench._support.quantities import show_duration, show_size
from mlebench._support.version import VERSION
from mlebench._support.yaml_model import describe
from mlebench.errors import MlebenchError
from mlebench.profiles import Profile
from mlebench.runs.competitions import load_competition
from mlebench.runs.models import served_models
from mlebench.runs.plan import Plan
from mlebench.sandbox.base import isolates

TaskText = Literal["plain", "obfuscated", "kaggle"]

_PARTS = {
    "agent": "agent",
    "arguments": "arguments",
    "agent_fingerprint": "agent's files",
    "models": "models",
    "models_served": "models served",
    "budget": "budget",
    "allow": "open hosts",
    "grants": "grants",
    "limits": "limits",
    "sandbox": "sandbox",
    "network": "network",
    "task_text": "task text",
    "edition": "edition",
    "split_key_hash": "split key",
    "suite": "suite",
    "competition_versions": "competition versions",
    "instance_hashes": "keys of generated data",
    "data": "data",
    "harness": "harness",
}
"""The compared parts, with the names that readers see."""
_OF_COMPETITIONS = ("competition_versions", "instance_hashes", "data")
_OF_BOTH = (*_OF_COMPETITIONS, "models_served")
"""Parts compared only for the competitions, or model names, that both sides have."""
_MOST_COMPETITIONS = 3
_NO_LIMITS = ("name", "description", "network", "task_text", "snapshot_every", "allow", "budget", "grants", "record", "patience")
"""Fields of a profile other than limits: descriptions, separate parts, and settings of the harness itself."""
_ENFORCEMENT = "limits"
"""The profile key that says whether limits must be enforced. If it is absent, they must be."""
_ABSENT = {"arguments": "not set", "budget": "not set"}
"""What a missing key means, if not unknown."""
_NO_SUITE = "no suite"
_OF_NONE = {"split_key_hash": "published", "suite": _NO_SUITE}
"""What None means, if not unknown."""
_SHOWN: Mapping[str, Callable[[float], str]] = {
    **dict.fromkeys(("memory", "shm", "disk", "max_output"), show_size),
    **dict.fromkeys(("time_limit", "grace"), show_duration),
}


class _Difference(NamedTuple):
    part: str
    """Name of the field."""
    key: str
    """The argument, limit or competition; empty if the part is a single value."""
    mine: Any
    """None if unknown; in arguments and limits, not set."""
    other: Any

    @property
    def is_one_sided(self) -> bool:
        """Whether the part is unknown on one side."""
        return not self.key and None in (self.mine, self.other)

    @property
    def texts(self) -> tuple[str, str]:
        """Both values as people write them, or unformatted if formatting would hide the difference."""
        show = _SHOWN.get(self.key, str) if self.part == "limits" else _as_written
        absent = _ABSENT.get(self.part, "unknown") if self.key != _ENFORCEMENT else "enforced"
        mine, other = (absent if value is None else show(value) for value in (self.mine, self.other))
        return (mine, other) if mine != other else (str(self.mine), str(self.other))

    @property
    def change(self) -> str:
        """The difference in words, such as `steps 1 → 100`."""
        mine, other = self.texts
        return f"{self._name} {mine} → {other}".strip()

    @property
    def label(self) -> str:
        """What distinguishes the first side, such as `steps=100`."""
        mine, _ = self.texts
        labels = {
            "arguments": f"{self.key}={mine}" if self.mine is not None else f"without {self.key}",
            "agent_fingerprint": f"files {mine[:7]}",
            "limits": f"{self._name} {mine}",
            "models_served": f"{self.key} as {mine}",
            "budget": f"budget {self.key}={mine}" if self.mine is not None else f"no budget in {self.key}",
            "allow": f"open hosts {mine}" if self.mine else "no open hosts",
            "grants": f"grants {mine}" if self.mine else "no grants",
            "network": f"network {mine}",
            "task_text": f"{mine} text",
            "split_key_hash": f"{mine} key",
            "suite": f"suite {mine}" if mine != _NO_SUITE else mine,
            "competition_versions": f"{self.key} version {mine}",
            "instance_hashes": f"{self.key} key {mine}",
            "data": f"{self.key} {mine} data",
            "harness": f"harness {mine}",
        }
        return labels.get(self.part, mine)

    @property
    def _name(self) -> str:
        return self.key.replace("_", " ") if self.part == "limits" else self.key


class _Limits(BaseModel):
    """Types of the limits that are not only compared but also used in calculations or shown with units."""

    time_limit: float | None = Field(default=None, gt=0, lt=1e12)
    grace: float | None = Field(default=None, ge=0, lt=1e12)
    memory: float | None = Field(default=None, ge=0, lt=1e18)
    shm: float | None = Field(default=None, ge=0, lt=1e18)
    disk: float | None = Field(default=None, ge=0, lt=1e18)
    max_output: float | None = Field(default=None, ge=0, lt=1e18)
    gpus: int | None = Field(default=None, ge=0, lt=1e6)


@dataclass(frozen=True)
class Conditions:
    """Everything that a result depends on besides the competition, the seed and chance."""

    agent: str
    """`name` or `name/variant`."""
    arguments: Mapping[str, Any] | None = None
    """Every argument of the agent, including those of its `agent.yaml`."""
    agent_fingerprint: str | None = None
    """Hash of the agent's folder."""
    models: tuple[str, ...] | None = None
    """Names of the models that the agent calls, according to its `agent.yaml` or its arguments."""
    models_served: Mapping[str, str] = field(default_factory=dict)
    """The model behind each name that the agent may use at the gateway, such as `gpt-5.1 of openai`; empty without a gateway."""
    budget: Mapping[str, float] = field(default_factory=dict)
    """The most that a run may spend on models, by unit; see `mlebench.profiles.Budget`."""
    allow: tuple[str, ...] = ()
    """Hosts that are reachable besides the models."""
    grants: tuple[str, ...] = ()
    """Provider features that the gateway permits although they bypass the sandbox."""
    limits: Mapping[str, Any] | None = None
    """The profile by value: sizes in bytes, durations in seconds, counts."""
    sandbox: str | None = None
    network: str | None = None
    task_text: TaskText | None = None
    """plain: this project's description; obfuscated: without names that let a model recall the competition; kaggle: its pages."""
    edition: str = "v1"
    split_key_hash: str | None = None
    """Fingerprint of a secret split key; None for the published one."""
    suite: str | None = None
    """Name and version of the suite that the competitions belong to, such as `my-suite 2`; None if they belong to none."""
    competition_versions: Mapping[str, int | None] = field(default_factory=dict)
    """Version by competition."""
    instance_hashes: Mapping[str, str | None] = field(default_factory=dict)
    """Fingerprint of the key by competition whose data is generated from one."""
    data: Mapping[str, str] = field(default_factory=dict)
    """real or mock, by competition, where known."""
    harness: str | None = None
    """Version series of the harness, `major.minor`."""
    profile: str = field(default="", compare=False)
    """Name of the limits; equal limits under two names are the same conditions."""

    @classmethod
    def of(cls, plan: Plan) -> Conditions:
        """The conditions of a plan that is run now, with the current competitions and harness."""
        versions: dict[str, int | None] = {}
        keys: dict[str, str | None] = {}
        data: dict[str, str] = {}
        for competition_id in plan.competitions:
            try:
                competition = load_competition(plan.data_dir, plan.edition, None, competition_id)
            except MlebenchError:  # its folder is gone or damaged
                versions[competition_id] = None
                continue
            versions[competition_id] = competition.facts.version
            if competition.facts.keyed:
                keys[competition_id] = competition.instance_hash
            if kind := competition.data_kind:
                data[competition_id] = kind
        known = {"competition_versions": versions, "instance_hashes": keys, "data": data, "harness": _series(VERSION)}
        return replace(cls.of_plan(plan), **known)  # type: ignore[arg-type]

    @classmethod
    def recorded(cls, content: Mapping[str, Any], plan: Plan) -> Conditions:
        """The conditions in a `group.yaml`; for one written before conditions were kept, those known from its plan and manifest.

        Raises:
            ValueError: the conditions are damaged.
        """
        if "conditions" in content:
            return cls.from_dict(content["conditions"])
        version = content["manifest"].get("harness", {}).get("version")
        return replace(cls.of_plan(plan), harness=version and _series(version))

    @classmethod
    def of_plan(cls, plan: Plan) -> Conditions:
        """The conditions known from a plan alone, without those of competitions, data and harness."""
        profile = plan.profile
        return cls(
            agent=plan.agent.id,
            arguments=dict(plan.agent.arguments),
            agent_fingerprint=plan.agent_fingerprint or None,
            models=tuple(plan.agent.models),
            models_served=served_models(plan),
            budget=profile.budget.limits,
            allow=tuple(sorted(profile.allow)) if profile.network == "models" else (),
            grants=profile.grants if plan.has_gateway else (),
            limits=_limits_of(profile),
            sandbox=plan.sandbox,
            network=plan.agents_network,
            task_text="obfuscated" if plan.obfuscated else "kaggle" if profile.task_text == "kaggle" else "plain",
            edition=plan.edition,
            split_key_hash=plan.split_key_hash,
            suite=plan.suite_name,
            competition_versions=dict.fromkeys(plan.competitions),
            profile=profile.name,
        )

    def to_dict(self) -> dict[str, Any]:
        """The value of `conditions` in `group.yaml`; `suite` only where there is one."""
        content: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return content if self.suite is not None else {key: value for key, value in content.items() if key != "suite"}

    @classmethod
    def from_dict(cls, content: Any) -> Conditions:
        """The inverse of `to_dict`; keys of a newer harness are ignored.

        Raises:
            ValueError: a key is missing or wrong; the message says which.
        """
        try:
            conditions = _adapter().validate_python(content)
            _Limits.model_validate(conditions.limits or {})
            return conditions
        except ValidationError as error:
            raise ValueError(f"`conditions` is damaged: {describe(error)}") from None

    @property
    def hours(self) -> float | None:
        """Time limit of a run."""
        seconds = (self.limits or {}).get("time_limit")
        return None if seconds is None else float(seconds) / 3600

    def limits_in_words(self) -> dict[str, str]:
        """The limits as people write them, such as `24 h` and `16.0 GiB`; empty if unknown."""
        told = {key: value for key, value in (self.limits or {}).items() if value is not None}
        shown = {
            key: _SHOWN.get(key, _as_written) if isinstance(value, int | float) else _as_written for key, value in told.items()
        }
        return {key.replace("_", " "): shown[key](value) for key, value in told.items()}

    @property
    def gpus(self) -> int | None:
        """GPUs of a run."""
        return (self.limits or {}).get("gpus")

    def differences(self, other: Conditions) -> list[str]:
        """The parts in which `other` differs, such as `arguments (steps 1 → 100)`; empty if both may be averaged.

        Parts that are known on only one side are listed together in the last entry.
        """
        found = list(self._compare(other))
        changes: dict[str, list[str]] = {}
        for entry in found:
            if not entry.is_one_sided:
                changes.setdefault(entry.part, []).append(entry.change)
        told = [f"{_PARTS[part]} ({', '.join(_few(part, entries))})" for part, entries in changes.items()]
        unknown = [_PARTS[entry.part] for entry in found if entry.is_one_sided]
        return [*told, f"{', '.join(unknown)} (unknown on one side)"] if unknown else told

    def set_apart(self, others: Iterable[Conditions]) -> list[str]:
        """What distinguishes these conditions from others of the same agent, such as `steps=100` or `local`; empty if nothing
        does."""
        labels: dict[str, list[str]] = {}
        for other in others:
            found = list(self._compare(other)) if other.agent == self.agent else []
            if any(entry.is_one_sided for entry in found):
                if any(entry.is_one_sided and entry.mine is None for entry in found):
                    return ["conditions unknown"]
                continue  # the other side reports this difference
            for entry in found:
                known = labels.setdefault(entry.part, [])
                known += [entry.label] if entry.label not in known else []
        return [label for part in _PARTS for label in _few(part, labels.get(part, []))]

    def joined(self, other: Conditions) -> Conditions:
        """These conditions, extended to the competitions of both; the two must not differ."""
        return replace(
            self,
            competition_versions={**self.competition_versions, **other.competition_versions},
            instance_hashes={**self.instance_hashes, **other.instance_hashes},
            data={**self.data, **other.data},
        )

    def _compare(self, other: Conditions) -> Iterator[_Difference]:
        for part in _PARTS:
            mine, others = self._part(part), other._part(part)
            if mine == others or self._is_told_elsewhere(part, other):
                continue
            if not isinstance(mine, Mapping) or not isinstance(others, Mapping):
                yield _Difference(part, "", mine, others)
                continue
            shared = part in _OF_BOTH
            for key in [key for key in mine if key in others] if shared else dict.fromkeys([*mine, *others]):
                if mine.get(key) != others.get(key):
                    yield _Difference(part, key, mine.get(key), others.get(key))

    def _is_told_elsewhere(self, part: str, other: Conditions) -> bool:
        """Whether another part already reports the difference: models are arguments, and a plain process has no separate
        network."""
        if part == "models":
            return self.arguments is not None and other.arguments is not None
        if part != "network" or self.sandbox == other.sandbox:
            return False
        return any(sandbox is not None and not isolates(sandbox) for sandbox in (self.sandbox, other.sandbox))

    def _part(self, name: str) -> Any:
        value = getattr(self, name)
        if name == "sandbox" and value == "local":
            # its name in earlier harnesses
            return "plain"
        return _OF_NONE.get(name) if value is None else value


def _few(part: str, texts: list[str]) -> list[str]:
    """The texts; for many competitions, the first ones and the number of the rest."""
    if part not in _OF_COMPETITIONS or len(texts) <= _MOST_COMPETITIONS:
        return texts
    return [*texts[: _MOST_COMPETITIONS - 1], f"and {len(texts) - _MOST_COMPETITIONS + 1} more"]


@functools.cache
def _adapter() -> TypeAdapter[Conditions]:
    return TypeAdapter(Conditions)


def _as_written(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _limits_of(profile: Profile) -> dict[str, Any]:
    limits = {key: value for key, value in profile.model_dump(mode="json").items() if key not in _NO_LIMITS}
    if profile.limits == "enforced":
        # as recorded by harnesses that supported nothing else
        del limits[_ENFORCEMENT]
    return limits


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])
