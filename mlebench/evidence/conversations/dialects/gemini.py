"""Google's Gemini API, spelled as the gateway passes it on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlebench.evidence.conversations.turns import (
    ToolCall,
    Turn,
    arguments_in,
    first_of,
    function,
    merged,
    objects_in,
    shown,
    text_in,
    word_in,
)


class GeminiText:
    """See `DialectReader`."""

    def prompt(self, content: dict[str, Any]) -> list[Turn]:
        asked = content.get("systemInstruction")
        turns = [Turn("system", text_in(asked))]
        turns += [Turn("system", _part_text(part)) for one in objects_in(asked) for part in objects_in(one.get("parts"))]
        for one in objects_in(content.get("contents")):
            parts = objects_in(one.get("parts"))
            turns += [_agent_turn(parts)] if one.get("role") == "model" else _user_turns(parts)
        # a stream's pieces may be sent again as one message or as many
        return merged(turns, "")

    def tools(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            function(one.get("name"), one.get("description"), one.get("parametersJsonSchema", one.get("parameters")))
            for tool in objects_in(content.get("tools"))
            for one in objects_in(tool.get("functionDeclarations"))
        ]

    def plain(self, content: Any) -> Turn:
        # a stream that is one array is a list of what is the whole otherwise
        return self.streamed(("", chunk) for chunk in objects_in(content))

    def streamed(self, events: Iterable[tuple[str, Any]]) -> Turn:
        candidates: dict[int, list[dict[str, Any]]] = {}
        for _, chunk in events:
            for candidate in objects_in(chunk.get("candidates")) if isinstance(chunk, dict) else ():
                index = candidate.get("index")
                parts = candidates.setdefault(index if isinstance(index, int) else 0, [])
                parts += [part for one in objects_in(candidate.get("content")) for part in objects_in(one.get("parts"))]
        return first_of([_agent_turn(parts) for _, parts in sorted(candidates.items())])


def _agent_turn(parts: list[dict[str, Any]]) -> Turn:
    texts, thoughts, calls = [], [], []
    for part in parts:
        called = part.get("functionCall")
        if isinstance(called, dict):
            calls.append(ToolCall(word_in(called.get("id")), text_in(called.get("name")), arguments_in(called.get("args"))))
        elif part.get("thought") is True:
            thoughts.append(text_in(part.get("text")))
        else:
            texts.append(_part_text(part))
    return Turn("agent", "".join(texts), "".join(thoughts), tuple(calls))


def _user_turns(parts: list[dict[str, Any]]) -> list[Turn]:
    answers = [part for part in parts if isinstance(part.get("functionResponse"), dict)]
    texts = [_part_text(part) for part in parts if not isinstance(part.get("functionResponse"), dict)]
    return [*(_result(part["functionResponse"]) for part in answers), Turn("user", "\n\n".join(filter(None, texts)))]


def _result(given: dict[str, Any]) -> Turn:
    said = given.get("response")
    # most agents put a text into an object of one key
    alone = next(iter(said.values())) if isinstance(said, dict) and len(said) == 1 else None
    text = alone if isinstance(alone, str) else shown(said) if said is not None else ""
    media = "".join(f"\n\n{shown(part)}" for part in objects_in(given.get("parts")))
    return Turn("tool", text + media, result_of=word_in(given.get("id")), name=word_in(given.get("name")))


def _part_text(part: dict[str, Any]) -> str:
    if isinstance(part.get("text"), str):
        return str(part["text"])
    said = {key: value for key, value in part.items() if key not in ("thought", "thoughtSignature")}
    return shown(said) if said else ""
