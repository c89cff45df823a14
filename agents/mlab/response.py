"""What the model writes at each step: its thoughts under headings, an action, and the action's input as JSON."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

THOUGHTS: Mapping[str, str] = {
    "Reflection": "What the last observation means; what went wrong, if anything did, and how it can be put right.",
    "Research Plan and Status": "The whole plan of your research with what has been done, what was measured and what comes next. "
    "Carry it on from step to step, and mark what has changed.",
    "Fact Check": "Each statement of the plan and status that was confirmed by an observation, and each that is only a guess.",
    "Thought": "What you do now, why, and what you expect to see.",
}
"""Descriptions of the parts of a response, by heading."""
FORMAT = "\n".join(
    [
        *(f"{heading}: {meaning}" for heading, meaning in THOUGHTS.items()),
        "Action: The name of one action, exactly as it is listed.",
        'Action Input: A JSON object with the inputs of that action, such as {"file_name": "train.py"}.',
    ]
)
_HEADINGS = (*THOUGHTS, "Action Input", "Action", "Observation")
_HEADING = re.compile(rf"^[\s#>*_-]*({'|'.join(map(re.escape, _HEADINGS))})[*_ ]*:[*_]*", re.IGNORECASE | re.MULTILINE)


class Malformed(Exception):
    """The response cannot be read; the message explains why to the model."""


@dataclass(frozen=True)
class Response:
    """One step of the model."""

    thoughts: Mapping[str, str]
    """By heading, without those that the model left out."""
    action: str
    """As the model wrote it, without decoration."""
    action_input: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The step for later prompts, without what the model added to it, such as an invented observation."""
        lines = [f"{heading}: {text}" for heading, text in self.thoughts.items()]
        return "\n".join([*lines, f"Action: {self.action}", f"Action Input: {json.dumps(self.action_input, ensure_ascii=False)}"])


def parse(text: str) -> Response:
    """The first step in a response.

    Raises:
        Malformed: the response names no action, or the action's input is not a JSON object.
    """
    thoughts: dict[str, str] = {}
    action = None
    found = [*_HEADING.finditer(text)]
    for place, heading in enumerate(found):
        name = next(each for each in _HEADINGS if each.lower() == heading[1].lower())
        end = found[place + 1].start() if place + 1 < len(found) else len(text)
        below = text[heading.end() : end].strip()
        if name == "Action":
            action = below.split("\n")[0].strip(" \t\r*_`'\"[].") or None
        elif name == "Action Input" and action is not None:
            # its strings may contain lines that look like headings
            return Response(thoughts, action, _object_in(text[heading.end() :]))
        elif name in THOUGHTS and action is None:
            thoughts.setdefault(name, below)
    if not action:
        raise Malformed("there is no line that begins with `Action:` and names an action")
    raise Malformed("there is no `Action Input:` after the action")


def _object_in(text: str) -> Mapping[str, Any]:
    start, end = text.find("{"), text.rfind("}")
    if start < 0:
        raise Malformed("the action's input is not a JSON object; write {} where an action needs none")
    try:
        # a raw line break in a string stands for itself, and anything after the object is ignored
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
        return dict(value)
    except (ValueError, RecursionError) as error:
        problem = error
    try:
        # strings in Python's notation
        value = ast.literal_eval(text[start : end + 1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Malformed(f"the action's input is not valid JSON: {problem}")
    return {str(name): content for name, content in value.items()}
