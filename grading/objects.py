"""The kind of cell that lists objects (boxes, points and their labels) as groups of fields separated by white space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from grading.columns import Column, Integer, Real, Text, hint_for_list, refuse
from grading.submission import InvalidSubmission
from grading.text_words import blocks_of, numbers_of, words_of

_BLOCK_CHARACTERS = 400_000
"""Texts are processed in blocks of about this size: small enough for the processor's cache, with bounded memory."""
_BLOCK_TOKENS = 50_000
"""Small enough that they stay in the processor's cache between the parsing steps."""
_TOLD_TOKENS = 1_000_000
"""A rejection counts the wrong cells among this many."""
_ASCII_BLANKS = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"
"""The characters at which `str.split` splits ASCII text."""


class _Table(NamedTuple):
    """The objects of a column, or of a block of its rows."""

    counts: npt.NDArray[np.int64]
    """Number of objects per row, shape (rows,)."""
    fields: dict[str, np.ndarray]
    """Each field of all objects, shape (objects,)."""


class ObjectsOfRow(Mapping[str, np.ndarray]):
    """The objects that one cell lists, as arrays by field: a view into the arrays of the whole column."""

    __slots__ = ("first", "last", "table")

    def __init__(self, table: _Table, first: int, last: int) -> None:
        self.table, self.first, self.last = table, first, last

    def __getitem__(self, name: str) -> np.ndarray:
        return self.table.fields[name][self.first : self.last]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.fields)

    def __len__(self) -> int:
        return len(self.table.fields)


