"""The model's tools: run commands, read and write files, check a submission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlebench_agent.commands import clipped, run_command
from mlebench_agent.models import Call
from mlebench_agent.task import Task, say

MOST_CHARACTERS, LARGEST_FILE = 16_000, 50_000_000
LAST_WORD_SECONDS = 120.0
"""Seconds kept in reserve at the end of the run, so that the model can still choose what to submit."""
DECLARED: Mapping[str, tuple[str, Mapping[str, str], list[str]]] = {
    "bash": (
        "Run a command in a new bash shell in {folder}; returns what it prints and its exit code. It has no input, and is ended "
        "after {timeout} seconds: start longer work in the background with its output in a file, and look at that file later.",
        {"command": "string"},
        ["command"],
    ),
    "read_file": (
        "Read a text file, or its lines from `first` to `last`, counted from 1.",
        {"path": "string", "first": "integer", "last": "integer"},
        ["path"],
    ),
    "write_file": ("Write a text file in place of what is there.", {"path": "string", "content": "string"}, ["path", "content"]),
    "check_submission": ("Say whether {submission}, or another file, is a valid submission.", {"path": "string"}, []),
}
"""By name: description, types of the arguments, and the required ones."""


class Tools:
    """The tools of one run; commands and relative paths start in the folder that is kept as the run's code."""

    def __init__(self, task: Task, command_timeout: float) -> None:
        self.task, self.folder, self.timeout = task, task.code, command_timeout

    @property
    def declarations(self) -> list[dict[str, Any]]:
        """The tools in the form that a request declares them."""
        words = {"folder": self.folder, "timeout": self.timeout, "submission": self.task.submission}
        functions = [
            {"name": name, "description": text.format(**words), "parameters": schema(types, needed)}
            for name, (text, types, needed) in DECLARED.items()
        ]
        return [{"type": "function", "function": function} for function in functions]

    def call(self, call: Call) -> str:
        """The result of a call, or what is wrong with it; a long result loses its middle."""
        arguments = {name: value for name, value in call.arguments.items() if value is not None}
        say(f"> {call.name} {' '.join(str(arguments.get('command') or arguments.get('path') or '').split())[:300]}")
        problem = call.problem or problem_with(call.name, arguments)
        if problem:
            return f"error: {problem}"
        try:
            return clipped(getattr(self, call.name)(**arguments), MOST_CHARACTERS)
        except (OSError, ValueError) as error:
            return f"error: {error}"

    def bash(self, command: str) -> str:
        left = self.task.seconds_left
        done = run_command(["bash", "-c", command], self.folder, min(self.timeout, max(left - LAST_WORD_SECONDS, left / 2, 1.0)))
        return f"{done.output}\n[{done.end}]"

    def read_file(self, path: str, first: int = 1, last: int | None = None) -> str:
        file = self.folder / path
        if not file.is_file() or file.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{file} is not a file, or too large to be read as a whole")
        return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[max(0, first - 1) : last])

    def write_file(self, path: str, content: str) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return f"{len(content)} characters written to {file}"

    def check_submission(self, path: str = "") -> str:
        return self.task.check_submission(self.folder / path if path else None)


def schema(types: Mapping[str, str], needed: list[str]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in types.items()}, "required": needed}


def problem_with(name: str, arguments: Mapping[str, Any]) -> str:
    """What is wrong with a call, for the model; empty if nothing is."""
    if name not in DECLARED:
        return f"there is no tool `{name}`; there are {', '.join(DECLARED)}"
    _, types, needed = DECLARED[name]
    for argument, value in arguments.items():
        if argument not in types:
            return f"{name} has no argument `{argument}`; it takes {', '.join(types)}"
        if not isinstance(value, str if types[argument] == "string" else int):
            return f"the argument `{argument}` of {name} must be of type {types[argument]}"
    return next((f"{name} needs the argument `{argument}`" for argument in needed if argument not in arguments), "")
