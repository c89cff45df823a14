"""A terminal of a few lines, for tests: obeys what bars need, and keeps what somebody would see."""

from __future__ import annotations

import io
import re

_PARTS = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class SmallTerminal(io.StringIO):
    """A stream that says that it is a terminal; `COLUMNS` and `LINES` tell its size."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> Screen:
        """What is seen of all that was written."""
        return Screen(self.getvalue())


class Screen:
    """What a terminal shows after it was sent a text."""

    def __init__(self, text: str, columns: int = 0) -> None:
        """Args:
        text: what was written.
        columns: where it wraps lines; 0 for never.
        """
        self.lines: list[str] = [""]
        self.is_cursor_shown = True
        self._columns = columns
        self._row = self._column = 0
        for match in _PARTS.finditer(text):
            code, kind, control, words = match.groups()
            if words:
                for letter in words:
                    self._put(letter)
            elif control:
                self._column = 0
                if control == "\n":
                    self._row += 1
                    self._grow()
            else:
                self._obey(code, kind)

    def _put(self, letter: str) -> None:
        if self._columns and self._column == self._columns:
            self._row, self._column = self._row + 1, 0
            self._grow()
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + letter + line[self._column + 1 :]
        self._column += 1

    def _grow(self) -> None:
        while len(self.lines) <= self._row:
            self.lines.append("")

    def _obey(self, code: str, kind: str) -> None:
        if kind == "A":
            self._row = max(0, self._row - int(code or 1))
        elif kind == "K":
            self.lines[self._row] = ""
        elif code == "?25":
            self.is_cursor_shown = kind == "h"
        elif kind != "m":
            raise AssertionError(f"the terminal does not know {code}{kind}")

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip()
