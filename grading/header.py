"""The column names in the first line: which columns are read, and why one is missing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from grading.foreign_formats import foreign_text
from grading.invalid import InvalidSubmission
from grading.printable import printable
from grading.wording import listed

_SEPARATORS = (
    (";", "semicolons"),
    ("\t", "tabs"),
    ("|", "vertical bars"),
    (":", "colons"),
    (" ", "blanks"),
    ("\uff0c", "full-width commas"),
)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


def require_columns(columns: Iterable[object], required: Iterable[str], head: bytes = b"") -> None:
    """Reject a table that lacks a required column or has a column twice.

    Args:
        columns: the names that the table has.
        required: the names that it must have.
        head: the first bytes of its file, if any, to explain why a name is missing.

    Raises:
        InvalidSubmission: with the columns and how to fix them.
    """
    required = list(required)
    names = [str(column) for column in columns]
    present = set(names)
    lacking = [column for column in required if column not in present]
    if lacking:
        raise InvalidSubmission(_about_lacking(lacking, names, required, head))
    refuse_repeated(names, required)


def refuse_repeated(columns: Sequence[str], required: Iterable[str]) -> None:
    """Reject duplicate names: the file would be ambiguous."""
    times = Counter(columns)
    repeated = [column for column in required if times[column] > 1]
    if repeated:
        verb, each = ("appears", "") if len(repeated) == 1 else ("appear", " of each")
        raise InvalidSubmission(f"{_columns(repeated)} {verb} more than once; keep one{each}")


def _columns(names: Sequence[str]) -> str:
    return f"column{'' if len(names) == 1 else 's'} {listed(names)}"


def _about_lacking(lacking: Sequence[str], columns: Sequence[str], required: Sequence[str], head: bytes) -> str:
    if what := foreign_text(head):
        return what
    missing = f"missing {_columns(lacking)}; the file has {listed(columns) or 'no columns'}"
    hint = (
        _other_separator(columns, required)
        or _near_names(lacking, columns)
        or _swapped(columns, required, head)
        or _names_below(required, head)
    )
    if hint:
        return f"{missing}; {hint}"
    if twice := [name for name, times in Counter(columns).items() if times > 1 and name in required]:
        return f"{missing}; {listed(twice)} appears more than once"
    if head and len(lacking) == len(required):
        advice = "holds data: add a header line with the column names" if _is_data(columns) else "must hold the column names"
        return f"{missing}; the first line {advice}"
    return missing


def _other_separator(columns: Sequence[str], required: Sequence[str]) -> str | None:
    whole = ",".join(columns)
    if len(whole) > 100_000:
        return None
    if whole.lower().startswith("sep="):
        return "remove the `sep=` line, which only spreadsheets understand"
    if len(columns) == 1 and set(required) <= {part.strip() for part in whole.split(",")}:
        return "the whole line is quoted: quote individual cells or none"
    for separator, name in _SEPARATORS:
        if separator in whole:
            parts = {part.strip(" \ufeff\"'") for part in whole.split(separator)}
            if len(parts.intersection(required)) == len(set(required)):
                return f"its cells are separated by {name}: use commas"
    return None


def _near_names(lacking: Iterable[str], columns: Sequence[str]) -> str | None:
    """Names that equal the missing ones except for differences that are easy to overlook."""
    plain = {}
    for column in reversed(columns[:10_000]):
        plain[_plain(column[:1_000])] = column
    hints = [
        f"`{printable(plain[_plain(name)], 60)}` is not `{printable(name, 60)}`" for name in lacking if _plain(name) in plain
    ]
    if not hints:
        return None
    return f"{', '.join(hints[:5])}: names must match exactly, including case, spaces, quotes and invisible characters"


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] in "LN")


def _swapped(columns: Sequence[str], required: Sequence[str], head: bytes) -> str | None:
    """Whether the names are in the first column."""
    lines = head.decode(errors="replace").lstrip("\ufeff").splitlines()[: len(required) + 2]
    first = {line.split(",", 1)[0].strip('"') for line in lines}
    if len(first.intersection(required)) > 1 and len(columns) > 2:
        return "rows and columns are swapped: write one row for each id"
    return None


def _names_below(required: Sequence[str], head: bytes) -> str | None:
    """Whether the names are in one of the next lines."""
    lines = head.decode(errors="replace").splitlines()[:20]
    for number, line in enumerate(lines, start=1):
        if set(required) <= {cell.strip('"') for cell in line.split(",")}:
            return f"the column names are in line {number}: remove the lines above it"
    return None


def _is_data(columns: Iterable[str]) -> bool:
    """Whether a first line looks like a row: it holds a number."""
    return any(_NUMBER.fullmatch(column[:100]) for column in columns)
