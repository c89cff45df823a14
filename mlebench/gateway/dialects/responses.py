"""OpenAI's responses; nothing is kept at the provider between calls."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal
from mlebench.gateway.dialects.base import Call, Route
from mlebench.gateway.dialects.cleaning import (
    GONE,
    Cleaning,
    Rule,
    anything,
    cache_mark,
    check_form,
    closed,
    file_data,
    file_id,
    free,
    granted,
    list_of,
    media_data,
    media_url,
    model_name,
    not_allowed,
    one_of,
    only,
    out,
    record,
    schema,
    short,
    text_or,
    truth,
    whole_number,
    words,
)
from mlebench.gateway.dialects.counts import openai_tokens
from mlebench.gateway.dialects.headers import clean_headers
from mlebench.gateway.dialects.listing import list_models
from mlebench.gateway.dialects.openai import error_body, error_message
from mlebench.gateway.dialects.sse import EventReader, event, parsed
from mlebench.gateway.dialects.tools import ToolKind, caller, callers, tool_list
from mlebench.gateway.tokens import Tokens

_PATH = re.compile(r"(?:/v1)?/responses(?P<more>/.*)?")
_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _item(names: str = "", **fields: Rule) -> Rule:
    return record({**free("type id status"), **free(names), "caller": caller, **fields})


def _annotation(value: Any, cleaning: Cleaning, place: str) -> Any:
    """What a text cites; addresses are words, but the names of files are those of stored ones."""
    kind = value.get("type") if isinstance(value, dict) else None
    is_open = kind == "url_citation" or "files" in cleaning.grants
    return value if is_open else cleaning.take_out(f"annotation {kind}")


_PART = one_of(
    {
        "input_text": _item(text=words, prompt_cache_breakpoint=cache_mark),
        "output_text": _item("logprobs", text=words, annotations=list_of(_annotation)),
        "text": _item(text=words),
        "summary_text": _item(text=words),
        "reasoning_text": _item(text=words),
        "refusal": _item(refusal=words),
        "input_image": _item("detail", image_url=media_url, file_id=file_id, prompt_cache_breakpoint=cache_mark),
        "computer_screenshot": _item("detail", image_url=media_url, file_id=file_id),
        "input_audio": _item(input_audio=record({"data": media_data, "format": anything})),
        "input_file": _item(
            "filename detail", file_data=file_data, file_id=file_id, file_url=media_url, prompt_cache_breakpoint=cache_mark
        ),
    }
)
_CONTENT = text_or(list_of(_PART))


_LOCAL = record(free("type skills"))


def _is_local(environment: Any) -> bool:
    return isinstance(environment, dict) and environment.get("type") == "local"


def _environment(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Where a shell's commands ran: at the agent, unless a container at the provider is granted."""
    if value is None or "code_execution" in cleaning.grants:
        return value
    if _is_local(value):
        return _LOCAL(value, cleaning, place)
    raise not_allowed(f"{place}, a container of the provider,", "code_execution")


def _shell(value: Any, cleaning: Cleaning, place: str) -> Any:
    """A shell is the agent's own where it does not say whose it is."""
    environment = value.get("environment") or {"type": "local"}
    if "code_execution" in cleaning.grants:
        return value
    if not _is_local(environment):
        return cleaning.take_out("tool shell in a container")
    return {"type": "shell", "environment": _LOCAL(environment, cleaning, f"{place}.environment")}


_FUNCTION = record(
    {
        **free("type name description strict defer_loading async"),
        "parameters": schema,
        "output_schema": schema,
        "allowed_callers": callers,
    }
)
_CUSTOM = record({**free("type name description format defer_loading async"), "allowed_callers": callers})
_OWN_TOOLS = (ToolKind("function", _FUNCTION), ToolKind("custom", _CUSTOM))
_TOOLS = tool_list(
    (
        *_OWN_TOOLS,
        ToolKind("namespace", record({**free("type name description"), "tools": tool_list(_OWN_TOOLS)})),
        ToolKind("local_shell", record(free("type"))),
        ToolKind("apply_patch", record(free("type"))),
        ToolKind("shell", _shell),
        ToolKind("computer(?:_use_preview)?", record(free("type display_width display_height environment"))),
        ToolKind("tool_search", record({**free("type description execution"), "parameters": schema})),
        ToolKind("web_search(?:_.*)?", grant="web_search"),
        ToolKind("code_interpreter", grant="code_execution"),
        ToolKind("programmatic_tool_calling", grant="code_execution"),
        ToolKind("file_search", grant="files"),
        ToolKind("mcp", grant="remote_mcp"),
    )
)


