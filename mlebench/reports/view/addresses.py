"""Paths and queries as they are in a request, taken apart by the tables of `routes`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote

Kind = TypeVar("Kind")

_MOST_WORDS = 100
_PART = re.compile(r"\{(\w+)(:\.\+)?\}")


class Asked(NamedTuple):
    """The path and the query of a request, both still quoted."""

    path: str
    query: str

    @classmethod
    def of(cls, raw: str) -> Asked:
        """What stands between the method and the version of a request's first line."""
        path, _, query = raw.partition("#")[0].partition("?")
        return cls(path, query)

    @property
    def words(self) -> dict[str, str]:
        """The query; a word that is given twice counts once."""
        return words_of(self.query)


class Table(Generic[Kind]):
    """Finds what is in a table of paths for the path of a request."""

    def __init__(self, root: str, table: Mapping[str, Kind]) -> None:
        """Args:
        root: what every path begins with.
        table: by paths such as `/g/{group}`; a part that is written `{path:.+}` takes slashes as well.
        """
        self._entries = [
            (re.compile(re.escape(root) + _pattern(path)), {part[1] for part in _PART.finditer(path) if part[2]}, found)
            for path, found in table.items()
        ]

    def find(self, path: str) -> tuple[Kind, dict[str, str]] | None:
        """What is there for a path, and its parts by name, unquoted; None: nothing.

        A part that is empty, `.` or `..`, or contains NUL is never a name.
        """
        for pattern, deep, found in self._entries:
            if match := pattern.fullmatch(path):
                parts = {name: unquote(text, errors="surrogateescape") for name, text in match.groupdict().items()}
                names = [inner for name, part in parts.items() for inner in (part.split("/") if name in deep else [part])]
                return (found, parts) if all(map(_is_name, names)) else None
        return None


def words_of(text: str) -> dict[str, str]:
    """The words of a query or a form; one that is given twice counts once, and those beyond a hundred do not."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_WORDS)
    except ValueError:
        return {}
    words: dict[str, str] = {}
    for name, value in pairs:
        words.setdefault(name, value)
    return words


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def _pattern(path: str) -> str:
    pattern, place = "", 0
    for part in _PART.finditer(path):
        pattern += re.escape(path[place : part.start()]) + f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})"
        place = part.end()
    return pattern + re.escape(path[place:])
