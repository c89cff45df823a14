"""Requests of each dialect, as agents send them: a conversation in short is written out in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

SHELL = {"type": "object", "properties": {"command": {"type": "string"}}}


class User(NamedTuple):
    text: str


class Agent(NamedTuple):
    text: str = ""
    command: str | None = None
    """Of a call of the tool `bash`."""
    id: str = "c1"
    reasoning: str = ""


class Result(NamedTuple):
    text: str
    id: str = "c1"


Said = User | Agent | Result


def request(dialect: str, system: str, said: Sequence[Said]) -> dict[str, Any]:
    """The body."""
    return _REQUESTS[dialect](system, said)


def _chat(system: str, said: Sequence[Said]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
    for one in said:
        if isinstance(one, User):
            messages.append({"role": "user", "content": [{"type": "text", "text": one.text}]})
        elif isinstance(one, Result):
            messages.append({"role": "tool", "tool_call_id": one.id, "content": one.text})
        else:
            message: dict[str, Any] = {"role": "assistant", "content": one.text or None}
            if one.command is not None:
                function = {"name": "bash", "arguments": json.dumps({"command": one.command})}
                message["tool_calls"] = [{"id": one.id, "type": "function", "function": function}]
            messages.append(message)
    tools = [{"type": "function", "function": {"name": "bash", "description": "runs", "parameters": SHELL}}]
    return {"model": "served", "messages": messages, "tools": tools}


def _responses(system: str, said: Sequence[Said]) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for one in said:
        if isinstance(one, User):
            items.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": one.text}]})
        elif isinstance(one, Result):
            items.append({"type": "function_call_output", "call_id": one.id, "output": one.text})
        else:
            if one.reasoning:
                items.append({"type": "reasoning", "summary": [{"type": "summary_text", "text": one.reasoning}]})
            if one.text:
                items.append({"role": "assistant", "content": [{"type": "output_text", "text": one.text, "annotations": []}]})
            if one.command is not None:
                arguments = json.dumps({"command": one.command})
                items.append({"type": "function_call", "call_id": one.id, "name": "bash", "arguments": arguments})
    tools = [{"type": "function", "name": "bash", "description": "runs", "parameters": SHELL}]
    return {"model": "served", "instructions": system, "input": items, "tools": tools}


def _messages(system: str, said: Sequence[Said]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for one in said:
        if isinstance(one, User):
            messages.append({"role": "user", "content": one.text})
        elif isinstance(one, Result):
            block = {"type": "tool_result", "tool_use_id": one.id, "content": [{"type": "text", "text": one.text}]}
            messages.append({"role": "user", "content": [block]})
        else:
            blocks: list[dict[str, Any]] = []
            if one.reasoning:
                blocks.append({"type": "thinking", "thinking": one.reasoning, "signature": "abc"})
            if one.text:
                blocks.append({"type": "text", "text": one.text})
            if one.command is not None:
                blocks.append({"type": "tool_use", "id": one.id, "name": "bash", "input": {"command": one.command}})
            messages.append({"role": "assistant", "content": blocks})
    # the mark moves from request to request
    messages[-1] = {**messages[-1], "content": _marked(messages[-1]["content"])}
    tools = [{"name": "bash", "description": "runs", "input_schema": SHELL}]
    return {
        "model": "served",
        "max_tokens": 9,
        "system": [{"type": "text", "text": system}],
        "messages": messages,
        "tools": tools,
    }


def _marked(content: Any) -> list[dict[str, Any]]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]


def _gemini(system: str, said: Sequence[Said]) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    for one in said:
        if isinstance(one, User):
            contents.append({"role": "user", "parts": [{"text": one.text}]})
        elif isinstance(one, Result):
            contents.append({"role": "user", "parts": [{"functionResponse": {"name": "bash", "response": {"output": one.text}}}]})
        else:
            parts: list[dict[str, Any]] = [{"text": one.reasoning, "thought": True}] if one.reasoning else []
            parts += [{"text": piece} for piece in (one.text[:3], one.text[3:]) if piece]
            if one.command is not None:
                parts.append({"functionCall": {"name": "bash", "args": {"command": one.command}}, "thoughtSignature": "abc"})
            contents.append({"role": "model", "parts": parts})
    declared = [{"name": "bash", "description": "runs", "parameters": SHELL}]
    asked = {"role": "user", "parts": [{"text": system}]}
    return {"contents": contents, "systemInstruction": asked, "tools": [{"functionDeclarations": declared}]}


_REQUESTS = {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
