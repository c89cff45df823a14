"""What a user asks of the task, checked before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mlebench._support import paths
from mlebench._support.yaml_model import validate
from mlebench.errors import UsageError
from mlebench.profiles import Profile, get_profile
from mlebench.registry import Competition, Registry
from mlebench.registry.catalogue import SPLITS
from mlebench.registry.lists import ids_of_split
from mlebench.runs.competitions import load_competition
from mlebench.runs.given import unprepared

SPLIT_KEY_VARIABLE = "MLEBENCH_SPLIT_KEY"
"""The key is not a parameter, as Inspect writes those into its logs."""


class _Parameters(BaseModel):
    """The parameters of the task, as `-T` gives them; Inspect itself makes numbers and lists of the words, and checks none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    split: str | None
    ids: str | list[str] | None
    edition: str
    seeds: int = Field(ge=1)
    obfuscated: bool
    profile: str | None
    time_limit: str | float | None
    network: str
    data_dir: str | None
    package_set: str
    docker_image_name: str | None
    cpu_override: float | None
    mem_override: str | int | None
    gpu_count: int | None
    gpu_driver: str
    compose_overrides: dict[str, Any] | str | None
    tool_timeout: int | None = Field(ge=1)


def check_parameters(given: Mapping[str, Any]) -> None:
    """Refuse parameters that the task has not, and values that are none of their kind.

    Raises:
        UsageError: there is one; the message names it and, where its name is nearly right, the right one.
    """
    validate(dict(given), _Parameters, "`-T`")


@dataclass(frozen=True)
class DataPlace:
    """Which data is worked on and graded with; a process that is not told so again finds the competition by it."""

    data_dir: Path
    edition: Literal["v1", "v2"]

    @classmethod
    def of(cls, data_dir: str | None, edition: str) -> DataPlace:
        """The place that a user names.

        Raises:
            UsageError: there is no such edition.
        """
        if edition not in ("v1", "v2"):
            raise UsageError(f"unknown edition {edition!r}; give `-T edition=v1` or `-T edition=v2`")
        return cls(paths.data_dir(data_dir), "v2" if edition == "v2" else "v1")

    def competition(self, competition_id: str) -> Competition:
        """A competition.

        Raises:
            UsageError: there is none of this id, or its folder is faulty.
        """
        return load_competition(self.data_dir, self.edition, os.environ.get(SPLIT_KEY_VARIABLE) or None, competition_id)


def chosen(place: DataPlace, split: str | None, ids: str | list[str] | None) -> list[Competition]:
    """The competitions that a user names, each once and prepared.

    Args:
        place: where their data is.
        split: a split, or a file with one id a line; `low.txt` stands for `low` where there is no such file.
        ids: single competitions, as a list or separated by commas.

    Raises:
        UsageError: none is named, one does not exist, or one is not prepared.
    """
    words = ids.split(",") if isinstance(ids, str) else list(ids or ())
    named = [word.strip() for word in words if word.strip()]
    if split is not None:
        stem = split.removesuffix(".txt")
        named += ids_of_split(stem if stem in SPLITS and not Path(split).exists() else split, Registry(edition=place.edition))
    if not named:
        raise UsageError("choose competitions with `-T split=low` or `-T ids=ID,ID`; `mlebench list` lists them")
    found = [place.competition(name) for name in dict.fromkeys(named)]
    if problems := unprepared(found):
        raise UsageError("; ".join(problems))
    return found


def limits(
    profile: str | None, cpus: float | None, memory: str | None, gpus: int | None, time_limit: str | None, network: str
) -> Profile:
    """The limits of each sample: those of a profile, with the values that a user gives instead.

    Raises:
        UsageError: there is no such profile, or a value is not what it has to be.
    """
    if network not in ("none", "open"):
        raise UsageError(f"`-T network={network}` is neither none nor open; models need no network, as Inspect itself calls them")
    changes = {"cpus": cpus, "memory": memory, "gpus": gpus, "time_limit": time_limit}
    made = get_profile(profile).changed({key: value for key, value in changes.items() if value is not None})
    return made.model_copy(update={"network": network})


def overrides(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """What is laid over the compose file: a mapping, its YAML or JSON, or the path of a file with it.

    Raises:
        UsageError: it is nothing of that.
    """
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    try:
        text = Path(given).read_text(encoding="utf-8") if given.endswith((".yaml", ".yml", ".json")) else given
        read = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"`-T compose_overrides` cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(read, dict):
        raise UsageError("`-T compose_overrides` is not a mapping; give one such as '{services: {default: {hostname: lab}}}'")
    return read
