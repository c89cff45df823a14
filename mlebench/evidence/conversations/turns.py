"""What is in a conversation with a model, in one shape for all dialects.

Everything here comes from an agent or a provider: texts are made fit for any reader of JSON, and nothing is dropped for being
of an unknown kind.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

Source = Literal["system", "user", "agent", "tool"]
_DEEPEST = 64
"""Levels of an object within each other."""
_LONGEST_PLAIN = 1024
"""Characters of a text within an image, a document or the like; a longer one is data, and stands by its hash."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool."""

    id: str | None
    """None if the dialect, or the provider, gives none."""
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    source: Source
    text: str = ""
    reasoning: str = ""
    """Of an agent."""
    calls: tuple[ToolCall, ...] = ()
    """Of an agent."""
    result_of: str | None = None
    """Of a tool: `ToolCall.id` of the call that this is the result of."""
    name: str | None = None
    """Of a tool: its name, where the dialect says it here."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return not (self.text or self.reasoning or self.calls or self.source == "tool")

    @property
    def harmless(self) -> Turn:
        """The same, fit for every reader of JSON."""
        return replace(
            self,
            text=harmless_text(self.text),
            reasoning=harmless_text(self.reasoning),
            calls=tuple(
                ToolCall(call.id and harmless_text(call.id), harmless_text(call.name), harmless(call.arguments))
                for call in self.calls
            ),
            result_of=self.result_of and harmless_text(self.result_of),
            name=self.name and harmless_text(self.name),
        )

    @property
    def fingerprint(self) -> bytes:
        """Equal for what says the same. Left out is what agents change when they send a conversation again: reasoning, ids,
        blanks around texts."""
        calls = json.dumps([[call.name, call.arguments] for call in self.calls], sort_keys=True) if self.calls else ""
        return _hash(f"{self.source}\0{calls}\0{self.text.strip()}".encode("utf-8", "surrogatepass"))

    @property
    def call_ids(self) -> frozenset[str]:
        """Ids of the tools' calls."""
        return frozenset(call.id for call in self.calls if call.id is not None)


def digest(value: Any) -> bytes:
    """A hash of a value of JSON."""
    return _hash(json.dumps(value, sort_keys=True, ensure_ascii=True).encode("ascii"))


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def merged(turns: Iterable[Turn], joint: str = "\n\n") -> list[Turn]:
    """The turns without empty ones; what an agent said in several in a row is one, as an answer is one.

    Args:
        turns: in order.
        joint: stands between the texts of an agent's.
    """
    found: list[Turn] = []
    for is_agent, group in groupby((turn for turn in turns if not turn.is_empty), key=lambda turn: turn.source == "agent"):
        said = list(group)
        found += [_joined(said, joint)] if is_agent else said
    return found


def _joined(turns: list[Turn], joint: str) -> Turn:
    if len(turns) == 1:
        return turns[0]
    return Turn(
        "agent",
        joint.join(turn.text for turn in turns if turn.text),
        "\n\n".join(turn.reasoning for turn in turns if turn.reasoning),
        tuple(call for turn in turns for call in turn.calls),
    )


def first_of(choices: list[Turn]) -> Turn:
    """The answer of which a conversation goes on, where several were asked for at once: the first; the texts of the others, which
    were generated all the same, stand behind its own."""
    if not choices:
        return Turn("agent")
    return replace(choices[0], text="\n\n".join(choice.text for choice in choices if choice.text))


def harmless(value: Any, levels: int = _DEEPEST) -> Any:
    """A value of JSON that every reader of JSON takes: lone surrogates are escaped, numbers are finite, and what lies deeper than
    some levels is a text."""
    if isinstance(value, str):
        return harmless_text(value)
    if isinstance(value, Mapping | list) and not levels:
        return json.dumps(value)
    if isinstance(value, Mapping):
        return {harmless_text(str(key)): harmless(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [harmless(inner, levels - 1) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def harmless_text(text: str) -> str:
    """The text with lone surrogates escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def text_in(value: Any) -> str:
    """A text as it is; of anything else nothing."""
    return value if isinstance(value, str) else ""


def word_in(value: Any) -> str | None:
    """An id or a name; None of anything else, and of an empty one."""
    return value if isinstance(value, str) and value else None


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; one alone is a list of it, and anything else is none."""
    if isinstance(value, dict):
        return [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def content_text(content: Any, joint: str = "\n\n") -> str:
    """The text of a message's content: a text, or parts.

    Args:
        content: as it is in the body.
        joint: stands between parts.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        return shown(content)
    return joint.join(text for part in content if (text := part_text(part)))


def part_text(part: Any) -> str:
    """The text of one part; an image, a document or the like stands as its JSON with its data by hash."""
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") in (None, "text", "input_text", "output_text", "refusal"):
        said = part.get("text", part.get("refusal"))
        if isinstance(said, str):
            return said
    return shown(part)


def shown(value: Any) -> str:
    """JSON of a value, in which long texts stand by their hash."""
    return json.dumps(_abridged(value), ensure_ascii=False)


def _abridged(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_PLAIN:
        kind = re.match(r"data:[\w.+/;-]{1,100},", value)
        data = value.encode("utf-8", "backslashreplace")
        return f"{kind[0] if kind else ''}{len(value)} characters, SHA-256 {hashlib.sha256(data).hexdigest()}"
    if isinstance(value, dict):
        return {key: _abridged(inner) for key, inner in value.items()}
    return [_abridged(inner) for inner in value] if isinstance(value, list) else value


def arguments_in(value: Any, name: str = "input") -> Mapping[str, Any]:
    """A call's arguments: an object, or the JSON of one; anything else stands under `name`."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            parsed = value
        return parsed if isinstance(parsed, dict) else {name: value}
    if isinstance(value, dict):
        return value
    return {} if value is None else {name: value}


def function(name: Any, description: Any, parameters: Any) -> dict[str, Any]:
    """A tool as OpenAI's chat completions declare a function."""
    declared = {"name": text_in(name), "description": description, "parameters": parameters}
    return {"type": "function", "function": {key: value for key, value in declared.items() if value is not None}}
