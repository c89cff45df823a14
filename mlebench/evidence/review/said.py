"""The messages in requests and answers of model calls, in any dialect.

Only what reviews need: roles, texts and tool calls. Bodies are untrusted: no type in them is assumed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mlebench.gateway.transcript import CallTexts

Role = Literal["system", "user", "agent", "tool"]
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "assistant": "agent",
    "model": "agent",
    "tool": "tool",
    "function": "tool",
}
_LONGEST_ANSWER = 100_000
_MOST_EVENTS = 1_000_000
_DEEPEST = 12


@dataclass(frozen=True)
class ToolCall:
    """A tool call by a model."""

    name: str
    arguments: Any
    """Parsed if it is JSON, else the text."""


@dataclass(frozen=True)
class Said:
    """A message."""

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()

    def to_text(self) -> str:
        """For readers: the role, the text and the calls, each on a separate line."""
        parts = [f"## {self.role}", self.text] if self.text or not self.calls else [f"## {self.role}"]
        for call in self.calls:
            parts += [f"## call of {call.name}", shown_arguments(call.arguments)]
        return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class Talk:
    """The content of one model call."""

    name: str
    """The call's file, in the form of `Evidence.file`."""
    news: tuple[Said, ...]
    """What no earlier call of the run contained."""
    asked: int
    """Messages of the request."""
    has_tools: bool
    """Whether the request offered tools."""
    answer: str = ""
    """The text of the answer, known or not; of a long one, the beginning."""


def shown_arguments(arguments: Any) -> str:
    """Arguments for readers, with real line breaks in texts."""
    if isinstance(arguments, str):
        return arguments
    if isinstance(arguments, dict):
        return "\n".join(f"{key}: {value if isinstance(value, str) else _json(value)}" for key, value in arguments.items())
    return _json(arguments)


def talk_in(name: str, texts: CallTexts, known: set[bytes]) -> Talk:
    """The content of a call; adds its messages to `known`.

    Args:
        name: of its file.
        texts: request and answer.
        known: hashes of the messages of earlier calls.
    """
    body = _parsed(texts.request)
    request = list(_in_request(body)) if isinstance(body, dict) else []
    news = []
    answers = list(_in_answer(texts.response))
    for said in (*request, *answers):
        digest = hashlib.sha256(said.to_text().encode("utf-8", "surrogatepass")).digest()
        if digest not in known:
            known.add(digest)
            news.append(said)
    has_tools = isinstance(body, dict) and bool(body.get("tools") or body.get("functions"))
    answer = "\n".join(said.text for said in answers)[:_LONGEST_ANSWER]
    return Talk(name, tuple(news), len(request), has_tools, answer)


def _in_request(body: dict[str, Any]) -> Iterator[Said]:
    for key in ("system", "instructions", "systemInstruction", "system_instruction"):
        if text := _text(body.get(key)):
            yield Said("system", text)
    if isinstance(body.get("input"), str):
        yield Said("user", body["input"])
    for key in ("messages", "input", "contents"):
        for item in _objects(body.get(key)):
            yield from _of_item(item)


def _in_answer(response: str) -> Iterator[Said]:
    body = _parsed(response)
    for chunk in [body] if isinstance(body, dict) else _objects(body):
        yield from _of_answer(chunk)
    if body is None:
        yield from _streamed(response)


def _of_answer(body: dict[str, Any]) -> Iterator[Said]:
    for choice in _objects(body.get("choices")):
        if isinstance(message := choice.get("message"), dict):
            yield from _of_item({"role": "assistant", **message})
    for item in _objects(body.get("output")):
        yield from _of_item(item)
    for candidate in _objects(body.get("candidates")):
        if isinstance(content := candidate.get("content"), dict):
            yield from _of_item({**content, "role": "model"})
    if body.get("role") == "assistant" and "content" in body:
        yield from _of_item(body)


def _of_item(item: dict[str, Any]) -> Iterator[Said]:
    """A message, or an item among messages that represents a call or its result."""
    kind = item.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind.endswith("_output"):
        yield Said("tool", _text(item.get("output")))
        return
    if kind.endswith("_call"):
        yield Said("agent", "", (_own_call(item, kind),))
        return
    role = item.get("role")
    named = _ROLES.get(role, "user") if isinstance(role, str) else "user"
    blocks = [block for key in ("content", "parts") for block in _objects(item.get(key))]
    results = [text for block in blocks if (text := _result(block)) is not None]
    yield from (Said("tool", text) for text in results)
    text = _text(item.get("content")) or _text(item.get("parts"))
    calls = (*_calls_of(item), *(call for block in blocks if (call := _block_call(block)) is not None))
    if text or calls:
        yield Said(named, text, calls)


