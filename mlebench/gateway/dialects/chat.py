"""OpenAI's chat completions, which most other providers speak as well."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

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
from mlebench.gateway.dialects.counts import openai_tokens
from mlebench.gateway.dialects.headers import clean_headers
from mlebench.gateway.dialects.listing import list_models, models_route
from mlebench.gateway.dialects.openai import error_body, error_message
from mlebench.gateway.dialects.sse import EventReader, event, parsed
from mlebench.gateway.dialects.tools import ToolKind, tool_list
from mlebench.gateway.tokens import Tokens

_PATH = re.compile(r"(?:/v1)?/chat/completions(?P<more>/.*)?")
MOST_CHOICES = 128


def _part(**fields: Rule) -> Rule:
    return record({"type": anything, "cache_control": cache_mark, "prompt_cache_breakpoint": cache_mark, **fields})


def _address(name: str) -> dict[str, Rule]:
    return {name: _url_or(record({"url": media_url, "detail": anything, "format": anything}))}


def _url_or(rule: Rule) -> Rule:
    """Some providers take the address alone."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        return media_url(value, cleaning, place) if isinstance(value, str) else rule(value, cleaning, place)

    return apply


_PART = one_of(
    {
        "text": _part(text=words),
        "refusal": _part(refusal=words),
        "thinking": _part(thinking=anything, signature=words),
        "image_url": _part(**_address("image_url")),
        "audio_url": _part(**_address("audio_url")),
        "video_url": _part(**_address("video_url")),
        "input_audio": _part(input_audio=record({"data": media_data, "format": anything})),
        "file": _part(file=record({"file_data": file_data, "filename": anything, "file_id": file_id})),
    }
)
_FUNCTION = record(free("name arguments"))
_TOOL_CALL = record(
    {
        **free("id type index"),
        "extra_content": record({"google": record(free("thought_signature"))}),
        "function": _FUNCTION,
        "custom": record(free("name input")),
    }
)
_MESSAGE = record(
    {
        **free("role name refusal reasoning reasoning_content reasoning_details tool_call_id"),
        "content": text_or(list_of(_PART)),
        "tool_calls": list_of(_TOOL_CALL),
        "function_call": _FUNCTION,
        "cache_control": cache_mark,
        "audio": closed("stored_conversations"),
    }
)
_DECLARATION = record({**free("name description strict"), "parameters": schema})
_TOOLS = tool_list(
    (
        ToolKind(
            "function",
            record(
                {
                    "type": anything,
                    "function": _DECLARATION,
                    "cache_control": cache_mark,
                }
            ),
        ),
        ToolKind(
            "custom", record({"type": anything, "custom": record(free("name description format")), "cache_control": cache_mark})
        ),
        ToolKind("(?:openrouter:)?web_search(?:_.*)?", grant="web_search"),
        ToolKind("(?:openrouter:)?web_fetch(?:_.*)?", grant="web_fetch"),
        ToolKind("code_interpreter", grant="code_execution"),
        ToolKind("file_search", grant="files"),
        ToolKind("mcp", grant="remote_mcp"),
    )
)
_BODY: Mapping[str, Rule] = {
    **free(
        "frequency_penalty function_call logit_bias logprobs parallel_tool_calls presence_penalty prompt_cache_key "
        "prompt_cache_retention reasoning_effort safety_identifier seed stop temperature tool_choice "
        "top_logprobs top_p user verbosity"
    ),
    # read and written by `read` and `body`
    **free("model stream n max_tokens max_completion_tokens"),
    "messages": list_of(_MESSAGE),
    "tools": _TOOLS,
    "functions": list_of(_DECLARATION),
    "response_format": schema,
    "prompt_cache_options": cache_mark,
    "stream_options": record(free("include_usage include_obfuscation continuous_usage_stats")),
    "store": out("stored_conversations"),
    "metadata": out("stored_conversations"),
    "web_search_options": out("web_search"),
    "search_parameters": out("web_search"),
    "plugins": out("web_search"),
    # another model would answer than the one that is allowed and priced
    "models": out(),
    "route": out(),
}


