"""Code with its words marked by kind, within bounds of time and size; what takes longer is shown plain."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mlebench.reports.view.highlighter import MODULE, language_of

LONGEST_LINE = 2_000
"""Characters; a text with a longer line is plain."""
_MOST_SECONDS = 3.0
_MOST_AT_ONCE = 2
_MOST_MARKED = 4 * 2**20
"""Characters of HTML of a file, for which a browser takes a second."""
_MOST_KEPT = 32 * 2**20
"""Characters of HTML that are kept."""


class Highlighting:
    """Marks code in processes of their own, and keeps what it marked last. Any thread may ask."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, list[list[str]] | None] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def lines(self, name: str, texts: Sequence[str], most_seconds: float | None = None) -> list[list[str]] | None:
        """The lines of each text as HTML; None if they are better shown plain.

        Args:
            name: of the file, which says the language.
            texts: with line feeds alone at the ends of lines.
            most_seconds: after which it is given up; None for what a reader of a page is to wait at most.
        """
        most_seconds = _MOST_SECONDS if most_seconds is None else most_seconds
        language = language_of(name)
        if language is None or any(len(line) > LONGEST_LINE for text in texts for line in text.split("\n")):
            return None
        key = _digest(language, texts)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # whoever waits longer for others' code than for its own sees it plain this time
        if not self._free.acquire(timeout=most_seconds):
            return None
        try:
            marked = _marked(language, texts, most_seconds)
        finally:
            self._free.release()
        self._keep(key, marked)
        return marked

    def _keep(self, key: bytes, marked: list[list[str]] | None) -> None:
        with self._lock:
            self._size += _size(marked) - _size(self._kept.pop(key, None))
            self._kept[key] = marked
            while self._size > _MOST_KEPT and len(self._kept) > 1:
                self._size -= _size(self._kept.popitem(last=False)[1])


def plain_lines(text: str) -> list[str]:
    """The lines of a text as HTML, without marks."""
    return [escape(line) for line in text.split("\n")]


def _marked(language: str, texts: Sequence[str], most_seconds: float) -> list[list[str]] | None:
    asked = json.dumps({"language": language, "texts": list(texts)})
    paths = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", MODULE],
            input=asked,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            encoding="utf-8",
            timeout=most_seconds,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    # a lexer that loses a line would number all others wrongly
    whole = all(len(lines) == text.count("\n") + 1 for lines, text in zip(found, texts, strict=True))
    return found if whole and _size(found) <= _MOST_MARKED else None


def _digest(language: str, texts: Sequence[str]) -> bytes:
    digest = hashlib.sha256(language.encode())
    for text in texts:
        digest.update(b"\0" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return digest.digest()


def _size(marked: list[list[str]] | None) -> int:
    return sum(len(line) + 50 for lines in marked or () for line in lines)
