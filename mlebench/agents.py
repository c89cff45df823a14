"""Agents: the validated model of `agents/<name>/agent.yaml`, variants by inheritance, and how a name finds its folder.

An `agent.yaml` names what differs from the defaults:

    description: tree search over whole solutions
    arguments: {steps: 100, model: gpt-5}        # given to start.sh as `steps=100 model=gpt-5`
    models: [ "${{ arguments.model }}" ]         # models that it asks through the gateway, by their names in models.yaml
    dialects: [responses]                        # in any of which it can ask them
    environment:
      OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
    variants:
      gpt:      {arguments: {model: gpt-5}}
      gpt-long: {extends: gpt, arguments: {steps: 500}}

`${{ secrets.NAME }}` is read from the environment or a `.env` file when a run starts and kept out of plans, records and images;
`${{ arguments.NAME }}` stands for an argument's value.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import json
import os
import re
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from grading.printable import printable
from mlebench._support.dialect import DialectName
from mlebench._support.hints import mistyped, unknown
from mlebench._support.paths import content_dirs
from mlebench._support.yaml_model import read_model, without_empty_keys
from mlebench.errors import UsageError

Argument = str | int | float | bool | list[Any] | None
"""A value of `arguments`; null takes an inherited argument away."""

_PLACEHOLDER = re.compile(r"\$\{\{\s*(secrets|arguments)\.([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")
_LISTING = "`mlebench agents`"
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
"""What an agent may be called."""
NOT_COPIED = ("__pycache__", ".git", ".env")
"""Names in an agent's folder that do not belong to the agent: they reach no run and do not count as a change of it."""
_SETTLED_SECONDS = 2.0
_SHELL_SUFFIXES = (".sh", ".bash")
_BAD_LINES = re.compile(rb"\A\xef\xbb\xbf|\r\n")
_LARGEST_SCRIPT = 2**20


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, content: Any) -> Any:
        return without_empty_keys(content)

    @field_validator("environment")
    @classmethod
    def _can_be_set(cls, environment: dict[str, str | int | float]) -> dict[str, str | int | float]:
        for name, value in environment.items():
            if not name or "=" in name:
                raise ValueError(f"'{printable(name)}' is not a valid variable name; a name is not empty and contains no `=`")
            if "\0" in f"{name}{value}":
                raise ValueError(f"'{printable(name)}' contains a NUL byte; remove it")
        return environment

    @field_validator("models")
    @classmethod
    def _hold_no_secret(cls, models: list[str] | None) -> list[str] | None:
        for text in models or ():
            if not text.strip() or any(kind == "secrets" for kind, _ in _PLACEHOLDER.findall(text)):
                raise ValueError(
                    f"'{printable(text)}' is not a model; write a name from models.yaml or `${{{{ arguments.NAME }}}}`"
                )
        return models

    description: str | None = None
    start: str | None = None
    """The script in the agent's folder that does the work."""
    image: str | None = None
    """An image that exists already; when absent it is built from the folder's Dockerfile."""
    arguments: dict[str, Argument] = {}
    environment: dict[str, str | int | float] = {}
    resources: dict[str, Any] = {}
    """Values of the profile that this agent needs differently, such as `{shm: 16g}`."""
    models: list[str] | None = None
    """Names of the models that the agent asks through the gateway; `${{ arguments.NAME }}` stands for an argument's value."""
    dialects: list[DialectName] | None = None
    """The gateway's dialects in which the agent asks its models; any one of them will do. None: not known."""
    version: str | None = None
    """The version of the program that the folder packages, as its registry names it."""
    stages: list[str] | None = None
    """Build stages of `containers/stages` that the Dockerfile copies from; `node` is given to it as the argument NODE."""
    package_set: str | None = Field(default=None, pattern=NAME_PATTERN)
    """The package set of the base image that the Dockerfile builds on: light or full."""


class Variant(_Settings):
    """What one variant sets differently from the agent or from the variant it extends."""

    extends: str | None = None


class AgentFile(_Settings):
    """All of `agent.yaml`."""

    variants: dict[str, Variant] = {}

    @model_validator(mode="after")
    def _extends_what_exists(self) -> AgentFile:
        for name in self.variants:
            self.ancestry(name)
        return self

    def ancestry(self, variant: str) -> list[Variant]:
        """The variant preceded by those it extends, farthest first."""
        chain: list[str] = []
        name: str | None = variant
        while name is not None:
            if name in chain:
                raise ValueError(f"variants extend each other in a cycle: {' → '.join([*chain, name])}")
            if name not in self.variants:
                raise ValueError(f"variant {chain[-1]!r} extends {name!r}, which does not exist")
            chain.append(name)
            name = self.variants[name].extends
        return [self.variants[name] for name in reversed(chain)]


