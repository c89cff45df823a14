"""Reads the models that agents may ask: `containers/models.yaml`, then files of the user's own, which add and replace entries."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mlebench._support.dialect import DialectName
from mlebench._support.hints import command, unknown
from mlebench._support.paths import content_dir
from mlebench._support.yaml_model import read_model, refusal, without_empty_keys
from mlebench.errors import UsageError
from mlebench.gateway.models import Auth, LongPrices, Model, Prices, SharedLimits

VARIABLE = "MLEBENCH_MODELS"
"""Names files of models, separated as in `PATH`."""
_PATHS = ("/chat/completions", "/responses", "/messages", "/models")
_KEY_BEGINNINGS = ("sk-", "sk_", "gsk_", "xai-", "AIza", "hf_", "r8_", "Bearer ")


def _looks_like_a_key(text: str) -> bool:
    # names are words with something between them, such as `key_of_project_2024` and `2024-12-01-preview`
    longest = max(re.findall("[A-Za-z0-9]+", text), key=len, default="")
    is_random = len(longest) >= 16 and bool(re.search("[0-9]", longest)) and bool(re.search("[a-z]", longest))
    return text.startswith(_KEY_BEGINNINGS) or is_random


def _variable(name: str) -> str:
    if _looks_like_a_key(name):
        raise ValueError(
            "this looks like a key itself; write the name of the variable that holds it, such as `key: OPENAI_API_KEY`, set the "
            "variable in the environment or in a `.env` file, and keep keys out of files like this one"
        )
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("expected the name of a variable that holds the key, such as `OPENAI_API_KEY`")
    return name


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise ValueError("expected an address with its version, such as `https://api.example.org/v1`")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it holds a user or a password; leave them out, and name the variable of the key as `key`")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("it holds a `?` or a `#`; give parameters as `query: {name: value}`")
    stripped = url.rstrip("/")
    for path in _PATHS:
        if stripped.endswith(path):
            raise ValueError(f"it ends with `{path}`, which is appended to it; leave that out")
    return stripped


def _as_text(query: Any) -> Any:
    """YAML takes `2024-10-21` for a day and `5` for a number."""
    if not isinstance(query, dict):
        return query
    kinds = (int, float, datetime.date)
    return {
        key: str(value) if isinstance(value, kinds) and not isinstance(value, bool) else value for key, value in query.items()
    }


def _without_keys(query: Mapping[str, str]) -> Mapping[str, str]:
    if any(_looks_like_a_key(value) for value in query.values()):
        raise ValueError("a value looks like a key; name the variable that holds the key as `key`, which never enters an address")
    return query


def _name(name: str) -> str:
    if not re.fullmatch(r"\S{1,200}", name) or not name.isprintable():
        raise ValueError("expected a name of at most 200 letters without blanks")
    return name


_Variable = Annotated[str, AfterValidator(_variable)]
_BaseUrl = Annotated[str, AfterValidator(_base_url)]
_Query = Annotated[dict[str, str], BeforeValidator(_as_text), AfterValidator(_without_keys)]
_Name = Annotated[str, AfterValidator(_name)]
_Dialects = Annotated[tuple[DialectName, ...], Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, content: Any) -> Any:
        return without_empty_keys(content)


class _Provider(_Entry):
    """An entry of `providers`."""

    dialects: _Dialects
    base_url: _BaseUrl
    base_urls: dict[DialectName, _BaseUrl] = {}
    key: _Variable | None = None
    auth: Auth | None = None
    query: _Query = {}
    limits: SharedLimits = SharedLimits()
    fields: tuple[str, ...] = ()


class _ModelEntry(_Entry):
    """An entry of `models`; what it leaves out is its provider's."""

    provider: str
    served: _Name | None = None
    prices: Prices = Prices()
    long_prices: LongPrices | None = None
    most_output: int | None = Field(default=None, gt=0)
    dialects: _Dialects | None = None
    base_url: _BaseUrl | None = None
    base_urls: dict[DialectName, _BaseUrl] | None = None
    key: _Variable | None = None
    auth: Auth | None = None
    query: _Query | None = None
    limits: SharedLimits | None = None
    """The model's own, apart from those of its provider."""
    fields: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _long_ones_are_whole(self) -> _ModelEntry:
        if self.long_prices is not None and not (self.long_prices.are_known and self.prices.are_known):
            raise ValueError("give `input` and `output` in both `prices` and `long_prices`")
        return self


class _CatalogueFile(_Entry):
    """All of a file of models."""

    prices_as_of: datetime.date | None = None
    providers: dict[_Name, _Provider] = {}
    models: dict[_Name, _ModelEntry] = {}
    aliases: dict[_Name, _Name] = {}