def _reasoning(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Reasoning that only names what the provider would have stored cannot be sent again, and the rest works without it."""
    if "stored_conversations" not in cleaning.grants and not (value.get("encrypted_content") or value.get("content")):
        return cleaning.take_out("reasoning that only the provider could know")
    return _item("summary content encrypted_content")(value, cleaning, place)


def _kind_of(item: dict[str, Any]) -> str:
    return "message" if "role" in item else "item_reference"


_ITEM = one_of(
    {
        "message": _item("role phase", content=_CONTENT),
        "reasoning": _reasoning,
        "function_call": _item("call_id name namespace arguments async"),
        "function_call_output": _item("call_id name namespace", output=_CONTENT),
        "custom_tool_call": _item("call_id name namespace input async"),
        "custom_tool_call_output": _item("call_id", output=_CONTENT),
        "local_shell_call": _item("call_id action"),
        "local_shell_call_output": _item("call_id output"),
        "shell_call": _item("call_id action", environment=_environment),
        "shell_call_output": _item("call_id output max_output_length"),
        "apply_patch_call": _item("call_id operation"),
        "apply_patch_call_output": _item("call_id output"),
        "computer_call": _item("call_id action actions pending_safety_checks"),
        "computer_call_output": _item("call_id acknowledged_safety_checks", output=_PART),
        "tool_search_call": _item("call_id arguments execution"),
        "tool_search_output": _item("call_id execution", tools=_TOOLS),
        "additional_tools": _item("role", tools=_TOOLS),
        "item_reference": granted("stored_conversations"),
        "web_search_call": granted("web_search"),
        "file_search_call": granted("files"),
        "code_interpreter_call": granted("code_execution"),
        "program": granted("code_execution"),
        "program_output": granted("code_execution"),
        **dict.fromkeys(("mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call"), granted("remote_mcp")),
    },
    untyped=_kind_of,
)


def _include(value: Any, cleaning: Cleaning, place: str) -> Any:
    words = {"reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url"}
    words |= {"computer_call_output.output.image_url"}
    words |= {"web_search_call.action.sources", "web_search_call.results"} if "web_search" in cleaning.grants else set()
    words |= {"file_search_call.results"} if "files" in cleaning.grants else set()
    words |= {"code_interpreter_call.outputs"} if "code_execution" in cleaning.grants else set()
    return only(words)(value, cleaning, place)


_BODY: Mapping[str, Rule] = {
    **free("max_tool_calls parallel_tool_calls prompt_cache_retention temperature tool_choice top_logprobs top_p truncation"),
    # answers repeat them behind the usage
    **dict.fromkeys(("metadata", "prompt_cache_key", "safety_identifier", "user"), short),
    # read and written by `read` and `body`
    **free("model stream max_output_tokens store"),
    "input": text_or(list_of(_ITEM)),
    "instructions": text_or(list_of(_ITEM)),
    "tools": _TOOLS,
    "include": _include,
    "text": schema,
    # without `mode`, by which one call can be several
    "reasoning": record(free("effort summary generate_summary context enabled exclude max_tokens")),
    "prompt_cache_options": cache_mark,
    "stream_options": record({"include_obfuscation": anything}),
    "previous_response_id": closed("stored_conversations"),
    "conversation": closed("stored_conversations"),
    "background": closed("stored_conversations"),
    "prompt": closed("stored_conversations"),
    # another model would answer than the one that is allowed and priced
    "models": out(),
    "route": out(),
}
_COUNTED = free("model input instructions tools tool_choice parallel_tool_calls reasoning text truncation").keys()


class Responses:
    """See `Dialect`."""

    name: DialectName = "responses"

    def route(self, method: str, path: str) -> Route | None:
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        if found["more"] not in (None, "/input_tokens"):
            raise Refusal(404, "not-found", "stored answers cannot be read or changed here")
        if method != "POST":
            raise Refusal(405, "not-found", f"{path} takes POST, and no WebSocket")
        return Route("count" if found["more"] else "generate")

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        content, cleaning = check_form(content), Cleaning(grants)
        model = model_name(content.get("model"))
        is_streaming = truth(content.get("stream"), "stream")
        most = whole_number(content.get("max_output_tokens"), "max_output_tokens")
        is_stored = content.get("store")
        kept = record({**dict.fromkeys(fields, anything), **_BODY})(content, cleaning, "")
        _choose_among(kept, cleaning)
        action: Literal["generate", "count"] = "count" if route.action == "count" else "generate"
        if action == "count":
            kept, is_streaming = {key: value for key, value in kept.items() if key in _COUNTED}, False
        elif "stored_conversations" not in grants:
            kept["store"] = False
            if is_stored:
                cleaning.take_out("key store")
        return Call(
            action,
            model,
            kept,
            is_streaming,
            cleaning.removed,
            most_output=most,
            text_bytes=cleaning.text_bytes(kept),
            media_bytes=cleaning.media_bytes,
        )

    def request_headers(self, headers: Mapping[str, str], grants: Collection[str]) -> tuple[dict[str, str], list[str]]:
        return clean_headers(headers, grants, {})

    def path(self, call: Call, served: str) -> str:
        return "/responses/input_tokens" if call.action == "count" else "/responses"

    def body(self, call: Call, served: str) -> dict[str, Any]:
        return {**call.content, "model": served}

    def limited(self, call: Call, most_output: int) -> Call:
        return replace(call, content={**call.content, "max_output_tokens": most_output}, most_output=most_output)

    def tokens(self, content: Any) -> Tokens | None:
        return openai_tokens(content.get("usage"), ("input", "output")) if isinstance(content, dict) else None

    def reader(self, call: Call) -> ResponsesReader:
        return ResponsesReader()

    def refusal(self, refusal: Refusal) -> bytes:
        return error_body(refusal)

    def error_event(self, refusal: Refusal) -> bytes:
        return event("error", self.refusal(refusal))

    def models(self, names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
        return list_models(names, one)

    def probe(self, served: str) -> tuple[str, dict[str, Any]]:
        # 16 is the least that OpenAI takes
        return "/responses", {"model": served, "input": "Reply with OK.", "max_output_tokens": 16, "store": False}


class ResponsesReader:
    """See `StreamReader`."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.is_complete = False
        self.failure: str | None = None
        # the last event repeats the instructions and tools of the request, however large those are
        self._events = EventReader(self._read, read_ends=self._read_ends)

    def feed(self, block: bytes) -> bytes:
        return self._events.feed(block)

    def finish(self) -> bytes:
        return self._events.finish()

    def _read(self, name: str, data: bytes) -> bool:
        event = parsed(data)
        if not isinstance(event, dict):
            return True
        kind, response = event.get("type", name), event.get("response")
        if isinstance(response, dict):
            self.tokens = openai_tokens(response.get("usage"), ("input", "output")) or self.tokens
        if isinstance(kind, str) and kind in _FINAL:
            self.is_complete = True
        if kind == "response.failed":
            self.failure = error_message(response)
        elif kind == "error":
            self.failure = error_message(event if "error" in event else {"error": event})
        return True

    def _read_ends(self, start: bytes, end: bytes) -> None:
        kind = re.search(rb"response\.[a-z_.]+", start)  # its name comes before anything of the agent's
        if kind is not None and kind[0].decode() in _FINAL:
            self.tokens, self.is_complete = openai_tokens(_last_usage(end), ("input", "output")) or self.tokens, True


def _last_usage(end: bytes) -> Any:
    """Usage in the end of an answer: within texts its quotes would be escaped, and objects of the agent's come before it."""
    found = [*re.finditer(rb'"usage"\s*:\s*(?={|null)', end)]
    with contextlib.suppress(ValueError, RecursionError):
        return json.JSONDecoder().raw_decode(end[found[-1].end() :].decode("utf-8", "replace"))[0] if found else None
    return None


def _choose_among(content: dict[str, Any], cleaning: Cleaning) -> None:
    """Take out a choice of tools that are not there."""
    if not cleaning.tools:
        for name in ("tool_choice", "parallel_tool_calls", "max_tool_calls"):
            if content.pop(name, None) is not None:
                cleaning.take_out(f"key {name}")
    elif isinstance(content.get("tool_choice"), dict):
        choice = _choice(content.pop("tool_choice"), cleaning)
        if choice is not GONE:
            content["tool_choice"] = choice


def _choice(choice: dict[str, Any], cleaning: Cleaning) -> Any:
    if choice.get("type") == "allowed_tools":
        tools = choice.get("tools")
        kept = [tool for tool in tools if _is_there(tool, cleaning)] if isinstance(tools, list) else []
        if kept:
            return {"type": "allowed_tools", "mode": choice.get("mode"), "tools": kept}
    elif _is_there(choice, cleaning):
        return choice
    return cleaning.take_out("key tool_choice")


def _is_there(choice: Any, cleaning: Cleaning) -> bool:
    kind, name = (choice.get("type"), choice.get("name", "")) if isinstance(choice, dict) else (None, None)
    return isinstance(kind, str) and isinstance(name, str) and (kind, name) in cleaning.tools
