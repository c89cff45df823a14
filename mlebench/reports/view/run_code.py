"""The code that an attempt left: which files there are, and what is in one. Nothing here trusts a name, a size or a content."""

from __future__ import annotations

import errno
import functools
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path, PurePosixPath

from mlebench._support.plain_files import first_entries, kind_of, open_plain
from mlebench.evidence.review.similarity.code_set import is_code
from mlebench.evidence.review.texts import decoded, is_text

CODE = "code"
_FOLDERS = (CODE, "submission", "logs")
"""Of the first all files are shown, of the others those that hold code."""
MOST_FILES = 2_000
_MOST_ENTRIES = 20_000
_MOST_PROBLEMS = 20
_DEEPEST = 12
_LOOKED_AT = 2**13


@dataclass(frozen=True)
class CodeFile:
    """A file, or what is in its place."""

    name: str
    """Below the attempt's folder, such as `code/train.py`."""
    size: int
    """Bytes."""
    kind: str = "a file"
    """Or `a link`, `a pipe`, …, which is not opened."""

    @property
    def is_file(self) -> bool:
        """Whether it may be opened."""
        return self.kind == "a file"


@dataclass(frozen=True)
class CodeTree:
    """The files of an attempt, in order of their names."""

    files: tuple[CodeFile, ...]
    problems: tuple[str, ...] = ()
    """What is not shown, a sentence each."""

    @functools.cached_property
    def by_name(self) -> Mapping[str, CodeFile]:
        """The files by their names."""
        return {file.name: file for file in self.files}

    def file(self, name: str) -> CodeFile | None:
        """The file of that name; also by its name below `code/`."""
        return self.by_name.get(name) or self.by_name.get(f"{CODE}/{name}")


@dataclass(frozen=True)
class CodeText:
    """The beginning of a file, or all of it."""

    text: str = ""
    """With line feeds alone at the ends of lines."""
    is_binary: bool = False
    is_whole: bool = True
    problem: str | None = None
    """Why it cannot be read."""


def code_tree(folder: Path, within: Path) -> CodeTree:
    """The files below `code/`, and code that lies with the submission and the logs.

    Args:
        folder: of the attempt.
        within: of the run; no link below it is followed.
    """
    files: list[CodeFile] = []
    problems: list[str] = []
    for top in _FOLDERS:
        budget = _Budget()
        for file in _below(folder, within, (top,), budget, problems):
            if top == CODE or is_code(file.name):
                files.append(file)
        problems += [f"{top}/ contains more than {_MOST_ENTRIES:,} entries; only the first are shown"] if budget.is_spent else []
    if len(files) > MOST_FILES:
        problems.append(f"{len(files) - MOST_FILES:,} more files are not shown")
    if len(problems) > _MOST_PROBLEMS:
        problems[_MOST_PROBLEMS:] = [f"{len(problems) - _MOST_PROBLEMS:,} more folders are omitted"]
    return CodeTree(tuple(files[:MOST_FILES]), tuple(problems))


def file_at(folder: Path, within: Path, name: str) -> CodeFile | None:
    """A file that the tree may have no room for, by its name; None if there is none, or none that a tree has."""
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or ".." in parts or parts[0] not in _FOLDERS or not (parts[0] == CODE or is_code(name)):
        return None
    try:
        with open_plain(folder.joinpath(*parts), within) as file:
            return CodeFile("/".join(parts), file.seek(0, SEEK_END))
    except (OSError, ValueError):
        return None


class _Budget:
    """How many entries are still looked at."""

    def __init__(self) -> None:
        self.left = _MOST_ENTRIES
        self.is_spent = False


def _below(folder: Path, within: Path, parts: tuple[str, ...], budget: _Budget, problems: list[str]) -> Iterator[CodeFile]:
    name = "/".join(parts)
    if not budget.left:
        budget.is_spent = True
        return
    try:
        entries, is_all = first_entries(folder.joinpath(*parts), within, budget.left)
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(f"{name}/ cannot be read: {error.strerror}")
        return
    budget.left -= len(entries)
    budget.is_spent |= not is_all
    for entry, status in entries:
        if not stat.S_ISDIR(status.st_mode):
            yield CodeFile(f"{name}/{entry}", status.st_size, kind_of(status.st_mode))
        elif len(parts) >= _DEEPEST:
            problems.append(f"{name}/{entry}/ is nested too deeply to be shown")
        else:
            yield from _below(folder, within, (*parts, entry), budget, problems)


def read_bytes(folder: Path, within: Path, file: CodeFile, most: int) -> bytes:
    """The beginning of a file of the tree, of at most `most` bytes.

    Raises:
        OSError: something else is there, or it may not be read.
    """
    if not file.is_file:
        raise OSError(errno.EINVAL, f"it is {file.kind}, which is not followed", file.name)
    with open_plain(folder / PurePosixPath(file.name), within) as opened:
        return opened.read(most)


def read_code(folder: Path, within: Path, file: CodeFile, most: int) -> CodeText:
    """What a file of the tree says, up to a number of bytes."""
    try:
        content = read_bytes(folder, within, file, most + 1)
    except OSError as error:
        return CodeText(problem=str(error.strerror or error))
    if not is_text(content[:_LOOKED_AT]):
        return CodeText(is_binary=True)
    text = decoded(content[:most]).replace("\r\n", "\n").replace("\r", "\n")
    return CodeText(text, is_whole=len(content) <= most)
