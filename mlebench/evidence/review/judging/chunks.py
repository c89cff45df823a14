"""Cuts a run's texts into chunks that a model can read: at line ends, with an overlap, so that no passage is lost at a cut."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from mlebench.evidence.review.texts import TextFile

CHARACTERS = 128_000
"""Most characters of a chunk."""
OVERLAP = 2_000
"""Characters of a file, at most, that a chunk repeats from the one before, where the file was cut."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")
"""Terminal colours and movements, and control characters except tab and line feed: no model copies them exactly."""
_BLANKS = re.compile(r"(?:\s|\\[nrt])+")
_BACKSLASHES = re.compile(r"\\+(?=[\"'\\/])")
"""Backslashes of JSON and shell escapes, frequent in logs; a judge may escape a quote once more, once less or not at all."""
_LONGEST_NAME = 200


class Stretch(NamedTuple):
    """Lines of one file that follow each other."""

    file: str
    first_line: int | None
    """From 1; None if the file has no lines."""
    text: str


class Place(NamedTuple):
    """Where a quote was found."""

    file: str
    line: int | None


@dataclass(frozen=True)
class Chunk:
    """What a model is shown at once."""

    stretches: Sequence[Stretch]

    @cached_property
    def text(self) -> str:
        """As the model reads it: each stretch below a line with its file's name."""
        return "\n".join(f"{_heading(stretch.file)}\n{stretch.text}" for stretch in self.stretches)

    @cached_property
    def sha256(self) -> str:
        """Of `text`, in hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8", "backslashreplace")).hexdigest()

    def find(self, quote: str) -> Place | None:
        """Where a quote occurs exactly, except for blanks and escapes; None if it is in no stretch."""
        wanted = _with_single_blanks(quote)[0]
        if not wanted:
            return None
        for stretch, (text, starts) in zip(self.stretches, self._searched, strict=True):
            if (at := text.find(wanted)) >= 0:
                first = stretch.first_line
                return Place(stretch.file, None if first is None else first + bisect_right(starts, at) - 1)
        return None

    @cached_property
    def _searched(self) -> list[tuple[str, list[int]]]:
        """Each stretch with single blanks, and where its lines begin in that."""
        return [_with_single_blanks(stretch.text) for stretch in self.stretches]


@dataclass(frozen=True)
class Chunks:
    """What is shown of a run's texts."""

    shown: Sequence[Chunk]
    left_out: int
    """Chunks beyond those that may be shown."""


def chunks_of(texts: Iterable[TextFile], most: int, characters: int = CHARACTERS, overlap: int = OVERLAP) -> Chunks:
    """The chunks of some texts; small texts share one.

    If there are more than may be shown, those shown are spaced evenly from the first to the last.

    Args:
        texts: in any order, which is kept.
        most: chunks that are shown, at least 1.
        characters: of a chunk at most, names of files included.
        overlap: characters that are repeated, at most half of `characters`.
    """
    found = list(_packed(texts, characters, min(overlap, characters // 2)))
    if len(found) <= most:
        return Chunks(found, 0)
    last = len(found) - 1
    chosen = [round(place * last / (most - 1)) for place in range(most)] if most > 1 else [0]
    return Chunks([found[place] for place in chosen], len(found) - most)


def _packed(texts: Iterable[TextFile], characters: int, overlap: int) -> Iterator[Chunk]:
    waiting: list[Stretch] = []
    size = 0
    for file in texts:
        for stretch in _stretches_of(file, characters - len(_heading(file.name)) - 2, overlap):
            needed = len(_heading(stretch.file)) + len(stretch.text) + 2
            if waiting and size + needed > characters:
                yield Chunk(tuple(waiting))
                waiting, size = [], 0
            waiting.append(stretch)
            size += needed
    if waiting:
        yield Chunk(tuple(waiting))


def _heading(name: str) -> str:
    return f"=== {_plain(name)[-_LONGEST_NAME:]} ==="


def _plain(text: str) -> str:
    # a progress bar that redraws itself is one line of the file
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", " "))


def _stretches_of(file: TextFile, most: int, overlap: int) -> Iterator[Stretch]:
    """The stretches of a file; text before and after an omitted middle is never in one stretch."""
    cut = len(file.text) if file.cut_at is None else file.cut_at
    for start, text in ((0, file.text[:cut]), (cut, file.text[cut:])):
        for line, stretch in _stretches(_plain(text), most, overlap):
            # texts of model calls have no line numbers in their file
            yield Stretch(file.name, None if file.part == "transcript" else file.line_of(start) + line, stretch)


def _stretches(text: str, most: int, overlap: int) -> Iterator[tuple[int, str]]:
    """A text in stretches of at most `most` characters, each with the lines before it, cut at lines; a line that is longer than
    that is cut within."""
    start, line = 0, 0
    while True:
        end = len(text) if len(text) - start <= most else _cut(text, start, start + most)
        if stretch := text[start:end].rstrip("\n"):
            yield line, stretch
        if end == len(text):
            return
        again = _line_start(text, max(start + 1, end - overlap), end)
        line += text.count("\n", start, again)
        start = again


def _cut(text: str, start: int, end: int) -> int:
    """Behind the last line feed of a stretch, unless its last line is so long that half of the stretch would be lost."""
    found = text.rfind("\n", start + (end - start) // 2, end)
    return found + 1 if found >= 0 else end


def _line_start(text: str, earliest: int, end: int) -> int:
    """The first beginning of a line in a range; its beginning where it holds none."""
    found = text.find("\n", earliest - 1, end - 1)
    return found + 1 if found >= 0 else earliest


def _with_single_blanks(text: str) -> tuple[str, list[int]]:
    lines = [_BLANKS.sub(" ", _BACKSLASHES.sub("", line)).strip() for line in text.split("\n")]
    # a line without a word adds nothing, and so begins where the next one does
    sizes = [len(line) + 1 if line else 0 for line in lines]
    return " ".join(filter(None, lines)), [0, *accumulate(sizes[:-1])]