@dataclass(frozen=True)
class AgentSpec:
    """One agent variant with everything it inherits."""

    name: str
    variant: str | None
    directory: Path
    description: str = ""
    start: str = "start.sh"
    image: str | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """As written, placeholders unresolved; `resolve_environment` fills them in."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    package_set: str = "light"
    named_models: tuple[str, ...] | None = None
    """`models` of `agent.yaml`, as written; None if it has no such key."""
    dialects: tuple[DialectName, ...] | None = None
    """Those in which it asks its models, any one of which will do; None if that is not known."""
    version: str | None = None
    """Of the program that the folder packages."""
    stages: tuple[str, ...] = ()
    """Build stages that its Dockerfile copies from."""

    @functools.cached_property
    def id(self) -> str:
        """`name` or `name/variant`."""
        return f"{self.name}/{self.variant}" if self.variant else self.name

    @property
    def address(self) -> str:
        """What `--agent` finds it by: its id, or the path of a folder that is not among the agents with a name."""
        named = next((home / self.name for home in agent_dirs() if (home / self.name / "agent.yaml").is_file()), None)
        if named is not None and named.samefile(self.directory):
            return self.id
        return str(self.directory / self.variant if self.variant else self.directory)

    @property
    def needs_image(self) -> bool:
        """Whether it works in a container alone: it names an image, or what it is made of is copied from a build stage."""
        return self.image is not None or bool(self.stages)

    @property
    def command_arguments(self) -> list[str]:
        """The arguments as `start.sh` receives them: words `key=value`, non-string values as JSON."""
        return [f"{key}={_word(value)}" for key, value in self.arguments.items() if value is not None]

    @functools.cached_property
    def secret_names(self) -> list[str]:
        """Names of the secrets that the environment asks for."""
        found = {name for text in self.environment.values() for kind, name in _PLACEHOLDER.findall(text) if kind == "secrets"}
        return sorted(found)

    @property
    def models(self) -> list[str]:
        """Names of the models that the agent asks: those that `agent.yaml` lists under `models`, as far as their arguments are
        set, else those that the arguments mention (keys `model`, `*.model`, `*_model`, `*-model`)."""
        if not self.named_models:
            return [str(value) for key, value in self.arguments.items() if re.search(r"(^|[._-])model$", key) and value]
        missing = set(self.missing_arguments)
        known = [text for text in self.named_models if not missing.intersection(_arguments_in(text))]
        return list(dict.fromkeys(self._fill_in(text, {}) for text in known))

    @property
    def missing_arguments(self) -> list[str]:
        """Names of the arguments that `models` of `agent.yaml` is on and that are not set."""
        named = [name for text in self.named_models or () for name in _arguments_in(text)]
        return [name for name in dict.fromkeys(named) if self.arguments.get(name) is None]

    def resolve_environment(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """The environment with placeholders filled in.

        Raises:
            UsageError: a secret or an argument is missing.
        """
        return {key: self._fill_in(text, secrets) for key, text in self.environment.items()}

    def resolve_image(self) -> str | None:
        """The ready-made image, `${{ arguments.NAME }}` filled in; None when the Dockerfile is to be built."""
        return self._fill_in(self.image, {}) if self.image else None

    def with_arguments(self, arguments: Mapping[str, Argument]) -> AgentSpec:
        """The same agent with some arguments set differently."""
        return replace(self, arguments={**self.arguments, **arguments})

    def refuse_mistyped(self, arguments: Iterable[str]) -> None:
        """Refuse names that are almost those of arguments in `agent.yaml`; `start.sh` decides about all others.

        Raises:
            UsageError: a name is mistyped; the nearest ones are given.
        """
        texts = (*(self.named_models or ()), *self.environment.values(), self.image or "")
        known = list(dict.fromkeys([*self.arguments, *(name for text in texts for name in _arguments_in(text))]))
        for name in arguments:
            if name not in known and mistyped(name, known):
                raise UsageError(unknown("argument", name, known, where=f"of agent {self.id}"))

    def fingerprint(self) -> str:
        """A hash of every file of the agent, to notice that an agent changed between runs."""
        digest = hashlib.sha256()
        for path in self.files():
            digest.update(os.fsencode(path.relative_to(self.directory).as_posix()) + b"\0" + file_digest(path))
        return digest.hexdigest()[:16]

    def files(self) -> list[Path]:
        """Every file of the agent's folder that belongs to the agent, in the order of names."""
        found = (path for path in self.directory.rglob("*") if path.is_file())
        return sorted(path for path in found if not set(NOT_COPIED).intersection(path.relative_to(self.directory).parts))

    def to_dict(self) -> dict[str, Any]:
        """What a run group records; holds no secret."""
        return {
            "name": self.name,
            "variant": self.variant,
            "directory": str(self.directory),
            "description": self.description,
            "start": self.start,
            "image": self.image,
            "arguments": dict(self.arguments),
            "environment": dict(self.environment),
            "resources": dict(self.resources),
            "package_set": self.package_set,
            "named_models": None if self.named_models is None else list(self.named_models),
            "dialects": None if self.dialects is None else list(self.dialects),
            "version": self.version,
            "stages": list(self.stages),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> AgentSpec:
        """The inverse of `to_dict`."""
        lists = {key: tuple(content[key]) for key in ("named_models", "dialects", "stages") if content.get(key) is not None}
        return cls(**{**content, "directory": Path(content["directory"]), **lists})

    def _fill_in(self, text: str, secrets: Mapping[str, str]) -> str:
        def value_of(match: re.Match[str]) -> str:
            kind, name = match.groups()
            if kind == "secrets":
                if name not in secrets:
                    raise UsageError(
                        f"agent {self.id} needs the secret {name}; set it with `export {name}=…` or in a `.env` file"
                    )
                return secrets[name]
            if self.arguments.get(name) is None:
                raise UsageError(f"agent {self.id} needs the argument {name}; give it with `--argument {name}=…`")
            return _word(self.arguments[name])

        return _PLACEHOLDER.sub(value_of, text)


def script_problems(agent: AgentSpec) -> list[str]:
    """What keeps an agent's scripts from being started on any system like Linux, a sentence each with the command that helps."""
    start = agent.directory / agent.start
    if not start.is_file():
        return [f"agent {agent.id} has no {agent.start} in {agent.directory}; add it or set `start` to the right file"]
    scripts = [path for path in agent.files() if path == start or path.suffix in _SHELL_SUFFIXES or _names_shell(path)]
    faulty = [path for path in scripts if _BAD_LINES.search(_head(path))]
    if not faulty:
        return []
    names = ", ".join(printable(path.relative_to(agent.directory).as_posix()) for path in faulty)
    paths = " ".join(shlex.quote(str(path)) for path in faulty)
    return [
        f"agent {agent.id}: {names} {'has' if len(faulty) == 1 else 'have'} Windows line endings (CRLF) or a byte order mark, "
        f"which no shell can run {'it' if len(faulty) == 1 else 'them'} with; remove them with "
        rf"`sed -i -e '1s/^\xEF\xBB\xBF//' -e 's/\r$//' {paths}`"
    ]


def has_interpreter(script: Path) -> bool:
    """Whether a file's first line names the program that runs it."""
    return _head(script).removeprefix(codecs.BOM_UTF8).startswith(b"#!")


def _names_shell(script: Path) -> bool:
    # other interpreters take Windows line ends
    return re.match(rb"(\xef\xbb\xbf)?#![^\n]*\b(ba|da|z|k)?sh\b", _head(script)) is not None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_SCRIPT)
    except OSError:
        return b""


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file. It is read again only once it may have changed, as starts ask for every file of an agent again."""
    known = path.stat()
    # a clock ticks too slowly to tell a file that was just written from one that is written again at once
    if time.time() - known.st_ctime < _SETTLED_SECONDS:
        return _read_digest(path)
    return _kept_digest(path, (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns))


@functools.lru_cache(maxsize=4096)
def _kept_digest(path: Path, identity: tuple[int, ...]) -> bytes:
    return _read_digest(path)


def _read_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def agent_dirs() -> list[Path]:
    """Folders that hold agents: the user's own first, then the ones shipped."""
    return content_dirs("agents")


