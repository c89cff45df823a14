"""No test sleeps: it waits for what it needs with `tests.waiting.wait_until`, by an event, or by a clock of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
OUTLIVES_ITS_TEST = 60.0
"""Seconds from which on a program that sleeps is one that is ended from outside, and that nobody waits for."""

ALLOWED: dict[tuple[str, str], str] = {
    ("waiting.py", "wait_until"): "the poll itself",
    ("runs/cluster_trials.py", ""): "runs that take a while, so that some are at work when a node dies",
    ("runs/kill_trials.py", ""): "runs that take a while, so that some are at work when the harness dies",
}
"""By file and function, with the reason why time itself is the subject there."""

POLL = re.compile(r"\b(?:while|until)\b.*?\bdo\b.*?\bdone\b", re.DOTALL)
SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?|\.\d+|[{$]\w*)")


def sleeps(source: str) -> Iterator[tuple[str, int]]:
    """Where a file sleeps for a time that it expects to pass: the function (empty: none) and the line."""
    tree = ast.parse(source)
    spans = [(node.lineno, node.end_lineno or 0, node.name) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        script = script_of(node) if id(node) not in documentation | parts else ""
        if (called.rpartition(".")[2] == "sleep" and not gives_way(node)) or any(
            is_short(found) for found in SLEEP.findall(POLL.sub("", script))
        ):
            around = [name for first, last, name in spans if first <= node.lineno <= last]  # type: ignore[attr-defined]
            yield (around[-1] if around else "", node.lineno)  # type: ignore[attr-defined]


def gives_way(call: ast.AST) -> bool:
    """Whether it is `sleep(0)`, which lets the other tasks of a loop go on and takes no time."""
    return isinstance(call, ast.Call) and [ast.unparse(argument) for argument in call.args] == ["0"]


def script_of(node: ast.AST) -> str:
    """The text of a string, with the places of an f-string in braces."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def is_short(duration: str) -> bool:
    """A time that a script's reader cannot know counts as short."""
    return not duration[0].isdigit() or float(duration) < OUTLIVES_ITS_TEST


def test_no_test_sleeps() -> None:
    found = {
        (path.relative_to(TESTS).as_posix(), function): line
        for path in sorted(TESTS.rglob("*.py"))
        for function, line in sleeps(path.read_text(encoding="utf-8"))
        if path != Path(__file__)
    }
    assert [f"{file}:{line} ({function})" for (file, function), line in found.items() if (file, function) not in ALLOWED] == []
    assert [place for place in ALLOWED if place not in found] == [], "no longer needed"


def test_what_counts_as_sleeping() -> None:
    lines = {
        "time.sleep(0.1)": True,
        "sleep(seconds)": True,
        "asyncio.sleep(0.01)": True,
        "asyncio.sleep(0)": False,
        'agent("sleep 1.5; exit 5")': True,
        'agent(f"sleep {seconds}")': True,
        'agent("sleep 600")': False,
        'agent("while test ! -e go; do sleep 0.1; done")': False,
        'agent("until test -e go; do sleep 0.1; done; sleep 2")': True,
        'agent("description: sleeps")': False,
        'monkeypatch.setattr("time.sleep", record)': False,
    }
    assert {line: bool([*sleeps(line)]) for line in lines} == lines
    assert [*sleeps("def test():\n    def inner():\n        sleep(1)\n")] == [("inner", 3)]