class Chat:
    """See `Dialect`."""

    name: DialectName = "chat"

    def route(self, method: str, path: str) -> Route | None:
        if found := _PATH.fullmatch(path):
            if found["more"]:
                raise Refusal(404, "not-found", "stored answers cannot be read here")
            if method != "POST":
                raise Refusal(405, "not-found", f"{path} takes POST")
            return Route("generate")
        return models_route(method, path)

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        content, cleaning = check_form(content), Cleaning(grants)
        model = model_name(content.get("model"))
        if model.endswith(":online") and "web_search" not in grants:
            raise not_allowed("a model with :online", "web_search")
        is_streaming = truth(content.get("stream"), "stream")
        choices = whole_number(content.get("n"), "n", most=MOST_CHOICES) or 1
        limits = [whole_number(content.get(name), name) for name in ("max_tokens", "max_completion_tokens")]
        kept = record({**dict.fromkeys(fields, anything), **_BODY})(content, cleaning, "")
        _choose_among(kept, cleaning)
        options = kept.pop("stream_options", None) or {}
        if is_streaming:
            kept["stream_options"] = {**options, "include_usage": True}
        most = max((limit for limit in limits if limit), default=None)
        return Call(
            "generate",
            model,
            kept,
            is_streaming,
            cleaning.removed,
            most_output=most and most * choices,
            choices=choices,
            text_bytes=cleaning.text_bytes(kept),
            media_bytes=cleaning.media_bytes,
            drops_usage=is_streaming and not truth(options.get("include_usage"), "stream_options.include_usage"),
        )

    def request_headers(self, headers: Mapping[str, str], grants: Collection[str]) -> tuple[dict[str, str], list[str]]:
        return clean_headers(headers, grants, {})

    def path(self, call: Call, served: str) -> str:
        return "/chat/completions"

    def body(self, call: Call, served: str) -> dict[str, Any]:
        return {**call.content, "model": served}

    def limited(self, call: Call, most_output: int) -> Call:
        content = {**call.content, "max_completion_tokens": most_output // call.choices}
        return replace(call, content=content, most_output=most_output)

    def tokens(self, content: Any) -> Tokens | None:
        return openai_tokens(content.get("usage"), ("prompt", "completion")) if isinstance(content, dict) else None

    def reader(self, call: Call) -> ChatReader:
        choices = call.content.get("n")
        return ChatReader(call.drops_usage, int(choices) if choices else 1)

    def refusal(self, refusal: Refusal) -> bytes:
        return error_body(refusal)

    def error_event(self, refusal: Refusal) -> bytes:
        return event("", self.refusal(refusal))

    def models(self, names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
        return list_models(names, one)

    def probe(self, served: str) -> tuple[str, dict[str, Any]]:
        # no limit of tokens: providers differ in its name, and refuse the other one
        return "/chat/completions", {"model": served, "messages": [{"role": "user", "content": "Reply with OK."}]}


class ChatReader:
    """See `StreamReader`."""

    def __init__(self, drops_usage: bool, choices: int) -> None:
        self.tokens: Tokens | None = None
        self.is_complete = False
        self.failure: str | None = None
        self._drops_usage = drops_usage
        self._choices, self._finished = choices, 0
        self._events = EventReader(self._read, holds=drops_usage)

    def feed(self, block: bytes) -> bytes:
        return self._events.feed(block)

    def finish(self) -> bytes:
        return self._events.finish()

    def _read(self, name: str, data: bytes) -> bool:
        if data.strip() == b"[DONE]":
            self.is_complete = True
            return True
        chunk = parsed(data)
        if not isinstance(chunk, dict):
            return True
        choices = chunk.get("choices")
        self._count_finished(choices)
        if chunk.get("error"):
            self.failure = error_message(chunk)
        said = openai_tokens(chunk.get("usage"), ("prompt", "completion"))
        self.tokens = said or self.tokens
        # some providers say it beside the last choice, which the client must see
        says_usage_alone = isinstance(chunk.get("usage"), dict) and not choices and not chunk.get("error")
        return not (self._drops_usage and says_usage_alone)

    def _count_finished(self, choices: Any) -> None:
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("finish_reason"):
                self._finished += 1
        self.is_complete = self.is_complete or self._finished >= self._choices


def _choose_among(content: dict[str, Any], cleaning: Cleaning) -> None:
    """Take out a choice of tools that are not there."""
    if "tools" not in content:
        for name in ("tool_choice", "parallel_tool_calls") if "functions" not in content else ():
            if content.pop(name, None) is not None:
                cleaning.take_out(f"key {name}")
    elif isinstance(content.get("tool_choice"), dict):
        choice = _choice(content.pop("tool_choice"), cleaning)
        if choice is not GONE:
            content["tool_choice"] = choice


def _choice(choice: dict[str, Any], cleaning: Cleaning) -> Any:
    kind = choice.get("type")
    if kind == "allowed_tools" and isinstance(inner := choice.get("allowed_tools"), dict):
        tools = inner.get("tools")
        kept = [tool for tool in tools if _is_there(tool, cleaning)] if isinstance(tools, list) else []
        if kept:
            return {"type": kind, "allowed_tools": {"mode": inner.get("mode"), "tools": kept}}
    elif _is_there(choice, cleaning):
        return choice
    return cleaning.take_out("key tool_choice")


def _is_there(choice: Any, cleaning: Cleaning) -> bool:
    kind = choice.get("type") if isinstance(choice, dict) else None
    inner = choice.get(kind) if isinstance(kind, str) else None
    name = inner.get("name", "") if isinstance(inner, dict) else ""
    return isinstance(kind, str) and isinstance(name, str) and (kind, name) in cleaning.tools
