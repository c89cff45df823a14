"""The list of models. All dialects have it at nearly the same path, so one answer serves the clients of all: each passes over the
keys that it does not know."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from mlebench.gateway.dialects.base import Route

_PATH = re.compile(r"(?:/v1(?:beta1?|alpha)?)?/models(?:/(?P<model>.+))?")


def models_route(method: str, path: str) -> Route | None:
    """A route to the list of models, or to one of them."""
    found = _PATH.fullmatch(path) if method in ("GET", "HEAD") else None
    return Route("models", found["model"]) if found else None


def list_models(names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
    """The body that lists models, or that describes the one; `dialects` of each says how an agent can ask it."""
    if one is not None:
        return _entry(one, names.get(one, ()))
    entries = [_entry(name, names[name]) for name in sorted(names)]
    ends = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
    return {
        "object": "list",
        "data": entries,
        "has_more": False,
        "first_id": ends[0],
        "last_id": ends[1],
        "models": entries,
    }


def _entry(name: str, dialects: Collection[str]) -> dict[str, Any]:
    openai = {"id": name, "object": "model", "created": 0, "owned_by": "mlebench"}
    anthropic = {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    google = {
        "name": f"models/{name}",
        "baseModelId": name,
        "version": "1",
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    return openai | anthropic | google | {"dialects": sorted(dialects)}
