"""Anthropic's messages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal, RefusalKind
from mlebench.gateway.dialects.base import Call, Route
from mlebench.gateway.dialects.cleaning import (
    Cleaning,
    Rule,
    anything,
    cache_mark,
    check_form,
    closed,
    file_id,
    free,
    granted,
    invalid,
    list_of,
    media_data,
    media_url,
    model_name,
    not_allowed,
    one_of,
    out,
    record,
    schema,
    text_or,
    truth,
    whole_number,
    words,
)
from mlebench.gateway.dialects.counts import count, largest, tokens
from mlebench.gateway.dialects.headers import HeaderRule, clean_headers
from mlebench.gateway.dialects.listing import list_models
from mlebench.gateway.dialects.openai import error_message
from mlebench.gateway.dialects.sse import EventReader, event, parsed
from mlebench.gateway.dialects.tools import ToolKind, caller, callers, tool_list
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Grant

_PATH = re.compile(r"(?:/v1)?/messages(?P<more>/.*)?")
_VERSION = "2023-06-01"


def _block(names: str, **fields: Rule) -> Rule:
    return record({**free("type"), **free(names), "cache_control": cache_mark, **fields})


def _blocks(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Blocks within blocks; their depth is that of the body, which is bounded."""
    return text_or(list_of(_BLOCK))(value, cleaning, place)


_SOURCE = one_of(
    {
        "base64": record({**free("type media_type"), "data": media_data}),
        "text": record(free("type media_type data")),
        "content": record({"type": anything, "content": _blocks}),
        "url": record({"type": anything, "url": media_url}),
        "file": record({"type": anything, "file_id": file_id}),
    }
)
_HOSTED: Mapping[str, Grant] = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "bash_code_execution": "code_execution",
    "text_editor_code_execution": "code_execution",
}


def _hosted_call(value: Any, cleaning: Cleaning, place: str) -> Any:
    """A call of a tool that the provider runs; the search among a request's own tools is open."""
    name = value.get("name")
    if isinstance(name, str) and name.startswith("tool_search_tool_"):
        return _block("id name input", caller=caller)(value, cleaning, place)
    grant = _HOSTED.get(name) if isinstance(name, str) else None
    if grant is None or grant not in cleaning.grants:
        raise not_allowed(f"{place} {name}", grant)
    return value


_BLOCK = one_of(
    {
        "text": _block("citations", text=words),
        "image": _block("transformations", source=_SOURCE),
        "document": _block("title context citations", source=_SOURCE),
        "search_result": _block("source title citations", content=_blocks),
        "thinking": _block("thinking signature"),
        "redacted_thinking": _block("data"),
        "tool_use": _block("id name input toolset_name", caller=caller),
        "tool_result": _block("tool_use_id is_error toolset_name", content=_blocks),
        "tool_reference": _block("tool_name"),
        "server_tool_use": _hosted_call,
        "tool_search_tool_result": _block("tool_use_id content"),
        **{f"{name}_tool_result": granted(grant) for name, grant in _HOSTED.items()},
        "mcp_tool_use": granted("remote_mcp"),
        "mcp_tool_result": granted("remote_mcp"),
        "container_upload": granted("files"),
    }
)
_OWN_TOOL = record(
    {
        **free(
            "type name description strict defer_loading eager_input_streaming input_examples display_width_px "
            "display_height_px display_number enable_zoom max_characters configs"
        ),
        "input_schema": schema,
        "cache_control": cache_mark,
        "allowed_callers": callers,
    }
)
_TOOLS = tool_list(
    (
        ToolKind("custom", _OWN_TOOL),
        ToolKind(r"(?:bash|text_editor|computer|computer_toolset|memory)_\d{8}", _OWN_TOOL),
        ToolKind(r"tool_search_tool_(?:bm25|regex)(?:_\d{8})?", _OWN_TOOL),
        ToolKind(r"web_search_\d{8}", grant="web_search"),
        ToolKind(r"web_fetch_\d{8}", grant="web_fetch"),
        ToolKind(r"code_execution_\d{8}", grant="code_execution"),
        ToolKind("mcp_toolset", grant="remote_mcp"),
    ),
    untyped="custom",
)


