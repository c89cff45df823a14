"""What providers answer, in four dialects, plain and streamed; for tests of the gateway and of the dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mlebench.gateway.tokens import Tokens


@dataclass(frozen=True)
class Said:
    """What a model answers."""

    text: str = "done"
    tokens: Tokens | None = field(default_factory=lambda: Tokens(input=100, output=7))
    """What the answer says that it used; None: it says nothing."""
    tool: tuple[str, Mapping[str, Any] | str] | None = None
    """Name and arguments of a call to one of the agent's tools, in place of text; responses has tools that take a text, too."""
    pieces: int = 3
    """Events with text of a stream."""
    model: str = "served"
    number: int = 1
    """Of the answer, which its identifiers and those within it tell; agents take two with the same identifier for one."""


def event(content: Any, name: str = "") -> bytes:
    """One server-sent event."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(content).encode() + b"\n\n"


def pieces(said: Said) -> list[str]:
    """The text in nearly equal pieces, some of them empty where it is short."""
    borders = [len(said.text) * n // said.pieces for n in range(said.pieces + 1)]
    return [said.text[first:last] for first, last in pairwise(borders)]


def plain(dialect: str, said: Said) -> dict[str, Any]:
    """A whole answer."""
    return _PLAIN[dialect](said)


def stream(dialect: str, said: Said, with_usage: bool = True) -> list[bytes]:
    """The events of a streamed answer; `with_usage`: whether a chat request asked for `stream_options.include_usage`."""
    return _chat_stream(said, with_usage) if dialect == "chat" else _STREAMS[dialect](said)


def failure(dialect: str, status: int, message: str = "the provider has a problem") -> dict[str, Any]:
    """The body of an answer with an error."""
    if dialect == "gemini":
        return {"error": {"code": status, "message": message, "status": "UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT"}}
    kind = "api_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    if dialect == "messages":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def usage(dialect: str, tokens: Tokens | None) -> dict[str, Any] | None:
    """Usage as the dialect writes it."""
    return None if tokens is None else _USAGE[dialect](tokens)


def _chat_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def _responses_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


def _messages_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
    }


def _gemini_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "promptTokenCount": tokens.input,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "thoughtsTokenCount": tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
    }


def _arguments(said: Said) -> str:
    assert said.tool is not None
    return json.dumps(said.tool[1])


def _chat_calls(said: Said) -> list[dict[str, Any]]:
    assert said.tool is not None
    return [
        {
            "index": 0,
            "id": f"call_{said.number}",
            "type": "function",
            "function": {"name": said.tool[0], "arguments": _arguments(said)},
        }
    ]


def _chat(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.tool:
        message = {"role": "assistant", "content": None, "tool_calls": _chat_calls(said)}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if said.tool else "stop"}
    answer = {"id": f"chat_{said.number}", "object": "chat.completion", "created": 1, "model": said.model, "choices": [choice]}
    return answer | ({"usage": usage("chat", said.tokens)} if said.tokens else {})


def _chat_stream(said: Said, with_usage: bool) -> list[bytes]:
    head = {"id": f"chat_{said.number}", "object": "chat.completion.chunk", "created": 1, "model": said.model}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    events = [chunk({"role": "assistant"})]
    events += [chunk({"tool_calls": _chat_calls(said)})] if said.tool else [chunk({"content": text}) for text in pieces(said)]
    events += [chunk({}, "tool_calls" if said.tool else "stop")]
    if with_usage and said.tokens:
        events += [event({**head, "choices": [], "usage": usage("chat", said.tokens)})]
    return [*events, b"data: [DONE]\n\n"]


def _responses_item(said: Said) -> dict[str, Any]:
    if said.tool:
        name, arguments = said.tool
        call = {"id": f"fc_{said.number}", "call_id": f"call_{said.number}", "status": "completed", "name": name}
        if isinstance(arguments, str):
            return {**call, "type": "custom_tool_call", "input": arguments}
        return {**call, "type": "function_call", "arguments": _arguments(said)}
    content = [{"type": "output_text", "text": said.text, "annotations": []}]
    return {"type": "message", "id": f"msg_{said.number}", "role": "assistant", "status": "completed", "content": content}


def _responses(said: Said) -> dict[str, Any]:
    return {
        "id": f"resp_{said.number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": said.model,
        "output": [_responses_item(said)],
        "usage": usage("responses", said.tokens),
        "parallel_tool_calls": True,
        "tools": [],
        "tool_choice": "auto",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
    }


def _responses_stream(said: Said) -> list[bytes]:
    whole, item = _responses(said), _responses_item(said)
    place = {"item_id": item["id"], "output_index": 0}
    steps: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
    ]
    if said.tool:
        is_text = isinstance(said.tool[1], str)
        kind = "custom_tool_call_input" if is_text else "function_call_arguments"
        steps += [{"type": f"response.{kind}.delta", **place, "delta": said.tool[1] if is_text else _arguments(said)}]
    else:
        part = {"type": "output_text", "text": "", "annotations": []}
        steps += [{"type": "response.content_part.added", **place, "content_index": 0, "part": part}]
        steps += [
            {"type": "response.output_text.delta", **place, "content_index": 0, "delta": text, "logprobs": []}
            for text in pieces(said)
        ]
    steps += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return [event({**step, "sequence_number": n}, step["type"]) for n, step in enumerate(steps)]


def _messages(said: Said) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": said.text}
    if said.tool:
        block = {"type": "tool_use", "id": f"toolu_{said.number}", "name": said.tool[0], "input": said.tool[1]}
    return {
        "id": f"msg_{said.number}",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": [block],
        "stop_reason": "tool_use" if said.tool else "end_turn",
        "stop_sequence": None,
        **({"usage": _messages_usage(said.tokens)} if said.tokens else {}),
    }


def _messages_stream(said: Said) -> list[bytes]:
    start = {**_messages(said), "content": [], "stop_reason": None}
    if said.tokens:
        start["usage"] = {**_messages_usage(said.tokens), "output_tokens": 1}
    block: dict[str, Any] = {"type": "text", "text": ""}
    deltas: Sequence[dict[str, Any]] = [{"type": "text_delta", "text": text} for text in pieces(said)]
    if said.tool:
        block = {"type": "tool_use", "id": f"toolu_{said.number}", "name": said.tool[0], "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": _arguments(said)}]
    end: dict[str, Any] = {"delta": {"stop_reason": "tool_use" if said.tool else "end_turn", "stop_sequence": None}}
    if said.tokens:
        end["usage"] = {"output_tokens": said.tokens.output}
    steps: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", **end},
        {"type": "message_stop"},
    ]
    return [event(step, step["type"]) for step in steps]


def _gemini_part(said: Said) -> dict[str, Any]:
    return {"functionCall": {"name": said.tool[0], "args": said.tool[1]}} if said.tool else {"text": said.text}


def _gemini_chunk(said: Said, part: dict[str, Any], is_last: bool) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, **({"finishReason": "STOP"} if is_last else {})}
    chunk: dict[str, Any] = {"candidates": [candidate], "modelVersion": said.model, "responseId": f"gemini_{said.number}"}
    if said.tokens and is_last:
        chunk["usageMetadata"] = usage("gemini", said.tokens)
    elif said.tokens:
        chunk["usageMetadata"] = {"promptTokenCount": said.tokens.input, "totalTokenCount": said.tokens.input}
    return chunk


def _gemini(said: Said) -> dict[str, Any]:
    return _gemini_chunk(said, _gemini_part(said), is_last=True)


def gemini_chunks(said: Said) -> list[dict[str, Any]]:
    """The parts of a streamed answer of Gemini, sent as events or as members of one JSON array."""
    parts = [_gemini_part(said)] if said.tool else [{"text": text} for text in pieces(said)]
    return [_gemini_chunk(said, part, n == len(parts) - 1) for n, part in enumerate(parts)]


def _gemini_stream(said: Said) -> list[bytes]:
    return [event(chunk).replace(b"\n", b"\r\n") for chunk in gemini_chunks(said)]


_USAGE = {"chat": _chat_usage, "responses": _responses_usage, "messages": _messages_usage, "gemini": _gemini_usage}
_PLAIN = {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
_STREAMS = {"responses": _responses_stream, "messages": _messages_stream, "gemini": _gemini_stream}
