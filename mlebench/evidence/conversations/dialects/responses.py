"""OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlebench.evidence.conversations.turns import (
    ToolCall,
    Turn,
    arguments_in,
    content_text,
    function,
    merged,
    objects_in,
    part_text,
    shown,
    text_in,
    word_in,
)

_SYSTEM = ("system", "developer")
_INPUTS = ("arguments", "input", "action", "actions", "operation")
"""What kinds of calls call what they are called with."""
_WHOLE = ("response.completed", "response.incomplete", "response.failed")
_ITEMS = ("response.output_item.added", "response.output_item.done")
_PIECES = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_text.delta": "thought",
    "response.reasoning_summary_text.delta": "thought",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}


class ResponsesText:
    """See `DialectReader`."""

    def prompt(self, content: dict[str, Any]) -> list[Turn]:
        instructions, asked = content.get("instructions"), content.get("input")
        turns = [Turn("system", text_in(instructions))]
        turns += [turn for item in objects_in(instructions) for turn in _turns(item)]
        if isinstance(asked, str):
            return [*turns, Turn("user", asked)]
        return [*turns, *(turn for item in objects_in(asked) for turn in _turns(item))]

    def tools(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            function(tool.get("name"), tool.get("description"), tool.get("parameters"))
            if tool.get("type") == "function"
            else tool
            for tool in objects_in(content.get("tools"))
        ]

    def plain(self, content: Any) -> Turn:
        items = objects_in(content.get("output")) if isinstance(content, dict) else []
        said = merged(turn for item in items for turn in _turns(item) if turn.source == "agent")
        return said[0] if said else Turn("agent")

    def streamed(self, events: Iterable[tuple[str, Any]]) -> Turn:
        items: dict[int, dict[str, Any]] = {}
        pieces: dict[tuple[int, str], list[str]] = {}
        for name, event in events:
            if not isinstance(event, dict):
                continue
            kind, index = text_in(event.get("type")) or name, event.get("output_index")
            index = index if isinstance(index, int) else 0
            response = event.get("response")
            if kind in _WHOLE and isinstance(response, dict) and objects_in(response.get("output")):
                return self.plain(response)
            if kind in _ITEMS and isinstance(item := event.get("item"), dict):
                items[index] = {**item, "done": kind.endswith("done")}
            elif kind in _PIECES:
                pieces.setdefault((index, _PIECES[kind]), []).append(text_in(event.get("delta")))
        for (index, what), found in pieces.items():
            if index in items and not items[index]["done"]:
                _fill(items[index], what, "".join(found))
        return self.plain({"output": [item for _, item in sorted(items.items())]})


def _fill(item: dict[str, Any], what: str, said: str) -> None:
    """Put what came of an item that was cut off where it is in a whole one."""
    if what == "text":
        item["content"] = [{"type": "output_text", "text": said}]
    elif what == "thought":
        item["summary"] = [{"type": "summary_text", "text": said}]
    else:
        item[what] = said


def _turns(item: dict[str, Any]) -> list[Turn]:
    kind = text_in(item.get("type")) or ("message" if "role" in item else "")
    if kind == "message":
        return _message(item)
    if kind == "reasoning":
        parts = [*objects_in(item.get("summary")), *objects_in(item.get("content"))]
        return [Turn("agent", reasoning="\n\n".join(filter(None, (text_in(part.get("text")) for part in parts))))]
    if kind.endswith("_output"):
        output = item.get("output", item.get("tools"))
        text = shown(output) if isinstance(output, dict) else content_text(output)
        return [Turn("tool", text, result_of=word_in(item.get("call_id")))]
    if kind.endswith("_call"):
        return [Turn("agent", calls=(_call(item, kind),))]
    # tool declarations are not turns, and unknown items are kept unchanged
    return [] if kind in ("additional_tools", "item_reference") else [Turn("user", shown(item))]


def _message(item: dict[str, Any]) -> list[Turn]:
    role, content = item.get("role"), item.get("content")
    if role in _SYSTEM:
        return [Turn("system", part_text(part)) for part in (content if isinstance(content, list) else [content_text(content)])]
    return [Turn("agent" if role == "assistant" else "user", content_text(content))]


def _call(item: dict[str, Any], kind: str) -> ToolCall:
    given = next((name for name in _INPUTS if item.get(name) is not None), "input")
    called = word_in(item.get("name")) or kind.removesuffix("_call")
    space = word_in(item.get("namespace"))
    return ToolCall(
        word_in(item.get("call_id")) or word_in(item.get("id")),
        f"{space}.{called}" if space else called,
        arguments_in(item.get(given), given) if kind != "custom_tool_call" else {"input": item.get("input")},
    )