def _own_call(item: dict[str, Any], kind: str) -> ToolCall:
    """A call that is a separate item, as OpenAI's responses have it."""
    given = next((item[key] for key in ("arguments", "input", "action", "operation") if item.get(key) is not None), None)
    return ToolCall(_name(item) or kind.removesuffix("_call"), _arguments(given))


def _calls_of(item: dict[str, Any]) -> Iterator[ToolCall]:
    called = [*_objects(item.get("tool_calls")), *([{"function": item["function_call"]}] if "function_call" in item else [])]
    for call in called:
        for key in ("function", "custom"):
            if isinstance(function := call.get(key), dict):
                given = function.get("arguments", function.get("input"))
                yield ToolCall(_name(function), _arguments(given))


def _name(called: dict[str, Any]) -> str:
    name = called.get("name")
    return name if isinstance(name, str) else ""


def _block_call(block: dict[str, Any]) -> ToolCall | None:
    if isinstance(called := block.get("functionCall"), dict):
        name, given = _name(called), called.get("args")
    elif block.get("type") in ("tool_use", "server_tool_use", "mcp_tool_use"):
        name, given = _name(block), block.get("input")
    else:
        return None
    return ToolCall(name, _arguments(given))


def _result(block: dict[str, Any]) -> str | None:
    if isinstance(given := block.get("functionResponse"), dict):
        return _text(given.get("response")) or _json(given.get("response"))
    kind = block.get("type")
    return _text(block.get("content")) if isinstance(kind, str) and kind.endswith("tool_result") else None


def _text(content: Any, depth: int = 0) -> str:
    """The text of a content; calls and results have none."""
    if isinstance(content, str):
        return content
    if depth > _DEEPEST:
        return ""
    if isinstance(content, list):
        return "\n".join(filter(None, (_text(part, depth + 1) for part in content)))
    if not isinstance(content, dict) or _block_call(content) is not None or _result(content) is not None:
        return ""
    found = (_text(content.get(key), depth + 1) for key in ("text", "parts", "content", "output", "result"))
    return next(filter(None, found), "")


def _streamed(response: str) -> Iterator[Said]:
    """Answers that came as server-sent events."""
    text: list[str] = []
    calls: dict[tuple[int, int], list[str]] = {}
    names: dict[tuple[int, int], str] = {}
    for event in _events(response):
        if isinstance(item := event.get("item"), dict) and event.get("type") == "response.output_item.done":
            yield from _of_item(item)
        _add_chat(event, text, calls, names)
        _add_blocks(event, text, calls, names)
        for candidate in _objects(event.get("candidates")):
            yield from _of_item({**(candidate["content"] if isinstance(candidate.get("content"), dict) else {}), "role": "model"})
    made = tuple(ToolCall(name, _arguments("".join(calls.get(key, [])))) for key, name in names.items())
    if text or made:
        yield Said("agent", "".join(text), made)


def _add_chat(event: dict[str, Any], text: list[str], calls: dict[Any, list[str]], names: dict[Any, str]) -> None:
    for choice in _objects(event.get("choices")):
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            continue
        if isinstance(piece := delta.get("content"), str):
            text.append(piece)
        for call in _objects(delta.get("tool_calls")):
            key = (0, call["index"] if isinstance(call.get("index"), int) else 0)
            function = call.get("function")
            if isinstance(function, dict):
                if isinstance(name := function.get("name"), str) and name:
                    names.setdefault(key, name)
                if isinstance(piece := function.get("arguments"), str):
                    calls.setdefault(key, []).append(piece)


def _add_blocks(event: dict[str, Any], text: list[str], calls: dict[Any, list[str]], names: dict[Any, str]) -> None:
    index = event.get("index")
    key = (1, index if isinstance(index, int) else 0)
    block, delta = event.get("content_block"), event.get("delta")
    if isinstance(block, dict) and block.get("type") == "tool_use" and isinstance(name := block.get("name"), str):
        names.setdefault(key, name)
    if isinstance(delta, dict):
        if isinstance(piece := delta.get("text"), str):
            text.append(piece)
        if isinstance(piece := delta.get("partial_json"), str):
            calls.setdefault(key, []).append(piece)


def _events(response: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(response.split("\n")):
        if number > _MOST_EVENTS:
            return
        if line.startswith("data:") and isinstance(event := _parsed(line[5:]), dict):
            yield event


def _arguments(given: Any) -> Any:
    if isinstance(given, str):
        parsed = _parsed(given)
        return parsed if isinstance(parsed, dict | list) else given
    return {} if given is None else given


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
