"""OpenAI's chat completions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from mlebench.evidence.conversations.turns import (
    ToolCall,
    Turn,
    arguments_in,
    content_text,
    first_of,
    objects_in,
    part_text,
    text_in,
    word_in,
)

_SYSTEM = ("system", "developer")
_REASONING = ("reasoning_content", "reasoning")
"""Providers differ in what they call it."""


class ChatText:
    """See `DialectReader`."""

    def prompt(self, content: dict[str, Any]) -> list[Turn]:
        return [turn for message in objects_in(content.get("messages")) for turn in _turns(message)]

    def tools(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        declared = [{"type": "function", "function": one} for one in objects_in(content.get("functions"))]
        return [*objects_in(content.get("tools")), *declared]

    def plain(self, content: Any) -> Turn:
        choices = objects_in(content.get("choices")) if isinstance(content, dict) else []
        messages = [message for choice in choices for message in objects_in(choice.get("message"))]
        return first_of([_agent_turn(message) for message in messages])

    def streamed(self, events: Iterable[tuple[str, Any]]) -> Turn:
        messages: dict[int, _Streamed] = defaultdict(_Streamed)
        for _, chunk in events:
            for choice in objects_in(chunk.get("choices")) if isinstance(chunk, dict) else ():
                delta, index = choice.get("delta"), choice.get("index")
                if isinstance(delta, dict):
                    messages[index if isinstance(index, int) else 0].add(delta)
        return self.plain({"choices": [{"message": message.whole()} for _, message in sorted(messages.items())]})


def _turns(message: dict[str, Any]) -> Iterable[Turn]:
    role, content = message.get("role"), message.get("content")
    if role in _SYSTEM:
        for part in content if isinstance(content, list) else [content_text(content)]:
            yield Turn("system", part_text(part))
    elif role in ("tool", "function"):
        name = word_in(message.get("name"))
        yield Turn("tool", content_text(content), result_of=word_in(message.get("tool_call_id")), name=name)
    elif role == "assistant":
        yield _agent_turn(message)
    else:
        yield Turn("user", content_text(content))


def _agent_turn(message: dict[str, Any]) -> Turn:
    content = message.get("content")
    thoughts = [text_in(message.get(name)) for name in _REASONING]
    if isinstance(content, list):
        thoughts += [content_text(part.get("thinking")) for part in objects_in(content) if part.get("type") == "thinking"]
        content = [part for part in content if not (isinstance(part, dict) and part.get("type") == "thinking")]
    said = [content_text(content, ""), text_in(message.get("refusal"))]
    calls = [_call(call) for call in objects_in(message.get("tool_calls"))]
    if isinstance(called := message.get("function_call"), dict):
        calls.append(_call({"function": called}))
    return Turn("agent", "".join(said), next(filter(None, thoughts), ""), tuple(calls))


def _call(call: dict[str, Any]) -> ToolCall:
    custom = call.get("custom")
    if isinstance(custom, dict):
        return ToolCall(word_in(call.get("id")), text_in(custom.get("name")), {"input": custom.get("input")})
    inner = call.get("function")
    function = inner if isinstance(inner, dict) else {}
    return ToolCall(word_in(call.get("id")), text_in(function.get("name")), arguments_in(function.get("arguments")))


class _Streamed:
    """A message of a stream, of which each event brings a piece."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._called: dict[str, list[str]] = defaultdict(list)
        """The only function, as it was said before there were lists of calls."""
        self._ids: dict[int, str] = {}
        self._calls: dict[int, dict[str, dict[str, list[str]]]] = {}
        """By index the pieces of each call, by its kind and their names."""

    def add(self, delta: dict[str, Any]) -> None:
        """Add the next piece."""
        for name in ("content", "refusal", *_REASONING):
            self._texts[name].append(content_text(delta.get(name), ""))
        if isinstance(called := delta.get("function_call"), dict):
            _add(self._called, called)
        for position, call in enumerate(objects_in(delta.get("tool_calls"))):
            stated = call.get("index")
            index = stated if isinstance(stated, int) else position
            kinds = self._calls.setdefault(index, {})
            if (identity := word_in(call.get("id"))) is not None:
                self._ids.setdefault(index, identity)
            for kind in ("function", "custom"):
                if isinstance(piece := call.get(kind), dict):
                    _add(kinds.setdefault(kind, defaultdict(list)), piece)

    def whole(self) -> dict[str, Any]:
        """The message of a non-streamed answer."""
        calls = [
            {"id": self._ids.get(index), **{kind: _joined(pieces) for kind, pieces in kinds.items()}}
            for index, kinds in sorted(self._calls.items())
        ]
        return {
            **_joined(self._texts),
            "tool_calls": calls,
            "function_call": _joined(self._called) if self._called else None,
        }


def _add(whole: dict[str, list[str]], piece: dict[str, Any]) -> None:
    for name in ("name", "arguments", "input"):
        if isinstance(text := piece.get(name), str):
            whole[name].append(text)


def _joined(pieces: dict[str, list[str]]) -> dict[str, str]:
    return {name: "".join(found) for name, found in pieces.items()}
