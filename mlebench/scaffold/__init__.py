"""New competition and agent folders: complete files that work on made-up data, with a TODO at each place to fill in."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from string import Template
from typing import Literal, NamedTuple

from mlebench._support.files import write_text
from mlebench.agents import NAME_PATTERN, NOT_COPIED, AgentSpec
from mlebench.errors import UsageError

Kind = Literal["competition", "agent"]

_NAMES = {"competition": r"[A-Za-z0-9][A-Za-z0-9-]*", "agent": NAME_PATTERN}
_ALLOWED = {"competition": "letters, digits and hyphens", "agent": "lower-case letters, digits, dots, hyphens and underscores"}


class Todo(NamedTuple):
    """A place that the author of a new folder has to fill in."""

    path: Path
    line: int
    text: str


def scaffold(kind: Kind, name: str, home: Path) -> list[Todo]:
    """Create the folder `home/name`.

    Returns:
        What is left to fill in, in the order of files and lines.

    Raises:
        UsageError: the name is invalid, or the folder exists.
    """
    folder = new_folder(kind, name, home)
    folder.mkdir(parents=True)
    for template in sorted((Path(__file__).parent / kind).iterdir()):
        target = folder / template.name.removesuffix(".txt")
        target.write_text(Template(template.read_text(encoding="utf-8")).substitute(name=name), encoding="utf-8")
        if target.suffix == ".sh":
            target.chmod(0o755)
    return todos(folder)


def adopt_agent(old: Path, name: str, home: Path) -> list[Todo]:
    """Create the folder `home/name` by converting an agent folder of the published harness.

    Returns:
        What is left to do by hand, in the order of files and lines.

    Raises:
        UsageError: the name is invalid, the folder exists, or `old` contains no such agent.
    """
    from mlebench.scaffold.published_agent import convert_agent

    folder = new_folder("agent", name, home)
    convert_agent(old, folder)
    return todos(folder)


def copy_agent(like: AgentSpec, name: str, home: Path) -> list[Todo]:
    """Create the folder `home/name` as a copy of another agent.

    Returns:
        What is left to fill in, in the order of files and lines.

    Raises:
        UsageError: the name is invalid, or the folder exists.
    """
    folder = new_folder("agent", name, home)
    shutil.copytree(like.directory, folder, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
    settings = folder / "agent.yaml"
    text = settings.read_text(encoding="utf-8")
    write_text(settings, f"# TODO: a copy of {like.name}; describe this agent in `description`\n{text}")
    return todos(folder)


def new_folder(kind: Kind, name: str, home: Path) -> Path:
    """Where a new folder is created; nothing is created yet.

    Raises:
        UsageError: the name is invalid, or the folder exists.
    """
    if not re.fullmatch(_NAMES[kind], name):
        raise UsageError(f"`{name}` is not a valid {kind} name; use only {_ALLOWED[kind]}, such as my-{kind}")
    folder = home / name
    if folder.exists():
        raise UsageError(f"{folder} already exists; choose another name, or another folder with `--into`")
    return folder


def todos(folder: Path) -> list[Todo]:
    """The lines of a folder's files that contain TODO."""
    return [
        Todo(path, number, line.strip().lstrip("#- ").removeprefix("TODO").lstrip(": "))
        for path in sorted(folder.iterdir())
        if path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if "TODO" in line
    ]