@dataclass(frozen=True)
class Catalogue:
    """The models of all files."""

    models: Mapping[str, Model]
    """By name, sorted."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The model's name by the alias, sorted."""
    prices_as_of: datetime.date | None = None
    """When the prices were looked up, as the last file that says so has it."""

    def find(self, name: str) -> Model | None:
        """The model of that name or alias."""
        return self.models.get(self.aliases.get(name, name))

    def get(self, name: str) -> Model:
        """The same where there has to be one.

        Raises:
            UsageError: there is none; near names are listed.
        """
        if (model := self.find(name)) is None:
            raise UsageError(self.unknown(name))
        return model

    def unknown(self, name: str, files: Iterable[str] = ()) -> str:
        """A sentence about a name that there is not.

        Args:
            name: the name.
            files: of the user's own, which `mlebench models` is to be given as well.
        """
        listing = command("models", *(word for file in files for word in ("--models", file)))
        sentence = unknown("model", name, [*self.models, *self.aliases], listing=listing)
        return f"{sentence}; to add one, write a models file and pass it with `--models FILE` or {VARIABLE}"


def catalogue_files(files: Iterable[Path] = ()) -> list[Path]:
    """The files of which a catalogue is made, in the order in which they are read."""
    listed = os.environ.get(VARIABLE, "").split(os.pathsep)
    own = (Path(entry).expanduser().absolute() for entry in listed if entry)
    return [content_dir("containers") / "models.yaml", *own, *files]


def read_catalogue(files: Iterable[Path] = ()) -> Catalogue:
    """The models of `containers/models.yaml`, of the files that MLEBENCH_MODELS names and of `files`.

    An entry of a later file takes the place of one of the same name, whole; an alias may so take the place of a model, and a
    model that of an alias.

    Args:
        files: read last.

    Raises:
        UsageError: a file cannot be read or is wrong, with the line and what was expected there.
    """
    merged = _Merged()
    for path in catalogue_files(files):
        merged.add(path, read_model(path, _CatalogueFile))
    return merged.catalogue()


@dataclass
class _Merged:
    """The entries of all files read so far, each with the file that it is from."""

    providers: dict[str, _Provider] = field(default_factory=dict)
    models: dict[str, tuple[_ModelEntry, Path]] = field(default_factory=dict)
    aliases: dict[str, tuple[str, Path]] = field(default_factory=dict)
    prices_as_of: datetime.date | None = None

    def add(self, path: Path, content: _CatalogueFile) -> None:
        for name in content.aliases:
            if name in content.models:
                raise refusal(path, ("aliases", name), f"`{name}` is a model and an alias; give one of them another name")
        self.prices_as_of = content.prices_as_of or self.prices_as_of
        self.providers |= content.providers
        for name, entry in content.models.items():
            self.models[name] = (entry, path)
            self.aliases.pop(name, None)
        for name, target in content.aliases.items():
            self.aliases[name] = (target, path)
            self.models.pop(name, None)

    def catalogue(self) -> Catalogue:
        aliases = {name: self._resolved(name) for name in sorted(self.aliases)}
        return Catalogue({name: self._model(name) for name in sorted(self.models)}, aliases, self.prices_as_of)

    def _resolved(self, alias: str) -> str:
        """The name of the model that an alias stands for in the end."""
        seen = [alias]
        while (name := self.aliases[seen[-1]][0]) in self.aliases:
            if name in seen:
                raise self._refused(alias, f"aliases form a circle: {' → '.join([*seen, name])}")
            seen.append(name)
        if name not in self.models:
            sentence = unknown("model", name, [*self.models, *self.aliases], listing=command("models"))
            raise self._refused(seen[-1], f"`{seen[-1]}` stands for an {sentence}")
        return name

    def _refused(self, alias: str, sentence: str) -> UsageError:
        return refusal(self.aliases[alias][1], ("aliases", alias), sentence)

    def _model(self, name: str) -> Model:
        entry, path = self.models[name]
        provider = self.providers.get(entry.provider)
        if provider is None:
            raise refusal(path, ("models", name, "provider"), unknown("provider", entry.provider, sorted(self.providers)))
        given = {key: value for key, value in entry if key in entry.model_fields_set}
        # a model that lies elsewhere lies there in every dialect
        elsewhere: dict[str, Any] = {"base_urls": {}} if "base_url" in given else {}
        own = {"name": name, "served": name, "has_own_limits": entry.limits is not None}
        return Model(**{**dict(provider), **elsewhere, **own, **given})
