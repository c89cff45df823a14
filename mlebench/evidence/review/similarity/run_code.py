"""The code of a run: files that it left, and Python that its traces show it ran or wrote without leaving a file."""

from __future__ import annotations

from collections.abc import Iterator

from mlebench.evidence.review.commands import Action, actions_of
from mlebench.evidence.review.reviewed import ReviewedRun
from mlebench.evidence.review.similarity.code_set import is_code
from mlebench.evidence.review.similarity.stretches import Lines
from mlebench.evidence.review.texts import TextFile

_STEP = " · step "
"""Separates the trace's file and a number in the names of texts from a trace."""


def code_of(run: ReviewedRun) -> Iterator[TextFile]:
    """The files of code of a run, then what else it ran or wrote, each text once; files that are not code are included."""
    left: set[str] = set()
    for text in run.texts("code", "output", "logs"):
        left.add(text.text.strip())
        yield text
    steps = [action for action in actions_of(run) if _is_code(action) and action.text.strip() not in left]
    for number, action in enumerate(steps, start=1):
        path = action.path.rsplit("/", 1)[-1] if is_code(action.path) else "ran.py"
        yield TextFile(f"{action.file}{_STEP}{number}/{path}", "output", action.text)


def place_of(lines: Lines) -> tuple[str, int | None]:
    """The file and its first line number; None for a trace, whose lines are those of the code."""
    file, step, _ = lines.file.partition(_STEP)
    return file, None if step else lines.first


def _is_code(action: Action) -> bool:
    return action.ran and (action.kind == "python" or (action.kind == "write" and is_code(action.path)))