def _edit(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Edits that clear the context stay; one that lets a model sum it up writes more than the request's limit says."""
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and re.fullmatch(r"clear_[a-z_]+_\d{8}", kind):
        return value
    return cleaning.take_out(f"{place} {kind}")


_BODY: Mapping[str, Rule] = {
    **free("metadata stop_sequences temperature thinking tool_choice top_k top_p"),
    # read and written by `read` and `body`
    **free("model stream max_tokens"),
    "messages": list_of(record({"role": anything, "content": _blocks})),
    "system": _blocks,
    "tools": _TOOLS,
    "output_config": schema,
    "output_format": schema,
    "cache_control": cache_mark,
    "context_management": record({"edits": list_of(_edit)}),
    "mcp_servers": out("remote_mcp"),
    "container": out("code_execution"),
    "thread": closed("stored_conversations"),
    # another model would answer than the one that is allowed and priced
    "fallbacks": out(),
    "models": out(),
    "route": out(),
}
_COUNTED = free(
    "model messages system tools tool_choice thinking output_config output_format cache_control context_management mcp_servers"
).keys()
_BETAS: tuple[tuple[str, Grant | None], ...] = (
    (
        "adaptive-thinking|advanced-tool-use|claude-code|computer-use|context-1m|context-management|dev-full-thinking|effort|"
        "fine-grained-tool-streaming|interleaved-thinking|model-context-window-exceeded|output-128k|output-300k|pdfs|"
        "prompt-caching(?:-scope)?|redact-thinking|structured-outputs|task-budgets|thinking-[a-z-]+|token-counting|"
        "token-efficient-tools|tool-examples|tool-search-tool",
        None,
    ),
    ("web-fetch|web-search", "web_fetch"),
    ("code-execution|skills", "code_execution"),
    ("mcp-client", "remote_mcp"),
    ("files-api", "files"),
    ("message-threads", "stored_conversations"),
)
"""Beta features by name without the date, and what must be granted for them."""


def _betas(value: str, cleaning: Cleaning) -> str | None:
    kept = []
    for word in value.split(","):
        name = re.fullmatch(r"([a-z0-9-]+?)-(?:\d{8}|\d{4}-\d\d-\d\d)", word := word.strip())
        grants = [grant for names, grant in _BETAS if name and re.fullmatch(names, name[1])]
        if grants and (grants[0] is None or grants[0] in cleaning.grants):
            kept.append(word)
        elif word:
            cleaning.take_out(f"beta {word}")
    return ",".join(kept) or None


def _version(value: str, cleaning: Cleaning) -> str | None:
    return value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None


_HEADERS: Mapping[str, HeaderRule] = {"anthropic-version": _version, "anthropic-beta": _betas}
_TYPES: dict[RefusalKind, str] = {
    "budget-exhausted": "invalid_request_error",
    "invalid": "invalid_request_error",
    "unknown-model": "not_found_error",
    "not-allowed": "invalid_request_error",
    "not-found": "not_found_error",
    "token": "authentication_error",
    "unavailable": "api_error",
    "too-large": "request_too_large",
}


class Messages:
    """See `Dialect`."""

    name: DialectName = "messages"

    def route(self, method: str, path: str) -> Route | None:
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        if found["more"] not in (None, "/count_tokens"):
            raise Refusal(404, "not-found", "batches of messages are closed")
        if method != "POST":
            raise Refusal(405, "not-found", f"{path} takes POST")
        return Route("count" if found["more"] else "generate")

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        content, cleaning = check_form(content), Cleaning(grants)
        model = model_name(content.get("model"))
        is_streaming = truth(content.get("stream"), "stream")
        most = whole_number(content.get("max_tokens"), "max_tokens")
        thinking = content.get("thinking")
        budget = whole_number(thinking.get("budget_tokens"), "thinking.budget_tokens") if isinstance(thinking, dict) else None
        kept = record({**dict.fromkeys(fields, anything), **_BODY})(content, cleaning, "")
        _choose_among(kept, cleaning)
        action: Literal["generate", "count"] = "count" if route.action == "count" else "generate"
        if action == "count":
            kept, is_streaming = {key: value for key, value in kept.items() if key in _COUNTED}, False
        elif most is None:
            raise invalid("max_tokens must be given")
        return Call(
            action,
            model,
            kept,
            is_streaming,
            cleaning.removed,
            most_output=max(most, budget or 0) if most else None,
            text_bytes=cleaning.text_bytes(kept),
            media_bytes=cleaning.media_bytes,
            query={"beta": "true"} if query.get("beta") == "true" else {},
        )

    def request_headers(self, headers: Mapping[str, str], grants: Collection[str]) -> tuple[dict[str, str], list[str]]:
        kept, removed = clean_headers(headers, grants, _HEADERS)
        return {"anthropic-version": _VERSION, **kept}, removed

    def path(self, call: Call, served: str) -> str:
        return "/messages/count_tokens" if call.action == "count" else "/messages"

    def body(self, call: Call, served: str) -> dict[str, Any]:
        return {**call.content, "model": served}

    def limited(self, call: Call, most_output: int) -> Call:
        return replace(call, content={**call.content, "max_tokens": most_output}, most_output=most_output)

    def tokens(self, content: Any) -> Tokens | None:
        return tokens_of(content.get("usage")) if isinstance(content, dict) else None

    def reader(self, call: Call) -> MessagesReader:
        return MessagesReader()

    def refusal(self, refusal: Refusal) -> bytes:
        error = {"type": _TYPES[refusal.kind], "message": refusal.message}
        return json.dumps({"type": "error", "error": error}).encode()

    def error_event(self, refusal: Refusal) -> bytes:
        return event("error", self.refusal(refusal))

    def models(self, names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
        return list_models(names, one)

    def probe(self, served: str) -> tuple[str, dict[str, Any]]:
        return "/messages", {"model": served, "max_tokens": 1, "messages": [{"role": "user", "content": "Reply with OK."}]}


class MessagesReader:
    """See `StreamReader`."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.is_complete = False
        self.failure: str | None = None
        self._usage: dict[str, Any] = {}
        self._events = EventReader(self._read)

    def feed(self, block: bytes) -> bytes:
        return self._events.feed(block)

    def finish(self) -> bytes:
        return self._events.finish()

    def _read(self, name: str, data: bytes) -> bool:
        event = parsed(data)
        if not isinstance(event, dict):
            return True
        kind, message = event.get("type", name), event.get("message")
        self._add(message.get("usage") if isinstance(message, dict) else event.get("usage"))
        if kind == "message_stop":
            self.is_complete = True
        elif kind == "error":
            self.failure = error_message(event)
        return True

    def _add(self, usage: Any) -> None:
        """Counts grow in a stream, and an event that says less of one, such as nothing or 0, is not a correction."""
        if isinstance(usage, dict):
            for key, value in usage.items():
                if value is not None and (key not in _COUNTS or (count(self._usage, key) or 0) <= (count(usage, key) or 0)):
                    self._usage[key] = value
            self.tokens = tokens_of(self._usage) or self.tokens


_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
_LONG_WRITTEN = ("cache_creation", "ephemeral_1h_input_tokens")
"""Of those written to the cache, which stay for an hour and cost more than those that stay for minutes."""


def tokens_of(usage: Any) -> Tokens | None:
    """Tokens of an answer; None where it says none."""
    if all(count(usage, key) is None for key in _COUNTS):
        return None
    rounds = usage.get("iterations")
    rounds = [one for one in rounds if isinstance(one, dict)] if isinstance(rounds, list) else []
    # what the provider did beside the answer, such as a summary, is in the rounds alone
    fresh, cached, written, output = (max(count(usage, key) or 0, sum(count(one, key) or 0 for one in rounds)) for key in _COUNTS)
    reasoning = largest(usage, ("output_tokens_details", "thinking_tokens"), ("output_tokens_details", "reasoning_tokens"))
    long_written = max(count(usage, *_LONG_WRITTEN) or 0, sum(count(one, *_LONG_WRITTEN) or 0 for one in rounds))
    return tokens(fresh + cached + written, cached, written, output, reasoning, long_written)


def _choose_among(content: dict[str, Any], cleaning: Cleaning) -> None:
    """Take out a choice of tools that are not there."""
    choice = content.get("tool_choice")
    if choice is None:
        return
    is_there = "tools" in content
    if isinstance(choice, dict) and choice.get("type") == "tool":
        is_there = any(choice.get("name") == name for _, name in cleaning.tools)
    if not is_there:
        del content["tool_choice"]
        cleaning.take_out("key tool_choice")
