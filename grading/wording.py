"""Building blocks of messages to submitters: counts, names, ids and cells, short and printable whatever the file holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sized
from itertools import islice
from typing import Any

from grading.printable import printable

ID_SEPARATOR = "\x1f"
"""Joins the parts of an id that fills several columns."""

_SHOWN_IDS = 3
_SHOWN_NAMES = 20
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]+")


def counted(number: int, noun: str) -> str:
    """`1 id`, `2,000 ids`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """The first few names in backticks, and how many more there are."""
    names = list(names)
    shown = ", ".join(f"`{printable(str(name), 60)}`" for name in names[:_SHOWN_NAMES])
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def quoted(text: object) -> str:
    """A cell or an id in quotes."""
    return f"'{printable(str(text))}'"


def show_ids(ids: Iterable[object] | Sized | Any) -> str:
    """The first few ids for a message, each shortened to a readable length."""
    ids = ids if isinstance(ids, Sized) else list(ids)
    shown = [quoted(str(value)[:10_000].replace(ID_SEPARATOR, ", ")) for value in islice(ids, _SHOWN_IDS)]  # type: ignore[call-overload]
    more = len(ids) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def name_ids(ids: Iterable[object] | Sized | Any) -> str:
    """`id '7'`, `ids '7', '8'`."""
    ids = ids if isinstance(ids, Sized) else list(ids)
    return f"id{'' if len(ids) == 1 else 's'} {show_ids(ids)}"


def is_in_exponent_form(text: str) -> bool:
    """Whether a text is a number such as `1.234E+15`, as spreadsheets write long ids."""
    return len(text) < 100 and bool(_EXPONENT.fullmatch(text.strip()))
