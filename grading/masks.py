"""The kind of a cell that holds a run-length encoded mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from grading.columns import Column
from grading.metrics.run_length import parse_column
from grading.submission import InvalidSubmission, show_ids


@dataclass(frozen=True)
class RunLengthMask(Column):
    """A mask as `start length` pairs; parsed to an object array of `grading.metrics.run_length.Runs`.

    Attributes:
        sizes: pixels of the image of each row, or of every image.
        empty_words: cells that stand for the empty mask, beside the blank one.
    """

    sizes: int | Sequence[int] | npt.NDArray[np.int64]
    empty_words: tuple[str, ...] = ()

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        text = cells.astype(str)
        text = text.mask(cells.isna() | text.isin(self.empty_words), "")
        try:
            masks = parse_column(text.tolist(), self.sizes, _Names(ids))
        except InvalidSubmission as error:
            raise InvalidSubmission(f"column `{cells.name}`: {error}") from None
        return np.fromiter(masks, dtype=object, count=len(masks))

    def refused_cells(self) -> Mapping[str, Any]:
        beyond = int(np.max(self.sizes)) + 1
        return {
            "odd count": "1",
            "negative": "1 -1",
            "zero": "0 1",
            "overlapping": "1 2 2 1",
            "unsorted": "2 1 1 1",
            "beyond the image": f"{beyond} 1",
            "fraction": "1.5 1",
            "text": "abc def",
        }


class _Names(Sequence[str]):
    """The ids as messages show them, made only for the row that a message names."""

    def __init__(self, ids: pd.Series) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: Any) -> Any:
        return show_ids([self._ids.iloc[row]]).strip("'")
