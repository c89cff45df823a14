"""Profiles: what a run may use (CPUs, memory, GPUs, time, network), read from `containers/profiles.yaml`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlebench._support.hints import unknown
from mlebench._support.paths import content_dir
from mlebench._support.quantities import Count, Duration, Size
from mlebench._support.yaml_model import read_model, validate
from mlebench.errors import UsageError

_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_LONGEST_HOST = 253

Network = Literal["none", "models", "open"]
"""What a run can reach: nothing; models through the gateway, and the hosts that `allow` names; everything."""
Grant = Literal["web_search", "web_fetch", "code_execution", "remote_mcp", "stored_conversations", "files", "remote_urls"]
"""What the gateway takes out of requests, or refuses, unless a profile grants it: tools that a provider runs itself, what it
keeps between calls, and addresses that it would fetch. All of them reach around the sandbox."""


class Budget(BaseModel):
    """The most that one run may spend on models; None is without a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: float | None = Field(default=None, gt=0, lt=1e9)
    """US dollars, by the prices of `models.yaml`."""
    input_tokens: Count | None = Field(default=None, gt=0, lt=10**15)
    """Cached ones included."""
    output_tokens: Count | None = Field(default=None, gt=0, lt=10**15)
    """Reasoning included."""
    calls: Count | None = Field(default=None, gt=0, lt=10**9)
    """Answered calls; those that a provider refused are not counted."""

    @model_validator(mode="before")
    @classmethod
    def _of_words(cls, value: Any) -> Any:
        """`usd=5,calls=200`, as a flag and a line of a file have it."""
        return cls._read(value) if isinstance(value, str) else value

    @staticmethod
    def _read(text: str) -> dict[str, str]:
        amounts: dict[str, str] = {}
        for word in filter(None, (part.strip() for part in text.split(","))):
            key, separator, amount = (part.strip() for part in word.partition("="))
            if not separator or not amount:
                raise ValueError(f"expected KEY=AMOUNT, such as `usd=5` or `usd=5,calls=200`, not {word!r}")
            if key in amounts:
                raise ValueError(f"`{key}` is given twice")
            amounts[key] = amount
        return amounts

    @property
    def words(self) -> str:
        """As a flag has it, `usd=5,calls=200`; empty without any limit."""
        return ",".join(f"{key}={value:g}" if key == "usd" else f"{key}={value}" for key, value in self.limits.items())

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, by key."""
        return {key: int(value) if value == int(value) else value for key, value in self.model_dump(exclude_none=True).items()}


class Profile(BaseModel):
    """Limits of one run. Sizes are bytes, durations seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    description: str = ""
    cpus: float = Field(default=1, gt=0)
    memory: Size = Field(default=2 * 2**30, gt=0)
    gpus: int = Field(default=0, ge=0)
    shm: Size = Field(default=64 * 2**20, gt=0)
    """Size of `/dev/shm`; data loaders with worker processes need it."""
    pids: int = Field(default=4096, gt=0)
    """Most processes and threads at once."""
    disk: Size = Field(default=100 * 2**30, gt=0)
    """Most bytes that the agent may write; a container that wrote more is stopped."""
    time_limit: Duration = Field(gt=0)
    grace: Duration = Field(default=30.0, ge=0)
    """Between SIGTERM and SIGKILL."""
    limits: Literal["enforced", "best-effort"] = "enforced"
    """Whether runs may start in containers of an engine that does not hold them to memory, CPUs and processes."""
    network: Network = "open"
    allow: tuple[str, ...] = ()
    """Hosts that are open next to models where `network` is `models`: `pypi.org`, `*.example.org`; `:port` for other than 443."""
    budget: Budget = Budget()
    grants: tuple[Grant, ...] = ()
    """What the gateway passes on although it reaches around the sandbox."""
    record: Literal["full", "usage"] = "full"
    """Whether the texts of calls to models are kept in `transcript/`, or only what they used."""
    patience: Duration = Field(default=600.0, ge=0)
    """Seconds for which a provider may fail without a break; then the run ends as `model-unavailable`."""
    task_text: Literal["ours", "kaggle"] = "ours"
    """What agents read: this project's description, or Kaggle's own pages (`mlebench prepare --kaggle-pages` gets them)."""
    snapshot_every: Duration = Field(default=600.0, ge=0)
    """A changed, complete submission is copied to `snapshots/` this often; 0 takes no snapshots."""
    max_output: Size = Field(default=10 * 2**30, gt=0)
    """Most bytes that are taken out of a run's submission, logs and code together."""

    @field_validator("allow", "grants", mode="before")
    @classmethod
    def _of_words(cls, value: Any) -> Any:
        """`pypi.org,files.pythonhosted.org`, as a flag has it."""
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("allow")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(_checked_host, hosts)))

    @field_validator("grants")
    @classmethod
    def _each_once(cls, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        return tuple(sorted(set(grants)))

    def changed(self, settings: dict[str, Any]) -> Self:
        """This profile with some values replaced, named `<name>+<key>=<value>…` so that a reader sees it.

        Raises:
            UsageError: an unknown key or a value of the wrong kind.
        """
        if not settings:
            return self
        made = validate({**self.model_dump(), **settings}, type(self), f"profile {self.name}")
        name = "+".join([self.name, *(f"{key}={made._word(key, value)}" for key, value in sorted(settings.items()))])
        return made.model_copy(update={"name": name})

    def _word(self, key: str, written: Any) -> str:
        """A value as a word of the name: as it was written, lists and budgets as flags have them."""
        if key == "budget":
            return self.budget.words or "none"
        value = getattr(self, key)
        return (",".join(value) or "none") if isinstance(value, tuple) else str(written)


def _checked_host(text: str) -> str:
    """A host in small letters, with its port where that is another than 443."""
    host, colon, port = text.strip().lower().partition(":")
    name = host.removeprefix("*.")
    if len(host) > _LONGEST_HOST or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name):
        raise ValueError(f"{text!r} is not a host; write `pypi.org`, `*.example.org` or `pypi.org:8443`, without scheme and path")
    if colon and not (re.fullmatch(r"[1-9]\d{0,4}", port) and int(port) < 2**16):
        raise ValueError(f"{text!r}: a port is a number from 1 to 65535, as in `pypi.org:8443`")
    if host != name and "." not in name:
        raise ValueError(f"{text!r} would open all of `.{name}`; write at least `*.NAME.{name}`")
    return host if port in ("", "443") else f"{host}:{port}"


class _ProfileFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    default: str
    profiles: dict[str, dict[str, Any]]


def list_profiles(path: Path | None = None) -> list[Profile]:
    """Every profile, in the order of the file.

    Raises:
        UsageError: the file or a profile is wrong, naming key and what was expected.
    """
    path, content = _read(path)
    return [_profile(name, content, path) for name in content.profiles]


def get_profile(name: str | None = None, path: Path | None = None) -> Profile:
    """The profile called `name`, or the default one.

    Raises:
        UsageError: there is no such profile (near names are listed), or it is wrong, naming key and what was expected.
    """
    path, content = _read(path)
    if content.default not in content.profiles:
        raise UsageError(f"{path}: `default` is {content.default!r}, expected one of {', '.join(content.profiles)}")
    name = content.default if name is None else name
    if name not in content.profiles:
        raise UsageError(unknown("profile", name, content.profiles))
    return _profile(name, content, path)


def _read(path: Path | None) -> tuple[Path, _ProfileFile]:
    path = path or content_dir("containers") / "profiles.yaml"
    return path, read_model(path, _ProfileFile)


def _profile(name: str, content: _ProfileFile, path: Path) -> Profile:
    return validate({**content.profiles[name], "name": name}, Profile, f"{path}: profile {name}")