@dataclass(frozen=True)
class ObjectList(Column):
    """Any number of objects, each with the same fields in sequence; parsed to one mapping of field to array per row.

    Attributes:
        fields: the fields of one object in order, each with its kind.
        allow_empty: whether a blank cell is a valid answer.
        most: maximum objects per cell.
        most_on_average: maximum objects per cell, on average over all cells.
    """

    fields: Mapping[str, Column]
    allow_empty: bool = True
    most: int = 10_000
    most_on_average: int = 500

    reads_text = True

    @property
    def most_characters(self) -> int:
        return max(super().most_characters, self.most * len(self.fields) * 64)

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        text = self.text_of(cells)
        if not self.allow_empty:
            refuse(text.str.strip() == "", cells, ids, "filled")
        self._refuse_too_many(text, cells)
        texts = text.tolist()
        table = self._read(texts) if texts else None
        if table is None:
            table = self._read_with_care(texts, cells, ids)
        bounds = np.concatenate([[0], np.cumsum(table.counts)]).tolist()
        rows = (ObjectsOfRow(table, first, last) for first, last in pairwise(bounds))
        return np.fromiter(rows, dtype=object, count=len(texts))

    def refused_cells(self) -> Mapping[str, Any]:
        cells = {"one field too many": " ".join(["1"] * (len(self.fields) + 1)), "text": "no such object"}
        return cells if self.allow_empty else {**cells, "missing": ""}

    def _refuse_too_many(self, text: pd.Series, cells: pd.Series) -> None:
        """Reject a column far longer than any real one before splitting it."""
        allowed = max(self.most, self.most_on_average * len(text))
        # splitting is costly, and few texts need it
        if sum(map(len, text)) < allowed * len(self.fields) or sum(map(_most_tokens, text)) < allowed * len(self.fields):
            return
        width = len(self.fields)
        total = sum(len(cell.split(None, self.most * width)) for cell in text) // width
        if total > allowed:
            raise InvalidSubmission(
                f"column `{cells.name}`: the cells list more than {allowed:,} objects in total; keep only the most confident ones"
            )

    def _read(self, texts: list[str]) -> _Table | None:
        """The objects of well-formed texts, in a fraction of the time that full checks take; None for all others."""
        blocks = []
        for first, last in blocks_of(texts, _BLOCK_CHARACTERS):
            block = self._read_block(texts[first:last])
            if block is None:
                return None
            blocks.append(block)
        table = _joined(blocks, self.fields)
        try:
            return table._replace(fields={name: _judged(kind, table.fields[name]) for name, kind in self.fields.items()})
        except InvalidSubmission:
            return None

    def _read_block(self, texts: list[str]) -> _Table | None:
        """The fields as written, parsed where the kind is numeric."""
        width = len(self.fields)
        words = words_of(" ".join(texts))
        if words is None:
            return None
        counts = words.by_text(texts)
        if (counts % width).any() or counts.max() > self.most * width:
            return None
        are_numbers = np.array([isinstance(kind, Real | Integer) for kind in self.fields.values()])
        numbers = numbers_of(words, np.resize(are_numbers, len(words.starts)))
        if numbers is None:
            return None
        columns = iter(numbers.reshape(len(words.starts) // width, -1).T if len(numbers) else [numbers] * width)
        fields = {
            name: next(columns) if is_number else np.array(words.pick(slice(k, None, width)), dtype=object)
            for k, (name, is_number) in enumerate(zip(self.fields, are_numbers, strict=True))
        }
        return _Table(counts // width, fields)

    def _read_with_care(self, texts: list[str], cells: pd.Series, ids: pd.Series) -> _Table:
        """The same for arbitrary texts.

        Raises:
            InvalidSubmission: with what is wrong with the first bad cell.
        """
        blocks = []
        for first, block in self._blocks(texts, _BLOCK_TOKENS):
            try:
                blocks.append(self._parse_block(first, block, cells, ids))
            except InvalidSubmission:
                self._refuse_from(first, texts, cells, ids)
                raise
        return _joined(blocks, self.fields)

    def _refuse_from(self, row: int, texts: list[str], cells: pd.Series, ids: pd.Series) -> None:
        """Raise for a bad cell at or after `row`, with the number of bad cells among its neighbours."""
        for first, block in self._blocks(texts, _TOLD_TOKENS):
            if first + len(block) > row:
                self._parse_block(first, block, cells, ids)

    def _blocks(self, texts: list[str], most_tokens: int) -> Iterator[tuple[int, list[list[str]]]]:
        """Yield rows split into tokens, in bounded blocks; an overlong row is split just far enough to show its length."""
        first, block, tokens = 0, [], 0
        for row, text in enumerate(texts):
            block.append(text.split(None, self.most * len(self.fields)))
            tokens += len(block[-1])
            if tokens > most_tokens:
                yield first, block
                first, block, tokens = row + 1, [], 0
        yield first, block

    def _parse_block(self, first: int, block: list[list[str]], cells: pd.Series, ids: pd.Series) -> _Table:
        width = len(self.fields)
        cells, ids = cells.iloc[first : first + len(block)], ids.iloc[first : first + len(block)]
        counts = np.fromiter(map(len, block), dtype=np.int64, count=len(block))
        refuse(counts > self.most * width, cells, ids, f"a list of at most {self.most:,} objects")
        refuse(counts % width != 0, cells, ids, f"groups of {width} fields, `{' '.join(self.fields)}`", hint_for_list)
        tokens = np.array([token for row in block for token in row], dtype=object).reshape(-1, width)
        ids_of_objects = ids.iloc[np.repeat(np.arange(len(block)), counts // width)]
        # messages put the name between backticks
        parsed = {
            name: kind.parse(pd.Series(tokens[:, k], dtype=object, name=f"{cells.name}` field `{name}"), ids_of_objects)
            for k, (name, kind) in enumerate(self.fields.items())
        }
        return _Table(counts // width, parsed)


def _judged(kind: Column, values: np.ndarray) -> np.ndarray:
    """The field's values parsed by its kind; an error here is not meant for submitters."""
    # any word is a text
    if type(kind) is Text and not kind.missing_words:
        return values
    cells = pd.Series(values)
    return kind.parse(cells, cells)


def _joined(blocks: list[_Table], names: Iterable[str]) -> _Table:
    return _Table(
        np.concatenate([block.counts for block in blocks]),
        {name: np.concatenate([block.fields[name] for block in blocks]) for name in names},
    )


def _most_tokens(text: str) -> int:
    """An upper bound on the number of tokens in the text."""
    if not text.isascii():
        return (len(text) + 1) // 2
    return 1 + len(text) - len(text.encode().translate(None, _ASCII_BLANKS))


def flatten(objects: Iterable[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """The objects of all rows as one table: the fields, and `row`, the position of the row that lists them."""
    listed = list(objects)
    if not listed:
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64)})
    table = _whole_table(listed)
    if table is None:
        counts = np.array([len(next(iter(row.values()))) for row in listed])
        table = _Table(counts, {name: np.concatenate([row[name] for row in listed]) for name in listed[0]})
    return pd.DataFrame({"row": np.repeat(np.arange(len(listed)), table.counts), **table.fields})


def _whole_table(rows: list[Mapping[str, np.ndarray]]) -> _Table | None:
    """The table of a column, if these are all its rows in their order."""
    table = rows[0].table if isinstance(rows[0], ObjectsOfRow) else None
    if table is None or len(rows) != len(table.counts):
        return None
    if not all(isinstance(row, ObjectsOfRow) and row.table is table for row in rows):
        return None
    lasts = np.fromiter((row.last for row in rows), dtype=np.int64, count=len(rows))  # type: ignore[attr-defined]
    return table if (lasts == np.cumsum(table.counts)).all() else None
