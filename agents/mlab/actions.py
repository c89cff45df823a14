"""The actions: how each is described to the model, and how its input is checked before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assistant import Assistant
from workspace import Failed, Workspace

FINAL_ANSWER = "Final Answer"
_FILE = "a path relative to the workspace"
_NUMBERS = ("start_line_number", "end_line_number")


@dataclass(frozen=True)
class Action:
    """One action."""

    meaning: str
    inputs: Mapping[str, str]
    """Descriptions of the inputs, by name."""
    do: Callable[..., str]
    """Takes the inputs by name; returns the observation."""


def actions_of(workspace: Workspace, assistant: Assistant) -> dict[str, Action]:
    """All actions by name."""
    script, lines = {"script_name": _FILE}, dict.fromkeys(_NUMBERS, "a whole number, counted from 1")
    edit = {"edit_instruction": "what is to be changed, in detail, for somebody who sees only the script", "save_name": _FILE}
    text = {"file_name": _FILE, "content": "the text"}
    return {
        "List Files": Action("List what is in a folder.", {"dir_path": "a folder, such as . or data"}, workspace.list_files),
        "Read File": Action(
            "Read a file; of a long one you see the beginning and the end.", {"file_name": _FILE}, workspace.read_file
        ),
        "Write File": Action("Write a file in place of what is there.", text, workspace.write_file),
        "Append File": Action("Append to a file.", text, workspace.append_file),
        "Copy File": Action("Copy a file.", {"source": _FILE, "destination": _FILE}, workspace.copy_file),
        "Inspect Script Lines": Action(
            "Read some lines of a script, at most 100, with their numbers.", {**script, **lines}, workspace.inspect_script_lines
        ),
        "Undo Edit Script": Action("Take back the last edit of a script.", script, workspace.undo_edit_script),
        "Execute Script": Action(
            "Run a Python script in the workspace and read what it prints.", script, workspace.execute_script
        ),
        "Understand File": Action(
            "Have a file read as a whole and described.",
            {"file_name": _FILE, "things_to_look_for": "what you want to know, in detail"},
            assistant.understand_file,
        ),
        "Edit Script (AI)": Action(
            "Have a script edited, or written where there is none yet.", {**script, **edit}, assistant.edit_script
        ),
        "Edit Script Segment (AI)": Action(
            "Have some lines of a script edited.", {**script, **lines, **edit}, assistant.edit_script_segment
        ),
        "Reflection": Action(
            "Have the research so far thought over.", {"things_to_reflect_on": "what, in detail"}, assistant.reflect
        ),
        "Retrieval from Research Log": Action(
            "Have what matters to a plan looked up in the research log.", {"current_plan": "the plan"}, assistant.retrieve
        ),
        "Append Summary to Research Log": Action(
            "Write a note into the research log.", {"content": "the note"}, assistant.append_summary
        ),
        FINAL_ANSWER: Action(
            "End the work, once the submission is written and cannot be made better.",
            {"final_answer": "what was reached"},
            lambda final_answer: final_answer,
        ),
    }


def described(actions: Mapping[str, Action]) -> str:
    """The actions for a prompt."""
    lines = []
    for name, action in actions.items():
        inputs = ", ".join(f'"{each}": [{meaning}]' for each, meaning in action.inputs.items())
        lines.append(f"- {name}: {action.meaning}\n  Action Input: {{{inputs}}}")
    return "\n".join(lines)


def perform(actions: Mapping[str, Action], name: str, given: Mapping[str, Any]) -> str:
    """Run an action.

    Raises:
        Failed: there is no such action, its input is wrong, or it cannot be done.
    """
    action = actions[known_name(actions, name)]
    missing = [each for each in action.inputs if each not in given]
    if missing:
        raise Failed(f"the input of {name} lacks {', '.join(missing)}; it is made of {', '.join(action.inputs)}")
    try:
        return action.do(**{each: _value(each, given[each]) for each in action.inputs})
    except (OSError, ValueError) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def known_name(actions: Mapping[str, Action], name: str) -> str:
    """An action's name as listed.

    Raises:
        Failed: there is no action of that name.
    """
    for known in actions:
        if known.casefold() == " ".join(name.split()).casefold():
            return known
    raise Failed(f"there is no action `{name}`; there are {', '.join(actions)}")


def _value(name: str, value: Any) -> Any:
    if name not in _NUMBERS:
        if not isinstance(value, str):
            raise Failed(f"`{name}` is a text, in quotes")
        return value
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Failed(f"`{name}` is a whole number") from None
