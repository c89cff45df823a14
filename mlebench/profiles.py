"""Profiles: what a run may use (CPUs, memory, GPUs, time, network), read from `containers/profiles.yaml`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlebench._support.paths import content_dir
from mlebench._support.quantities import Duration, Size
from mlebench._support.yaml_model import read_model, validate
from mlebench.errors import UsageError

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
    input_tokens: int | None = Field(default=None, gt=0, lt=10**15)
    """Cached ones included."""
    output_tokens: int | None = Field(default=None, gt=0, lt=10**15)
    """Reasoning included."""
    calls: int | None = Field(default=None, gt=0, lt=10**9)
    """Answered calls; those that a provider refused are not counted."""


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
    network: Network = "open"
    allow: tuple[str, ...] = ()
    """Hosts that are open beside models where `network` is `models`: `pypi.org`, `*.example.org`; `:port` for other than 443."""
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

    def changed(self, settings: dict[str, Any]) -> Profile:
        """This profile with some values replaced, named `<name>+<key>=<value>…` so that a reader sees it.

        Raises:
            UsageError: an unknown key or a value of the wrong kind.
        """
        if not settings:
            return self
        name = "+".join([self.name, *(f"{key}={value}" for key, value in sorted(settings.items()))])
        return validate({**self.model_dump(), **settings, "name": name}, Profile, f"profile {self.name}")


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
        near = difflib.get_close_matches(name, content.profiles, n=3) or list(content.profiles)
        raise UsageError(f"there is no profile `{name}`; choose one with `--profile {'|'.join(near)}`")
    return _profile(name, content, path)


def _read(path: Path | None) -> tuple[Path, _ProfileFile]:
    path = path or content_dir("containers") / "profiles.yaml"
    return path, read_model(path, _ProfileFile)


def _profile(name: str, content: _ProfileFile, path: Path) -> Profile:
    return validate({**content.profiles[name], "name": name}, Profile, f"{path}: profile {name}")
