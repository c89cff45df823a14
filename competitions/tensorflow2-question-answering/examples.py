"""Examples as lines of JSON: what train shows of them, and what test and its answers do."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from .answer_spans import right_predictions
from .fields import TEST_FIELDS


class Tested(NamedTuple):
    """A test example."""

    whole: bytes
    """Its line of JSON with the annotations."""
    shown: bytes
    """The line without them."""
    answers: list[tuple[str, str]]
    """Row id and right prediction of its two rows."""


class Sides(NamedTuple):
    """The two sides of some examples."""

    train: list[bytes]
    """Lines of JSON."""
    test: list[Tested]


def tested(example: dict[str, Any]) -> Tested:
    """The test example of a question with its annotations."""
    shown = {field: example[field] for field in TEST_FIELDS}
    answers = [(row, (right or [""])[0]) for row, right in right_predictions(example).items()]
    return Tested(json_line(example), json_line(shown), answers)


def json_line(example: dict[str, Any]) -> bytes:
    """One line of JSON as pandas writes it: slashes escaped, and the character U+007F not."""
    text = json.dumps(example, separators=(",", ":")).replace("/", "\\/")
    if "\\u007f" in text:
        text = re.sub(r"(?<!\\)((?:\\\\)*)\\u007f", "\\1\x7f", text)
    return (text + "\n").encode("ascii")
