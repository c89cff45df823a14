"""Requests as clients send them, for tests of the dialects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mlebench._support.dialect import DialectName
from mlebench.gateway.dialects.base import Call
from mlebench.gateway.dialects.table import DIALECTS, find_route

PATHS: Mapping[DialectName, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
}
SMALLEST: Mapping[DialectName, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    "responses": {"model": "m", "input": "hello"},
    "messages": {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}


def read(
    dialect: DialectName,
    changes: Mapping[str, Any] | None = None,
    *,
    path: str = "",
    query: Mapping[str, str] | None = None,
    grants: Collection[str] = (),
    fields: Collection[str] = (),
) -> Call:
    """The call that the smallest request with these changes is read as."""
    found = find_route("POST", path or PATHS[dialect])
    assert found is not None and found[0].name == dialect
    return found[0].read(found[1], SMALLEST[dialect] | dict(changes or {}), query or {}, grants, fields)


def sent(dialect: DialectName, changes: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """What the provider is sent for it."""
    return DIALECTS[dialect].body(read(dialect, changes, **settings), "served")
