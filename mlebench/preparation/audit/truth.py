"""The answers in hand: what there is to be told about each test row."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["class", "number", "text"]


@dataclass(frozen=True)
class Target:
    """Something that is asked for of every test row."""

    name: str
    """A column of the answers; the joined names of one-hot columns, which are one target."""
    kind: Kind
    """class: one of few values, which repeat; number: a measurement; text: anything else (sequences, run lengths, words)."""
    values: np.ndarray
    """Shape (rows,): float64 of a number target (NaN where unknown), otherwise text."""
    columns: tuple[str, ...]
    """The columns of a submission that hold it."""

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """The different values of a class target, sorted."""
        return tuple(sorted({str(value) for value in self.values})) if self.kind == "class" else ()


@dataclass(frozen=True)
class Truth:
    """The answers of a competition; every per-row array has one entry for each row of the answers, in their order."""

    table: pd.DataFrame
    """The answers as the grader reads them."""
    ids: pd.DataFrame
    """The id columns as text, shape (rows, id columns)."""
    targets: tuple[Target, ...]
    known: frozenset[str]
    """Columns of the answers that are public: an agent may see them (ids, sizes of images)."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.ids)

    @functools.cached_property
    def keys(self) -> Mapping[str, np.ndarray]:
        """By each text that names test rows (a whole id, an id without its ending, the unit that an id begins with) their
        positions, ascending. A text that could name a training row as well is not in it."""
        raise NotImplementedError

    def rows_of(self, path: str) -> np.ndarray:
        """Positions of the rows that a file belongs to, by its name, its stem or its folders; empty where it belongs to none."""
        raise NotImplementedError

    def link(self, table: pd.DataFrame) -> np.ndarray | None:
        """For each row of a table the position of the test row that it is of, -1 where it is of none; by the column that names
        test rows most often. None where no column does for at least a tenth of the test rows."""
        raise NotImplementedError