def list_agents() -> dict[str, AgentFile]:
    """Every agent found, by name; an agent of the user's own hides a shipped one of the same name.

    Raises:
        UsageError: an `agent.yaml` is wrong.
    """
    found: dict[str, AgentFile] = {}
    for folder in agent_dirs():
        for path in sorted(folder.glob("*/agent.yaml")):
            found.setdefault(path.parent.name, read_model(path, AgentFile))
    return dict(sorted(found.items()))


def unconverted_agents() -> list[str]:
    """A sentence for each agent's folder that was written for the published harness, with the command that converts it."""
    folders = [path.parent for home in agent_dirs() for path in sorted(home.glob("*/config.yaml"))]
    return [
        f"{folder} does not contain agent.yaml; {_how_to_get_one(folder)}"
        for folder in folders
        if not (folder / "agent.yaml").exists()
    ]


def list_variants() -> list[AgentSpec]:
    """Every agent, each followed by its variants.

    Raises:
        UsageError: an `agent.yaml` is wrong.
    """
    return [
        get_agent(f"{name}/{variant}" if variant else name)
        for name, content in list_agents().items()
        for variant in (None, *content.variants)
    ]


def get_agent(name: str) -> AgentSpec:
    """The agent called `NAME` or `NAME/VARIANT`, or the one in a folder given by path (`./my-agent`, `agents/my-agent`).

    The name of an agent comes before a path without a leading `./` that reads the same.

    Raises:
        UsageError: there is no such agent or variant (near names are told), or its `agent.yaml` is wrong.
    """
    folder, variant = _find(name)
    if printable(folder.name, None) != folder.name:
        raise UsageError(f"the agent's folder is called {printable(folder.name)!r}; use a name with printable characters only")
    return agent_in(folder, variant)


