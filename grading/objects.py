"""The kind of a cell that lists objects: boxes, points and their labels, as groups of white-space separated fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from grading.columns import Column, hint_for_list, refuse
from grading.submission import InvalidSubmission

_BLOCK_TOKENS = 50_000
"""So few that they stay in the cache of the processor between the steps of parsing."""
_TOLD_TOKENS = 1_000_000
"""Of so many, a refusal tells how many are wrong."""
_ASCII_BLANKS = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"
"""Where `str.split` divides a text of ASCII."""


@dataclass(frozen=True)
class ObjectList(Column):
    """Any number of objects, each the same fields one after the other; parsed to one mapping of field to array per row.

    Attributes:
        fields: the fields of one object in order, each with its kind.
        allow_empty: whether a blank cell is an answer.
        most: the largest number of objects of a cell.
        most_on_average: the largest number of objects of all cells, for each of them.
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
            refuse(text.str.strip() == "", cells, ids, "filled in")
        self._refuse_too_many(text, cells)
        texts = text.tolist()
        objects: list[Mapping[str, np.ndarray]] = []
        for first, block in self._blocks(texts, _BLOCK_TOKENS):
            try:
                objects.extend(self._parse_block(first, block, cells, ids))
            except InvalidSubmission:
                self._refuse_from(first, texts, cells, ids)
                raise
        return np.fromiter(objects, dtype=object, count=len(objects))

    def refused_cells(self) -> Mapping[str, Any]:
        cells = {"one field too many": " ".join(["1"] * (len(self.fields) + 1)), "text": "no such object"}
        return cells if self.allow_empty else {**cells, "missing": ""}

    def _refuse_too_many(self, text: pd.Series, cells: pd.Series) -> None:
        """Refuse a column that is far longer than any that is meant, before it is split."""
        # splitting is costly, and few texts need so close a look
        allowed = max(self.most, self.most_on_average * len(text))
        if sum(map(_most_tokens, text)) < allowed * len(self.fields):
            return
        width = len(self.fields)
        total = sum(len(cell.split(None, self.most * width)) for cell in text) // width
        if total > allowed:
            raise InvalidSubmission(
                f"column `{cells.name}`: the cells list more than {allowed:,} objects together; list fewer, the surest ones"
            )

    def _refuse_from(self, row: int, texts: list[str], cells: pd.Series, ids: pd.Series) -> None:
        """Raise for a wrong cell from `row` on, with how many are wrong of the many beside it."""
        for first, block in self._blocks(texts, _TOLD_TOKENS):
            if first + len(block) > row:
                deque(self._parse_block(first, block, cells, ids), maxlen=0)

    def _blocks(self, texts: list[str], most_tokens: int) -> Iterator[tuple[int, list[list[str]]]]:
        """Rows split into tokens, a bounded number at a time; of an overlong row only what shows that it is too long."""
        first, block, tokens = 0, [], 0
        for row, text in enumerate(texts):
            block.append(text.split(None, self.most * len(self.fields)))
            tokens += len(block[-1])
            if tokens > most_tokens:
                yield first, block
                first, block, tokens = row + 1, [], 0
        yield first, block

    def _parse_block(
        self, first: int, block: list[list[str]], cells: pd.Series, ids: pd.Series
    ) -> Iterable[Mapping[str, np.ndarray]]:
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
        bounds = np.concatenate([[0], np.cumsum(counts // width)]).tolist()
        for start, stop in pairwise(bounds):
            yield {name: values[start:stop] for name, values in parsed.items()}


def _most_tokens(text: str) -> int:
    """At least as many as splitting the text gives."""
    if not text.isascii():
        return (len(text) + 1) // 2
    return 1 + len(text) - len(text.encode().translate(None, _ASCII_BLANKS))


def flatten(objects: Iterable[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """The objects of all rows as one table: the fields, and `row`, the position of the row that lists them."""
    listed = list(objects)
    if not listed:
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64)})
    counts = [len(next(iter(row.values()))) for row in listed]
    fields = {name: np.concatenate([row[name] for row in listed]) for name in listed[0]}
    return pd.DataFrame({"row": np.repeat(np.arange(len(listed)), counts), **fields})
