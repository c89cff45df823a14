"""What a check found: one thing to do, where, and how."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from grading.printable import printable

Kind = Literal["fault", "guess", "note"]
"""fault: must be fixed; guess: was worked out and is to be confirmed; note: worth a look."""

_LONGEST = 400


@dataclass(frozen=True)
class Todo:
    """One thing to do.

    Attributes:
        what: one clause that says what is wrong.
        fix: one clause that says how to put it right.
        file: the file, below the competition's folder.
        line: the line in it, from 1; None if no single line is at fault.
        kind: how bad it is.
    """

    what: str
    fix: str
    file: str = ""
    line: int | None = None
    kind: Kind = "fault"

    @property
    def place(self) -> str:
        """The file with its line, such as `prepare.py:12`."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def to_dict(self) -> dict[str, Any]:
        """The thing as JSON holds it."""
        return asdict(self)


def of_error(error: BaseException, folder: Path, doing: str, file: str) -> Todo:
    """What to do about an error that the code of a folder raised.

    Args:
        error: the error.
        folder: the competition's folder.
        doing: what was tried, such as `prepare.py on a mock of 60 rows`.
        file: the file to blame if no line of the folder took part.
    """
    from mlebench.errors import MlebenchError, RawDataFault

    # the harness explains errors of `prepare` as faults of a download, which a mock is not
    cause = error.__cause__ if isinstance(error, MlebenchError) and error.__cause__ is not None else error
    place, line = line_at_fault(cause, folder)
    if isinstance(cause, RawDataFault):
        # what helps against a damaged download does not help here
        return Todo(shown(str(cause).partition("; ")[0]), f"correct {place or file}", place or file, line)
    if isinstance(cause, MlebenchError):
        what, _, fix = str(cause).rpartition("; ")
        return Todo(shown(what or fix), shown(fix) if what else f"correct {place or file}", place or file, line)
    reason = shown(f"{type(cause).__name__}: {cause}".rstrip(": "))
    # cases that fail at the same line are one thing to do
    return Todo(reason if line else f"{doing} ends with {reason}", f"correct {place or file}", place or file, line)


def line_at_fault(error: BaseException, folder: Path) -> tuple[str, int | None]:
    """The file below the folder and the line at which an error arose; an empty name if none took part."""
    home = folder.resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(home):
        return Path(error.filename).relative_to(home).as_posix(), error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(home)]
    if frames:
        return Path(frames[-1].filename).relative_to(home).as_posix(), frames[-1].lineno
    return line_at_fault(error.__cause__, folder) if error.__cause__ is not None else ("", None)


def shown(text: str) -> str:
    """A text of the folder's, on one line and of bounded length."""
    return printable(" ".join(text.split()), _LONGEST)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names in backticks, the first few of many."""
    ticked = [f"`{printable(name, 80)}`" for name in names]
    return ", ".join(ticked[:most]) + (f" and {len(ticked) - most} more" if len(ticked) > most else "")


def line_of(path: Path, pattern: str) -> int | None:
    """The first line of a file in which a pattern occurs, from 1; None if there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((number for number, line in enumerate(lines, start=1) if re.search(pattern, line)), None)


def merged(found: Iterable[tuple[str, Todo]], editions: Iterable[str]) -> list[Todo]:
    """Each thing once, however many cases found it; what holds in one of several editions says so.

    Args:
        found: things, each with the edition that it was found in, empty for all.
        editions: the editions that were checked.
    """
    checked = set(editions)
    places: dict[Todo, set[str]] = {}
    for edition, todo in found:
        places.setdefault(todo, set()).update({edition} if edition else checked)
    return [
        todo if places[todo] >= checked else replace(todo, what=f"{todo.what} (edition {', '.join(sorted(places[todo]))})")
        for todo in places
    ]
