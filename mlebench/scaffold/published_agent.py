"""Converts an agent folder of the published harness.

    aide:
      start: aide/start.sh
      dockerfile: aide/Dockerfile
      kwargs_type: omegaconf
      kwargs: {agent.steps: 500}
      env_vars: {OPENAI_API_KEY: "${{ secrets.OPENAI_API_KEY }}"}
    aide/quick:
      ...

Each variant there is complete; other keys hold parts that variants share through YAML anchors.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from string import Template
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mlebench._support.files import write_text, write_yaml
from mlebench._support.yaml_model import read_yaml, validate
from mlebench.agents import NOT_COPIED, Argument
from mlebench.errors import UsageError

CONFIG = "config.yaml"
_OPTIONS_SCRIPT = "start_with_options.sh"
_OPTIONS_SOURCE = """\
#!/bin/sh
# the agent's script takes --key value; this harness passes key=value
for word in "$$@"; do
    shift
    set -- "$$@" "--$${word%%=*}" "$${word#*=}"
done
own="$${AGENT_DIR:-/home/agent}/$start"
[ -x "$$own" ] || set -- "$$own" "$$@"
[ -x "$$own" ] || exec bash "$$@"
exec "$$own" "$$@"
"""
_BASE_IMAGE = re.compile(r"^FROM[ \t]+mlebench-env(:\S+)?[ \t]*$", re.MULTILINE | re.IGNORECASE)


class _Entry(BaseModel):
    """The keys read of an agent or a variant."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    start: str
    dockerfile: str | None = None
    kwargs_type: Literal["omegaconf", "argparse"] | None = None
    kwargs: dict[str, Argument] = {}
    env_vars: dict[str, str | int | float | bool | None] = {}
    privileged: bool = False


def is_published_agent(folder: Path) -> bool:
    """Whether a folder contains an agent of the published harness."""
    return (folder / CONFIG).is_file() and not (folder / "agent.yaml").exists()


def convert_agent(old: Path, folder: Path) -> None:
    """Copy the agent in `old` to the new `folder`, with an `agent.yaml`, a Dockerfile on our base, and a TODO for the rest.

    Raises:
        UsageError: `old` contains no such agent, or its `config.yaml` is invalid.
    """
    if not is_published_agent(old):
        raise UsageError(f"{old} contains no {CONFIG}; give `--from` an agent folder of the published harness")
    entries = _read_entries(old)
    takes_options = any(entry.kwargs_type == "argparse" for entry in entries.values())
    start = _one_file(old, "start", entries)
    dockerfile = _one_file(old, "dockerfile", entries)
    ignored = shutil.ignore_patterns(*NOT_COPIED, CONFIG)
    shutil.copytree(old, folder, symlinks=True, ignore=ignored)
    if dockerfile:
        _rewrite_dockerfile(folder / dockerfile, folder / "Dockerfile")
    if start and takes_options:
        start = _write_options_script(folder, start)
    content = _agent_file(entries, folder.name) | ({"start": start} if start else {})
    write_yaml(folder / "agent.yaml", content)
    if any(entry.privileged for entry in entries.values()):
        _put_note(folder / "agent.yaml", "the agent asked for a privileged container, which no agent gets; remove what needs it")


def _read_entries(old: Path) -> dict[str | None, _Entry]:
    """The agent under None, its variants under their names."""
    where = old / CONFIG
    content = read_yaml(where)
    listed = {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}
    starting = {key: value["start"] for key, value in listed.items() if isinstance(value, dict) and "start" in value}
    # paths begin with the original name of the folder; keys of shared settings do not
    own = {str(start).partition("/")[0] for start in starting.values()}
    names = sorted((key for key in starting if key.partition("/")[0] in own), key=lambda key: (key.count("/"), key))
    if not names:
        raise UsageError(f"{where} defines no agent; it needs a key `{old.name}` with `start: {old.name}/start.sh`")
    return {key.partition("/")[2] or None: validate(listed[key], _Entry, f"{where}, {key}") for key in names}


def _one_file(old: Path, kind: Literal["start", "dockerfile"], entries: dict[str | None, _Entry]) -> str | None:
    """The one file that all variants give, as a path in the folder; they give it relative to the parent folder."""
    names = sorted({str(name) for entry in entries.values() if (name := getattr(entry, kind))})
    if not names:
        return None
    if len(names) > 1:
        raise UsageError(f"{old / CONFIG}: the variants have different values of `{kind}` ({', '.join(names)}); keep one")
    inside = names[0].partition("/")[2] or names[0]
    if not (old / inside).is_file():
        raise UsageError(f"{old / CONFIG}: `{kind}` is {names[0]}, but {old / inside} does not exist")
    return inside


def _agent_file(entries: dict[str | None, _Entry], name: str) -> dict[str, Any]:
    first, *others = entries
    base = entries[first]
    content: dict[str, Any] = {
        "description": f"{name}, written for the published harness",
        "arguments": dict(base.kwargs),
        "environment": _environment(base),
        # the published harness gives agents an open network
        "resources": {"network": "open"},
    }
    variants = {other: _difference(base, entries[other]) for other in others if other}
    if first:
        variants = {first: {}, **variants}
    return content | ({"variants": variants} if variants else {})


def _difference(base: _Entry, entry: _Entry) -> dict[str, Any]:
    """What a variant changes of the agent whose settings it inherits; null removes an argument."""
    arguments: dict[str, Argument] = {key: value for key, value in entry.kwargs.items() if base.kwargs.get(key) != value}
    arguments |= dict.fromkeys(base.kwargs.keys() - entry.kwargs.keys())
    environment = {key: value for key, value in _environment(entry).items() if _environment(base).get(key) != value}
    environment |= dict.fromkeys(base.env_vars.keys() - entry.env_vars.keys(), "")
    return {key: value for key, value in (("arguments", arguments), ("environment", environment)) if value}


def _environment(entry: _Entry) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in entry.env_vars.items()}


def _rewrite_dockerfile(source: Path, target: Path) -> None:
    """Build on our base instead of the published one."""
    text = source.read_text(encoding="utf-8")
    source.unlink()
    write_text(target, _BASE_IMAGE.sub("ARG BASE\nFROM ${BASE}", text))
    if not _BASE_IMAGE.search(text):
        _put_note(target, "it builds on another image; write `ARG BASE` and `FROM ${BASE}` instead")
    if "conda" in text:
        _put_note(target, "the base image has no conda, its environment is /opt/venv; install with `pip install`")


def _write_options_script(folder: Path, start: str) -> str:
    """A script that passes arguments to the agent's script as `--key value`."""
    path = folder / _OPTIONS_SCRIPT
    write_text(path, Template(_OPTIONS_SOURCE).substitute(start=start))
    path.chmod(0o755)
    return path.name


def _put_note(path: Path, note: str) -> None:
    write_text(path, f"# TODO: {note}\n{path.read_text(encoding='utf-8')}")
