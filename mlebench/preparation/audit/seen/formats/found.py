"""A table within a content, and cells as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from mlebench.preparation.audit.seen.window import AnyWindow

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LONGEST_CELL = 10_000
"""Characters of a cell that is not itself text, such as a list."""
MOST_COLUMNS = 5_000
_DEEPEST = 8
_MOST_NAMED = 4
"""Items of a list of records that become columns of their own."""


@dataclass(frozen=True)
class Content:
    """A content that can be opened again and again."""

    name: str
    """The last part of its path."""
    size: int
    stream: Callable[[], AbstractContextManager[IO[bytes]]]
    window: Callable[[], AbstractContextManager[AnyWindow]]


@dataclass(frozen=True)
class Found:
    """One table of a content."""

    part: str
    """Which; empty if it is the only one."""
    columns: tuple[str, ...]
    frames: Callable[[int], Iterator[pd.DataFrame]]
    """The cells as text, so many rows at once."""


def distinct(names: Iterable[object]) -> tuple[str, ...]:
    """Names of columns as text, with a number behind those that repeat."""
    found: dict[str, None] = {}
    for name in names:
        text = str(name)
        number = 1
        while text in found:
            text = f"{name}.{number}"
            number += 1
        found[text] = None
    return tuple(found)


def frames_of_rows(rows: Iterable[Sequence[str]], columns: Sequence[str], count: int) -> Iterator[pd.DataFrame]:
    """Tables of `count` rows; rows that are too short are filled with empty cells, those too long are cut."""
    import pandas as pd

    width = len(columns)
    waiting = iter(rows)
    while held := [_fitted(row, width) for row in islice(waiting, count)]:
        yield pd.DataFrame(held, columns=list(columns), dtype=object)


def _fitted(row: Sequence[str], width: int) -> Sequence[str]:
    return row if len(row) == width else [*row[:width], *[""] * (width - len(row))]


def frames_of_records(records: Iterable[Mapping[str, str]], columns: Sequence[str], count: int) -> Iterator[pd.DataFrame]:
    """Tables of `count` records, of which the named columns are taken."""
    return frames_of_rows(([record.get(name, "") for name in columns] for record in records), columns, count)


def columns_of(records: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The names that any record has, in the order in which they come."""
    found: dict[str, None] = {}
    for record in records:
        if len(found) < MOST_COLUMNS:
            found.update(dict.fromkeys(record))
    return tuple(found)


def flattened(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Cells of a nested value by name: `a.b.c`, and `a.0.b` for the first records of a list."""
    inner: Iterable[tuple[object, Any]] | None = value.items() if isinstance(value, Mapping) else None
    if (
        inner is None
        and isinstance(value, list)
        and 0 < len(value) <= _MOST_NAMED
        and all(isinstance(item, dict) for item in value)
    ):
        inner = enumerate(value)
    if inner is not None and depth < _DEEPEST:
        for key, item in inner:
            yield from flattened(item, f"{name}.{key}" if name else str(key), depth + 1)
    else:
        yield name, cell(value)


def cell(value: Any) -> str:
    """A value as text, in the form in which JSON has it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value[:LONGEST_CELL].decode("utf-8", "replace")
    if isinstance(value, dict | list | tuple):
        return _nested(value)
    return str(value)


def _nested(value: Any) -> str:
    try:
        # whoever makes a list of a million numbers does not want it in a cell
        text = json.dumps(value[:2_000] if isinstance(value, list | tuple) else value, default=str, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        return ""
    return text[:LONGEST_CELL]


def text_of_array(values: np.ndarray) -> np.ndarray:
    """Cells of an array of any type as text, missing ones empty; shape as it is, object."""
    import numpy as np

    if values.dtype.kind in "fc":
        return np.where(np.isnan(values), "", values.astype(str)).astype(object)
    if values.dtype.kind == "M" or values.dtype.kind == "m":
        return np.where(np.isnat(values), "", values.astype(str)).astype(object)
    if values.dtype.kind == "S":
        return np.array([cell(bytes(value)) for value in values.ravel()], dtype=object).reshape(values.shape)
    if values.dtype.kind == "O":
        flat = ["" if value is None or value != value else cell(value) for value in values.ravel()]
        return np.array(flat, dtype=object).reshape(values.shape)
    if values.dtype.kind == "b":
        return np.where(values, "true", "false").astype(object)
    return np.asarray(values.astype(str).astype(object))
