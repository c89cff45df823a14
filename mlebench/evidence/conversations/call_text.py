"""What a call to a model asked and was answered, read from its texts in the transcript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlebench.evidence.conversations.dialects.table import READERS
from mlebench.evidence.conversations.turns import Turn, harmless, merged
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.sse import EventReader, parsed
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.transcript import CallTexts

_MOST_ELEMENTS = Bounds().elements
"""Values in a request; the gateway takes no more, and each costs memory however few bytes it has."""


@dataclass(frozen=True)
class CallText:
    """One call."""

    turns: list[Turn]
    """The conversation, without its system texts; fit for every reader of JSON, as all here is."""
    system: list[Turn]
    tools: list[dict[str, Any]]
    answer: Turn | None
    """None if there is none, or none that can be read."""


def read_call(texts: CallTexts, call: ModelCall) -> CallText:
    """The conversation that a call asked with, and its answer.

    Args:
        texts: of the call, whoever wrote them.
        call: as the ledger has it.

    Raises:
        ValueError: the request is of no shape that a dialect has.
    """
    reader = READERS.get(call.dialect or "")
    if reader is None:
        raise ValueError("its dialect is unknown")
    try:
        content = _parsed(texts.request)
        if not isinstance(content, dict):
            raise ValueError("its request is not an object")
        turns = [turn.harmless for turn in merged(reader.prompt(content))]
        system = [turn for turn in turns if turn.source == "system"]
        others = merged(turn for turn in turns if turn.source != "system")
        # a prompt that is all system text is what the conversation begins with
        answer = _answer(texts.response, call) if call.outcome == "answered" else None
        return CallText(others or system, system if others else [], harmless(reader.tools(content)), answer)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _answer(response: str, call: ModelCall) -> Turn | None:
    reader = READERS[call.dialect or ""]
    if response.lstrip()[:1] in ("{", "["):
        try:
            said = reader.plain(_parsed(response))
        except ValueError:
            # of a long answer only the beginning is kept
            return None
    else:
        said = reader.streamed(_events(response))
    return None if said.is_empty else said.harmless


def _events(response: str) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def read(name: str, data: bytes) -> bool:
        found.append((name, parsed(data)))
        return True

    events = EventReader(read)
    data = response.encode("utf-8", "backslashreplace")
    for start in range(0, len(data), 2**16):
        events.feed(data[start : start + 2**16])
        yield from found
        found.clear()
    events.finish()
    yield from found


def _parsed(text: str) -> Any:
    if text.count(",") + text.count("[") + text.count("{") >= _MOST_ELEMENTS:
        raise ValueError(f"it has more than {_MOST_ELEMENTS} values")
    return json.loads(text)