def agent_in(folder: Path, variant: str | None) -> AgentSpec:
    """The agent in a folder, or a variant of it.

    Raises:
        UsageError: its `agent.yaml` is missing or wrong, or there is no such variant (near names are told).
    """
    content = read_model(folder / "agent.yaml", AgentFile)
    if variant is None:
        return _merge(folder, None, [content])
    if variant not in content.variants:
        if not content.variants:
            raise UsageError(f"agent {folder.name} has no variants; omit `/{printable(variant, 80)}`")
        raise UsageError(unknown("variant", variant, content.variants, where=f"of agent {folder.name}"))
    return _merge(folder, variant, [content, *content.ancestry(variant)])


def _find(name: str) -> tuple[Path, str | None]:
    if name.startswith((".", "/", "~")):
        folder = Path(name).expanduser().absolute()
        if found := _in_folder(folder):
            return found
        if not folder.is_dir():
            raise UsageError(f"{folder} does not exist; `mlebench new-agent {shlex.quote(name)}` creates an agent there")
        raise UsageError(f"{folder} holds no agent.yaml; {_how_to_get_one(folder)}")
    agent, _, variant = name.partition("/")
    for parent in agent_dirs():
        if re.fullmatch(NAME_PATTERN, agent) and (parent / agent / "agent.yaml").is_file():
            return parent / agent, variant or None
    for parent in agent_dirs():
        if re.fullmatch(NAME_PATTERN, agent) and (parent / agent / "config.yaml").is_file():
            raise UsageError(f"{parent / agent} holds no agent.yaml; {_how_to_get_one(parent / agent)}")
    if "/" in name and (found := _in_folder(Path(name).absolute())):
        return found
    if (Path(agent) / "agent.yaml").is_file():
        raise UsageError(f"unknown agent `{agent}`, but there is a folder of that name; write {shlex.quote(f'./{name}')}")
    known = {path.parent.name for parent in agent_dirs() for path in parent.glob("*/agent.yaml")}
    raise UsageError(unknown("agent", agent, sorted(known), listing=_LISTING))


def _in_folder(folder: Path) -> tuple[Path, str | None] | None:
    """The agent's folder and the variant that a path means; None if it means none."""
    if (folder / "agent.yaml").is_file():
        return folder, None
    if (folder.parent / "agent.yaml").is_file():
        return folder.parent, folder.name
    return None


def _how_to_get_one(folder: Path) -> str:
    if (folder / "config.yaml").is_file():
        return f"`mlebench new-agent --from {shlex.quote(str(folder))}` creates one from its config.yaml"
    return "`mlebench agents` lists the agents"


def _merge(folder: Path, variant: str | None, layers: list[Any]) -> AgentSpec:
    arguments: dict[str, Argument] = {}
    environment: dict[str, str] = {}
    resources: dict[str, Any] = {}
    single: dict[str, Any] = {}
    for layer in layers:
        arguments |= layer.arguments
        environment |= {key: str(value) for key, value in layer.environment.items()}
        resources |= layer.resources
        for key in ("description", "start", "image", "package_set", "version"):
            if getattr(layer, key) is not None:
                single[key] = getattr(layer, key)
        for key, name in (("models", "named_models"), ("dialects", "dialects"), ("stages", "stages")):
            if getattr(layer, key) is not None:
                single[name] = tuple(getattr(layer, key))
    return AgentSpec(
        name=folder.name,
        variant=variant,
        directory=folder,
        arguments={key: value for key, value in arguments.items() if value is not None},
        environment=environment,
        resources=resources,
        **single,
    )


def _arguments_in(text: str) -> list[str]:
    return [name for kind, name in _PLACEHOLDER.findall(text) if kind == "arguments"]


def _word(value: Argument) -> str:
    return value if isinstance(value, str) else json.dumps(value)
