"""A tool-calling conversation with a model: every message is written to a file, and each request fits into the context."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlebench_agent.commands import clipped
from mlebench_agent.models import Answer, Models, TooLong
from mlebench_agent.task import say

FULL, SHORTENED = 0.9, 0.5
"""Shares of the context: above the first, the conversation is cut to the second; seldom, because a cut empties prompt caches."""
USUAL_DENSITY, LEAST_DENSITY = 0.3, 0.15
"""Tokens per character until measured, and the lowest value accepted: some providers do not count cached tokens."""
LATEST = 4
"""The latest answers, kept in full with their results while shortening earlier ones suffices."""


class History:
    """The messages so far; the first two, the task, are never shortened."""

    def __init__(self, trajectory: Path, context_tokens: int) -> None:
        self.messages: list[dict[str, Any]] = []
        trajectory.parent.mkdir(parents=True, exist_ok=True)
        self._file = trajectory.open("a", encoding="utf-8")
        self._context_tokens = context_tokens
        self._tokens_per_character = USUAL_DENSITY

    def add(self, message: Mapping[str, Any], **more: Any) -> None:
        """Append a message; `more` is recorded with it in the trajectory."""
        self.messages.append(dict(message))
        self._file.write(json.dumps({"at": round(time.time(), 3), **message, **more}) + "\n")
        self._file.flush()

    def ask(self, models: Models, model: str, **options: Any) -> Answer:
        """The model's answer, which joins the conversation; a conversation that is too long is shortened first."""
        room = self._context_tokens / self._tokens_per_character
        if 0 < FULL * room < self.size:
            self.shorten(int(SHORTENED * room))
        while True:
            try:
                answer = models.ask(model, self.messages, **options)
                break
            except TooLong:
                if not self.shorten(self.size // 2):
                    raise
        if answer.input_tokens:
            self._tokens_per_character = max(LEAST_DENSITY, answer.input_tokens / self.size)
        self.add(answer.message, reason=answer.reason, input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)
        return answer

    @property
    def size(self) -> int:
        """Characters of all messages."""
        return sum(map(size_of, self.messages))

    def shorten(self, wanted: int) -> bool:
        """Shorten to `wanted` characters, or as far as possible; returns whether anything was removed."""
        before = self.size
        for kept in (LATEST, 1):
            starts = self._starts()
            self._clip_results(starts[-kept] if len(starts) > kept else 2, wanted)
            while self.size > wanted and len(starts := self._starts()) > kept:
                # an answer is removed with its results: no provider accepts one without the other
                del self.messages[starts[0] : starts[1]]
        self._clip_results(len(self.messages), wanted)
        say(f"the conversation was shortened from {before} to {self.size} characters")
        return self.size < before

    def _starts(self) -> list[int]:
        return [place for place, message in enumerate(self.messages) if message["role"] == "assistant"]

    def _clip_results(self, end: int, wanted: int) -> None:
        excess = self.size - wanted
        for message in self.messages[:end]:
            if message["role"] == "tool" and excess > 0:
                before = size_of(message)
                message["content"] = clipped(message["content"], 400)
                excess -= before - size_of(message)


def size_of(message: Mapping[str, Any]) -> int:
    """Characters of a message as it is sent."""
    return len(json.dumps(message))
