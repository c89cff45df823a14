"""Pages quote messages as the harness prints them: every fixed part of a quoted message is in a string of the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PREPARE_PAGE = (ROOT / "docs" / "prepare.md").read_text(encoding="utf-8")
MESSAGES = [quoted.strip() for _, quoted in re.findall(r"^### (`+)(.+?)\1$", PAGE, re.MULTILINE)]

FAILED_PREPARATIONS = [
    message
    for row in re.findall(
        r"^\| (`[^|]+) \|", PREPARE_PAGE.partition("## Fix a failed preparation")[2].partition("\n## ")[0], re.MULTILINE
    )
    for message in re.findall(r"`([^`]+)`", row)
]


@cache
def kinds() -> frozenset[str]:
    """What names of the harness are names of."""
    return frozenset(
        found
        for path in sorted((ROOT / "mlebench").rglob("*.py"))
        for found in re.findall(r"\bunknown\(\s*\"([a-z ]+)\"", path.read_text(encoding="utf-8"))
    )


@cache
def strings() -> tuple[str, ...]:
    """Every string of the packages, blanks as one, with `…` for what is filled in."""
    found = (
        " ".join(text.split())
        for package in ("mlebench", "grading")
        for path in sorted((ROOT / package).rglob("*.py"))
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
    )
    return tuple(dict.fromkeys(text for text in found if " " in text))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)


def is_printed(message: str) -> bool:
    """Whether one string of the source holds the fixed parts of a message in their order."""
    parts = [re.escape(part.strip(" `")) for part in message.split("…")]
    if found := re.match(r"unknown (.+?) `…`", message):
        # the sentence of all unknown names, see `_support/hints.py`
        return found[1] in kinds()
    pattern = re.compile(".*".join(part for part in parts if len(part) > 3))
    return any(pattern.search(text) for text in strings())


def test_the_page_has_the_messages_that_users_meet_most() -> None:
    assert len(MESSAGES) >= 60
    assert len(FAILED_PREPARATIONS) >= 15
    assert len(set(MESSAGES)) == len(MESSAGES) == PAGE.count("\n### ")


@pytest.mark.parametrize("message", [*MESSAGES, *FAILED_PREPARATIONS])
def test_a_quoted_message_is_one_that_the_harness_prints(message: str) -> None:
    assert is_printed(message)


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_has_a_cause_and_a_fix(message: str) -> None:
    [(_, text)] = re.findall(rf"^### (`+) ?{re.escape(message)} ?\1\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert len(text.split()) > 4


def test_a_message_that_is_no_longer_printed_would_be_noticed() -> None:
    assert not is_printed("there are no Kaggle passports")
    assert not is_printed("no Kaggle credentials … were not found")
    assert not is_printed("unknown passport `…`")
