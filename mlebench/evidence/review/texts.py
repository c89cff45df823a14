"""Texts left by agents and their authors, read within bounds: beginning and end of long ones, code cells of notebooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

Part = Literal["code", "logs", "run.log", "output", "transcript", "agent"]
"""code: `code/`; logs: `logs/`; output: whatever else the agent left in the run's folder; transcript: texts of calls to models;
agent: the agent's own folder."""

LARGEST_TEXT = 4 * 2**20
"""Maximum bytes of a text; of a longer one, the beginning and end with this total are kept."""
_LARGEST_NOTEBOOK = 64 * 2**20
_MOST_CELLS = 10_000
_LOOKED_AT = 2**13
_MOST_ODD = 0.1
CELL = "# %%"
"""The line before each code cell of a notebook."""
_IMAGES_AND_SOUNDS = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".ico",
    ".pdf",
    ".wav",
    ".mp3",
    ".flac",
    ".ogg",
    ".mp4",
)
_ARCHIVES = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".whl")
_ARRAYS = (
    ".npy",
    ".npz",
    ".pkl",
    ".pickle",
    ".joblib",
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".safetensors",
    ".h5",
    ".hdf5",
    ".parquet",
    ".feather",
    ".arrow",
    ".onnx",
)
_NO_TEXT = frozenset((*_IMAGES_AND_SOUNDS, *_ARCHIVES, *_ARRAYS, ".so", ".pyc", ".exe", ".db"))
"""Suffixes of files that are not even opened."""


@dataclass(frozen=True)
class TextFile:
    """A text that an agent or its author wrote."""

    name: str
    """The name in the form of `Evidence.file`."""
    part: Part
    text: str
    """Decoded with replacement, of at most `LARGEST_TEXT` bytes; notebooks are their code cells, each preceded by `# %%`."""
    cut_at: int | None = None
    """Place in the text at which the middle was left out; None if it is whole."""
    lines_cut: int = 0
    """Line feeds in what was left out."""

    @property
    def suffix(self) -> str:
        """End of the name in small letters, such as `.py`."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def is_notebook(self) -> bool:
        """Whether the text is the cells of a notebook."""
        return self.suffix == ".ipynb"

    def line_of(self, place: int) -> int:
        """The line (from 1) of the file on which a place of the text stands; of notebooks, the line of the text."""
        behind = self.lines_cut if self.cut_at is not None and place >= self.cut_at else 0
        return self.text.count("\n", 0, place) + 1 + behind

    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Each line with its number in the file."""
        place = 0
        number = 1
        for line in self.text.split("\n"):
            if self.cut_at is not None and self.cut_at == place:
                number += self.lines_cut
            yield number, line
            number += 1
            place += len(line) + 1


class LineCounter:
    """Line numbers of ascending positions, without counting from the beginning each time."""

    def __init__(self, text: TextFile) -> None:
        self._text = text
        self._place, self._line = 0, 1

    def line_of(self, place: int) -> int:
        """As `TextFile.line_of`, of a place not before the last one."""
        self._line += self._text.text.count("\n", self._place, place)
        self._place = place
        is_behind = self._text.cut_at is not None and place >= self._text.cut_at
        return self._line + (self._text.lines_cut if is_behind else 0)


@dataclass(frozen=True)
class LeftFile:
    """A file of a run or of an agent's folder, opened when it is read."""

    name: str
    """The name in the form of `Evidence.file`."""
    part: Part
    size: int
    """Bytes."""
    blocks: Callable[[], Iterator[bytes]]
    """Its content; raises OSError or ContainerFault where that cannot be read."""

    def text(self) -> TextFile | None:
        """The text; None if the file is not text."""
        suffix = PurePosixPath(self.name).suffix.lower()
        if suffix in _NO_TEXT:
            return None
        if suffix == ".ipynb" and self.size <= _LARGEST_NOTEBOOK:
            cells = _code_cells(b"".join(self.blocks()))
            if cells is not None:
                return TextFile(self.name, self.part, cells[:LARGEST_TEXT])
        return _bounded(self.name, self.part, self.blocks())


def bounded_text(name: str, part: Part, text: str) -> TextFile:
    """A text within the bounds, without its middle if it is longer."""
    half = LARGEST_TEXT // 2
    if len(text) <= LARGEST_TEXT:
        return TextFile(name, part, text)
    head, tail = _whole_lines(text[:half], text[-half:], "\n")
    lines = text.count("\n", len(head), len(text) - len(tail))
    return TextFile(name, part, head + tail, len(head), lines)


def _bounded(name: str, part: Part, blocks: Iterable[bytes]) -> TextFile | None:
    half = LARGEST_TEXT // 2
    head, tail, lines = b"", b"", 0
    for block in blocks:
        if len(head) < LARGEST_TEXT:
            if not head and not is_text(block[:_LOOKED_AT]):
                return None
            head, block = head + block[: LARGEST_TEXT - len(head)], block[LARGEST_TEXT - len(head) :]
        lines += block.count(b"\n")
        tail = (tail + block)[-half:]
    if not tail:
        return TextFile(name, part, decoded(head))
    # what came behind the first bytes and is not in the end is left out, as is the second half of these where the end is long
    lines += head.count(b"\n")
    kept_tail = (head + tail)[-half:] if len(tail) < half else tail
    kept_head, kept_tail = _whole_lines_of_bytes(head[:half], kept_tail)
    cut = lines - kept_head.count(b"\n") - kept_tail.count(b"\n")
    beginning = decoded(kept_head)
    return TextFile(name, part, beginning + decoded(kept_tail), len(beginning), cut)


def _whole_lines(head: str, tail: str, end: str) -> tuple[str, str]:
    """Without the torn lines at the cut, where there are line ends at all."""
    head = head[: head.rfind(end) + 1] or head
    return head, tail[tail.find(end) + 1 :]


def _whole_lines_of_bytes(head: bytes, tail: bytes) -> tuple[bytes, bytes]:
    head = head[: head.rfind(b"\n") + 1] or head
    return head, tail[tail.find(b"\n") + 1 :]


def is_text(beginning: bytes) -> bool:
    """Whether a file that begins so is a text."""
    if b"\0" in beginning:
        return beginning.startswith((b"\xff\xfe", b"\xfe\xff"))
    odd = sum(byte < 32 and byte not in b"\t\n\r\x0c\x1b\x08" for byte in beginning)
    return odd <= _MOST_ODD * len(beginning)


def decoded(content: bytes) -> str:
    """The text, with line feeds at the ends of lines; undecodable bytes are replaced."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\r\n", "\n")


def _code_cells(content: bytes) -> str | None:
    try:
        notebook: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        return None
    return "\n".join(f"{CELL}\n{_source(cell)}" for cell in cells[:_MOST_CELLS] if _is_code(cell)) + "\n"


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
