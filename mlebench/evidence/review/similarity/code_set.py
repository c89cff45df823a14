"""Code that is compared as a unit: a run's, an agent's folder, a notebook."""

from __future__ import annotations

import functools
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from grading.printable import printable
from grading.wording import counted
from mlebench._support.plain_files import entries_plain, open_plain
from mlebench._support.quantities import show_size
from mlebench.errors import UsageError
from mlebench.evidence.review.similarity.fingerprints import Fingerprints, fingerprints
from mlebench.evidence.review.similarity.plain_tokens import Family, plain_stream
from mlebench.evidence.review.similarity.python_tokens import python_streams
from mlebench.evidence.review.similarity.token_stream import TokenStream
from mlebench.evidence.review.texts import LeftFile, TextFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_FILE = 2**20
"""Characters of the largest file that is compared."""
MOST_FILES = 2_000
"""Maximum number of code files of a run or an agent."""
MOST_TEXT = 8 * 2**20
"""Characters of all of them."""
_MOST_NOTEBOOKS = 20_000
_DEEPEST = 12

_NOTEBOOKS = (".ipynb", ".irnb", ".ijlnb")
_PYTHON = (".py", ".pyw", *_NOTEBOOKS)
_CHUNKS = (".rmd", ".qmd")
_FAMILIES: dict[str, Family] = {
    **dict.fromkeys((".r", ".jl", ".sh", ".bash", ".pl", ".rb", ".m", *_CHUNKS), "hash"),
    **dict.fromkeys((".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".java", ".scala", ".js", ".ts", ".go", ".rs", ".kt"), "c"),
    ".sql": "sql",
}
_OF_OTHERS = frozenset(("site-packages", "dist-packages", "node_modules", ".venv", "venv", ".git", "__pycache__"))
"""Folders with code that was installed, not written."""
_CHUNK = re.compile(r"^[ \t]*```+[ \t]*(\{)?")


class Side(NamedTuple):
    """Whose code it is."""

    kind: Literal["run", "agent", "notebook"]
    name: str
    """The run's id, `agent`, or the notebook's path below its folder."""
    group: str = ""
    """Empty for notebooks."""
    competition_id: str = ""
    """Of a run."""
    agent: str = ""
    """The agent's name, of a run or an agent's folder."""


@dataclass(frozen=True)
class CodeSet:
    """Fingerprints of all files of a side."""

    side: Side
    files: list[str]
    """Names, for runs and agents in the form of `Evidence.file`."""
    prints: Fingerprints
    """Of all files, one after the other."""
    file_of: NDArray[np.int64]
    """Shape (n,): the place in `files` of each fingerprint."""
    left_out: int = 0
    """Files of code that were too long or too many."""

    @property
    def left_out_text(self) -> str | None:
        """A sentence about what was not compared."""
        if not self.left_out:
            return None
        where = " ".join(filter(None, (self.side.group, self.side.name)))
        bounds = f"{show_size(LARGEST_FILE)} each, {MOST_FILES:,} files and {show_size(MOST_TEXT)} in total are compared"
        return f"{counted(self.left_out, 'file')} of {printable(where)} omitted: at most {bounds}"


def is_code(name: str) -> bool:
    """Whether a file's name marks it as code written by an agent or a person."""
    path = PurePosixPath(name)
    return path.suffix.lower() in (*_PYTHON, *_FAMILIES) and not _OF_OTHERS.intersection(path.parts[:-1])


def code_set(side: Side, texts: Iterable[TextFile]) -> CodeSet:
    """The fingerprints of a side's texts, within bounds; texts that are not code are ignored."""
    import numpy as np

    files: list[str] = []
    prints: list[Fingerprints] = []
    size = left_out = 0
    for text in texts:
        if not is_code(text.name):
            continue
        if len(text.text) > LARGEST_FILE or len(files) >= MOST_FILES or size + len(text.text) > MOST_TEXT:
            left_out += 1
            continue
        size += len(text.text)
        files.append(text.name)
        prints.append(fingerprints(streams_of(text)))
    lengths = [len(found.hashes) for found in prints]
    joined = Fingerprints(*(np.concatenate(parts) for parts in zip(fingerprints(()), *prints, strict=True)))
    return CodeSet(side, files, joined, np.repeat(np.arange(len(files)), lengths), left_out)


def streams_of(text: TextFile) -> list[TokenStream]:
    """The tokens of a code file, in the language given by its name."""
    content = text.text.replace("\r\n", "\n").replace("\r", "\n")
    if text.suffix in _PYTHON:
        return python_streams(content)
    if text.suffix in _CHUNKS:
        content = _code_of_chunks(content)
    return [plain_stream(content, _FAMILIES.get(text.suffix, "hash"))]


def fenced_code(text: str) -> list[TokenStream]:
    """The fenced code in a text for people."""
    return python_streams(_code_of_chunks(text))


def _code_of_chunks(text: str) -> str:
    """The same lines, empty but for those between fences."""
    lines, inside = [], False
    for line in text.split("\n"):
        is_fence = bool(_CHUNK.match(line))
        lines.append(line if inside and not is_fence else "")
        inside ^= is_fence
    return "\n".join(lines)


def texts_below(folder: Path) -> Iterator[TextFile]:
    """The code in a user's folder, or one file, by name; links are not followed.

    Raises:
        UsageError: it cannot be read, or holds too many files.
    """
    if folder.is_file():
        yield from _text_of(folder, folder.parent)
        return
    try:
        if not folder.is_dir():
            raise UsageError(f"{folder} does not exist; pass a folder with notebooks and scripts")
        for path in _paths(folder, folder, _DEEPEST):
            yield from _text_of(path, folder)
    except OSError as error:
        raise UsageError(
            f"cannot read {error.filename or folder}: {error.strerror}; pass a folder with notebooks and scripts"
        ) from None


def _paths(folder: Path, top: Path, depth: int) -> Iterator[Path]:
    for name, status in entries_plain(folder, top, _MOST_NOTEBOOKS):
        path = folder / name
        if stat.S_ISDIR(status.st_mode) and depth and name not in _OF_OTHERS:
            yield from _paths(path, top, depth - 1)
        elif stat.S_ISREG(status.st_mode) and is_code(name):
            yield path


def _text_of(path: Path, top: Path) -> Iterator[TextFile]:
    name = printable(path.relative_to(top).as_posix(), None)
    if path.suffix in _NOTEBOOKS and path.suffix != ".ipynb":
        # as Kaggle's client calls notebooks of R and Julia
        name += ".ipynb"
    blocks = functools.partial(_blocks, path, top)
    text = LeftFile(name, "code", path.lstat().st_size, blocks).text()
    if text is not None:
        yield text


def _blocks(path: Path, top: Path) -> Iterator[bytes]:
    with open_plain(path, top) as file:
        while block := file.read(2**18):
            yield block
