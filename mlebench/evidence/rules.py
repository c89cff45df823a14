"""Rules that a result must satisfy to become a row of a board: small files, `rule_sets/NAME.yaml` or one of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlebench._support.hints import unknown
from mlebench._support.quantities import Count, Duration, Size, show_duration, show_size
from mlebench._support.yaml_model import read_model, refusal, without_empty_keys
from mlebench.errors import UsageError
from mlebench.evidence.verdict import LEVELS, LevelName
from mlebench.profiles import Grant, Network, Profile, get_profile
from mlebench.registry import Registry
from mlebench.registry.catalogue import SPLITS
from mlebench.registry.facts import EditionName
from mlebench.runs.conditions import TaskText

RULE_SETS = Path(__file__).parent / "rule_sets"
_SUFFIXES = (".yaml", ".yml")

Evidence = Literal["submission", "code", "ledgers", "transcript", "logs"]
"""What the bundle must hold of a run, not by hash alone."""


class Limits(BaseModel):
    """The most that a run may have; None is not looked at. Sizes are bytes, durations seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: float | None = Field(default=None, gt=0)
    memory: Size | None = Field(default=None, gt=0)
    gpus: Count | None = Field(default=None, ge=0)
    shm: Size | None = Field(default=None, gt=0)
    pids: Count | None = Field(default=None, gt=0)
    disk: Size | None = Field(default=None, gt=0)
    time_limit: Duration | None = Field(default=None, gt=0)
    grace: Duration | None = Field(default=None, ge=0)
    max_output: Size | None = Field(default=None, gt=0)

    @classmethod
    def of(cls, profile: Profile) -> Limits:
        """Those of a profile."""
        return cls(**{key: getattr(profile, key) for key in cls.model_fields})

    def beyond(self, profile: Profile) -> list[str]:
        """What of a profile is more than this, such as `memory 64 GB (at most 32 GB)`."""
        pairs = [(key, getattr(profile, key), most) for key, most in self if most is not None]
        return [f"{key} {_shown(key, value)} (at most {_shown(key, most)})" for key, value, most in pairs if value > most]


