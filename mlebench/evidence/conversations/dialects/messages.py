"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlebench.evidence.conversations.turns import (
    ToolCall,
    Turn,
    arguments_in,
    content_text,
    function,
    objects_in,
    part_text,
    shown,
    text_in,
    word_in,
)

_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""What a kind of delta calls its text."""


class MessagesText:
    """See `DialectReader`."""

    def prompt(self, content: dict[str, Any]) -> list[Turn]:
        system = content.get("system")
        turns = [Turn("system", part_text(part)) for part in (system if isinstance(system, list) else [text_in(system)])]
        for message in objects_in(content.get("messages")):
            blocks = _blocks(message.get("content"))
            if message.get("role") == "assistant":
                turns.append(_agent_turn(blocks))
            else:
                turns += _user_turns(blocks, "system" if message.get("role") == "system" else "user")
        return turns

    def tools(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            function(tool.get("name"), tool.get("description"), tool["input_schema"]) if "input_schema" in tool else tool
            for tool in objects_in(content.get("tools"))
        ]

    def plain(self, content: Any) -> Turn:
        return _agent_turn(_blocks(content.get("content")) if isinstance(content, dict) else [])

    def streamed(self, events: Iterable[tuple[str, Any]]) -> Turn:
        blocks: dict[Any, dict[str, Any]] = {}
        pieces: dict[Any, list[str]] = {}
        for _, event in events:
            index = event.get("index") if isinstance(event, dict) else None
            if not isinstance(index, int):
                continue
            if isinstance(block := event.get("content_block"), dict):
                blocks[index] = block
            elif isinstance(delta := event.get("delta"), dict) and index in blocks:
                pieces.setdefault(index, []).append(text_in(delta.get(_PIECES.get(text_in(delta.get("type")), ""))))
        for index, found in pieces.items():
            block, said = blocks[index], "".join(found)
            name = {"text": "text", "thinking": "thinking"}.get(text_in(block.get("type")), "input")
            block[name] = text_in(block.get(name)) + said if name != "input" else said or block.get("input")
        return _agent_turn([block for _, block in sorted(blocks.items())])


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects_in(content)


def _agent_turn(blocks: list[dict[str, Any]]) -> Turn:
    texts, thoughts, calls = [], [], []
    for block in blocks:
        kind = block.get("type")
        if kind == "thinking":
            thoughts.append(text_in(block.get("thinking")))
        elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
            calls.append(ToolCall(word_in(block.get("id")), text_in(block.get("name")), arguments_in(block.get("input"))))
        elif kind != "redacted_thinking":
            texts.append(part_text(block))
    return Turn("agent", "\n\n".join(filter(None, texts)), "\n\n".join(filter(None, thoughts)), tuple(calls))


def _user_turns(blocks: list[dict[str, Any]], source: Any) -> list[Turn]:
    """Results of tools stand before what else a message says."""
    is_result = [text_in(block.get("type")).endswith("tool_result") for block in blocks]
    results = [_result(block) for block, found in zip(blocks, is_result, strict=True) if found]
    texts = [part_text(block) for block, found in zip(blocks, is_result, strict=True) if not found]
    return [*results, Turn(source, "\n\n".join(filter(None, texts)))]


def _result(block: dict[str, Any]) -> Turn:
    content = block.get("content")
    text = shown(content) if isinstance(content, dict) else content_text(content)
    return Turn("tool", text, result_of=word_in(block.get("tool_use_id")))
