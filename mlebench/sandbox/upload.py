"""The file in a request to the submission checker, measured while it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import IO

from grading.printable import printable
from mlebench._support.secrets import Mask

_FIRST_LINE = 2**16
"""Bytes of the first line that are examined."""


class Upload:
    """Writes a file and collects the values for the ledger."""

    def __init__(self, target: IO[bytes]) -> None:
        """Args:
        target: where the content goes.
        """
        self.bytes = 0
        self._target = target
        self._digest = hashlib.sha256()
        self._line_feeds = 0
        self._ends_a_line = True
        self._first = b""

    def write(self, block: bytes | memoryview) -> int:
        """Write the next bytes."""
        content = bytes(block)
        self._target.write(content)
        self._digest.update(content)
        self.bytes += len(content)
        if not self._line_feeds:
            self._first += content[: _FIRST_LINE - len(self._first)].partition(b"\n")[0]
        self._line_feeds += content.count(b"\n")
        if content:
            self._ends_a_line = content.endswith(b"\n")
        return len(content)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def rows(self) -> int:
        """Lines after the first; the last one needs no line feed."""
        return max(0, self._line_feeds + (not self._ends_a_line) - 1)

    def header(self, secrets: Iterable[str]) -> str:
        """The first line, printable, without secrets and without a byte order mark.

        Args:
            secrets: values to mask.
        """
        mask = Mask(secrets)
        line = mask.feed(self._first)
        if len(self._first) < _FIRST_LINE:
            # of a truncated line, an end that may be the beginning of a secret is left out
            line += mask.finish()
        text = line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r")
        return printable(mask.apply_to_text(printable(text, None)), None)
