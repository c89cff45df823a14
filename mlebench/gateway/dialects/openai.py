"""Errors as OpenAI's two dialects write them."""

from __future__ import annotations

import json
from typing import Any

from mlebench.errors import Refusal, RefusalKind
from mlebench.gateway.dialects.cleaning import shown

_TYPES: dict[RefusalKind, tuple[str, str]] = {
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
