"""What OpenAI's two dialects have in common: errors and lists of models."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from mlebench.gateway.dialects.base import Kind, Refusal, Route
from mlebench.gateway.dialects.cleaning import shown

_MODELS = re.compile(r"(?:/v1)?/models(?:/(?P<model>.+))?")
_TYPES: dict[Kind, tuple[str, str]] = {
    "budget-exhausted": ("insufficient_quota", "insufficient_quota"),
    "invalid": ("invalid_request_error", "invalid_request"),
    "unknown-model": ("invalid_request_error", "model_not_found"),
    "not-allowed": ("invalid_request_error", "not_allowed"),
    "not-found": ("invalid_request_error", "not_found"),
    "token": ("invalid_request_error", "invalid_api_key"),
    "unavailable": ("server_error", "unavailable"),
    "too-large": ("invalid_request_error", "request_too_large"),
}


def error_body(refusal: Refusal) -> bytes:
    """The body of a refusal."""
    kind, code = _TYPES[refusal.kind]
    return json.dumps({"error": {"message": refusal.message, "type": kind, "param": None, "code": code}}).encode()


def error_message(content: Any) -> str:
    """What an error says, as nearly all providers write it."""
    error = content.get("error") if isinstance(content, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return shown(message or "an error without a message")


def models_route(method: str, path: str) -> Route | None:
    """A route to the list of models, or to one of them."""
    found = _MODELS.fullmatch(path)
    if found is None:
        return None
    if method == "POST" and found["model"] is not None:
        # Gemini's clients ask a model there, too: `/v1/models/NAME:generateContent`
        return None
    if method not in ("GET", "HEAD"):
        raise Refusal(405, "not-found", f"{path} takes GET")
    return Route("models", found["model"])


def list_models(names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
    """Models as OpenAI and Anthropic list them: both do so at the same path, whose clients pass over each other's keys and
    `dialects`, by which an agent sees how each can be asked."""
    entries = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "mlebench",
            "type": "model",
            "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
            "dialects": sorted(names.get(name, ())),
        }
        for name in ([one] if one is not None else sorted(names))
    ]
    if one is not None:
        return entries[0]
    ends = {"first_id": entries[0]["id"], "last_id": entries[-1]["id"]} if entries else {"first_id": None, "last_id": None}
    return {"object": "list", "data": entries, "has_more": False, **ends}