class Rules(BaseModel):
    """What a result must be. A key that is left out has the value that is written here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    """By default that of the file."""
    description: str = ""
    editions: tuple[EditionName, ...] = Field(default=get_args(EditionName), min_length=1)
    """Any of these."""
    split: str | tuple[str, ...] = "any"
    """The competitions that must be there: a split, also of a suite, a list of ids, or `any`: those of the group itself. More do
    no harm."""
    seeds: int = Field(default=1, ge=1, le=1000, strict=True)
    """The fewest different seeds of each competition."""
    profile: str | None = None
    """A profile of this harness whose limits are the most that a run may have."""
    limits: Limits = Limits()
    """The most that a run may have; stands before the profile's."""
    network: tuple[Network, ...] = Field(default=get_args(Network), min_length=1)
    allow: tuple[str, ...] = ()
    """Hosts that may be open next to models."""
    grants: tuple[Grant, ...] = ()
    """What the gateway may grant."""
    sandbox: tuple[Literal["docker", "apptainer", "bubblewrap", "plain", "local"], ...] = Field(default=("docker",), min_length=1)
    task_text: tuple[TaskText, ...] = Field(default=get_args(TaskText), min_length=1)
    models: Literal["named", "any"] = "any"
    """named: the group names its models, and asked no others."""
    missing_runs: int = Field(default=0, ge=0, strict=True)
    """The most planned runs that have not ended, of all groups of a result together."""
    infrastructure_failures: int = Field(default=0, ge=0, strict=True)
    """The most runs that the infrastructure failed, of all groups of a result together."""
    repeated_attempts: int = Field(default=0, ge=0, strict=True)
    """The most attempts that were followed by another one though the infrastructure had not failed them: who runs failures again
    until they succeed has chosen among results."""
    mock_data: Literal["refuse", "allow"] = "refuse"
    levels: tuple[LevelName, ...] = ("files", "plan", "ledgers")
    """The levels that must hold; the others are shown and keep nothing from its row unless they fail."""
    too_good: Literal["refuse", "flag", "ignore"] = "flag"
    """What becomes of a score beyond the best row of its competition's private board."""
    medals: tuple[Evidence, ...] = ("submission", "ledgers")
    """What the bundle must hold of each run with a medal."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, content: Any) -> Any:
        return without_empty_keys(content)

    @field_validator("editions", "network", "allow", "grants", "sandbox", "task_text", "levels", "medals", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("split")
    @classmethod
    def _is_known(cls, split: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(split, str) and split not in ("any", *SPLITS) and not (registry := Registry()).has_split(split):
            raise ValueError(f"{unknown('split', split, ['any', *registry.split_names()])}; or give a list of ids")
        if not split:
            raise ValueError("write at least one id, or `any`")
        return split

    @field_validator("levels")
    @classmethod
    def _are_before(cls, levels: tuple[LevelName, ...]) -> tuple[LevelName, ...]:
        if "rules" in levels:
            raise ValueError("`rules` is the level that states whether all of this holds; remove it")
        return tuple(name for name in LEVELS if name in levels)

    @field_validator("profile")
    @classmethod
    def _exists(cls, profile: str | None) -> str | None:
        if profile is not None:
            try:
                get_profile(profile)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return profile

    @property
    def most(self) -> Limits:
        """The most that a run may have: the profile's limits, and in their place those that are written."""
        of_profile = Limits.of(get_profile(self.profile)) if self.profile is not None else Limits()
        return of_profile.model_copy(update=self.limits.model_dump(exclude_none=True))

    def competitions(self, edition: EditionName) -> tuple[str, ...] | None:
        """The ids that must be there, in alphabetical order; None if any will do."""
        if self.split == "any":
            return None
        if isinstance(self.split, str):
            return tuple(Registry(edition=edition).list_competition_ids(self.split))
        return tuple(sorted(set(self.split)))

    def refused_suite(self, suite: str | None, edition: EditionName) -> str | None:
        """What is wrong with the suite of a group, as a sentence; None if nothing is. Rules about splits of the benchmark are
        about no suite, and those about a suite's split are about the version that is installed."""
        if (wanted := self.competitions(edition)) is None:
            return None
        registry = Registry(edition=edition)
        required = {None if (found := registry.get_competition(name).suite) is None else str(found) for name in wanted}
        if required <= {suite}:
            return None
        ours = f"the benchmark's split {self.split}" if self.split in SPLITS else "competitions of no suite"
        said = "its competitions belong to no suite" if suite is None else f"its competitions are those of suite {suite}"
        about = " or ".join(ours if name is None else f"suite {name}" for name in sorted(required, key=str))
        return f"{said}; the rules are about {about}"


def rule_sets() -> dict[str, Rules]:
    """The sets that come with the harness, by name."""
    return {path.stem: _of_file(path) for path in sorted(RULE_SETS.glob("*.yaml"))}


def rules_of(word: str) -> Rules:
    """The set of that name, or the rules in a file, `FILE.yaml`.

    Raises:
        UsageError: there is no such set (near names and all are listed), or the file is wrong, with line and key.
    """
    path = Path(word).expanduser()
    if word and (RULE_SETS / f"{word}.yaml").is_file() and path.name == word:
        return _of_file(RULE_SETS / f"{word}.yaml")
    if path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        return _of_file(path)
    sets = rule_sets()
    listed = "; ".join(f"`{name}`: {rules.description}" for name, rules in sets.items())
    raise UsageError(f"{unknown('rule set', word, sets)} ({listed}); for rules of your own, give `FILE.yaml`")


def _of_file(path: Path) -> Rules:
    rules = read_model(path, Rules)
    if isinstance(rules.split, tuple):
        registry = Registry()
        for place, name in enumerate(rules.split):
            try:
                registry.get_competition(name)
            except UsageError as error:
                raise refusal(path, ("split", place), str(error)) from None
    return rules if rules.name else rules.model_copy(update={"name": path.stem})


def _shown(key: str, value: float) -> str:
    if key in ("memory", "shm", "disk", "max_output"):
        return show_size(value)
    return show_duration(value) if key in ("time_limit", "grace") else f"{value:g}"
