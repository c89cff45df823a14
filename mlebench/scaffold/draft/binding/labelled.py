"""The labelled table as the searches for bonds see it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.checks.twin_texts import is_prose, is_sequence
from mlebench.preparation.audit.truth import Kind, Target

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 100_000
"""Rows that are looked at; of more, stretches at even distances, as neighbouring rows often belong together."""
_STRETCHES = 20
_FEW_NUMBERS = 20
_HEAD = 1_000


class Labelled:
    """Rows with answers, and Kaggle's own test rows, if there are any; of very many rows some."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame | None, ids: Sequence[str], targets: Sequence[str]) -> None:
        self.rows = stretches(len(train))
        """Positions in the whole table of the rows that are looked at."""
        self.whole = len(train)
        """How many rows the whole table has."""
        self.train = train.iloc[self.rows]
        self.test = None if test is None else test.iloc[stretches(len(test))]
        self.ids, self.targets = ids, targets
        self._cells: dict[str, np.ndarray] = {}
        self._asked: dict[str, np.ndarray] = {}

    @functools.cached_property
    def described(self) -> list[str]:
        """Columns that are neither ids nor targets."""
        apart = {*self.ids, *self.targets}
        return [name for name in self.train.columns if name not in apart]

    def cells(self, name: str) -> np.ndarray:
        """A column of the labelled rows as text; shape (rows,), object, missing cells empty."""
        if name not in self._cells:
            self._cells[name] = as_text(self.train[name])
        return self._cells[name]

    def asked(self, name: str) -> np.ndarray | None:
        """The same of Kaggle's test rows; None if they lack the column."""
        if self.test is None or name not in self.test.columns:
            return None
        if name not in self._asked:
            self._asked[name] = as_text(self.test[name])
        return self._asked[name]

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts of several words, or sequences of letters that stand for a molecule."""
        import pandas as pd

        head = pd.Series(self.cells(name)[:_HEAD])
        head = head[head != ""]
        return bool(len(head)) and (is_prose(head) or is_sequence(name, head))

    @functools.cached_property
    def answers(self) -> list[tuple[Target, np.ndarray]]:
        """Each target with the answers of all rows, None where one is missing."""
        return [_answers(name, self.train[name]) for name in self.targets if name in self.train]


def as_text(cells: pd.Series) -> np.ndarray:
    """Cells as text, whole numbers without a fraction, missing ones empty; shape (rows,), object."""
    import pandas as pd

    missing = cells.isna().to_numpy()
    if pd.api.types.is_float_dtype(cells):
        known = cells[~missing]
        if np.isfinite(known).all() and (known % 1 == 0).all() and (known.abs() < 2**53).all():
            cells = cells.astype("Int64")
    texts: np.ndarray = cells.astype(object).map(str).to_numpy(dtype=object)
    texts[missing] = ""
    return texts


def numbers_of(cells: np.ndarray) -> np.ndarray | None:
    """Texts as numbers, NaN for empty ones; None if one is not a number."""
    import pandas as pd

    numbers: np.ndarray = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64)
    return None if bool((np.isnan(numbers) & (cells != "")).any()) else numbers


def is_measure(cells: np.ndarray) -> bool:
    """Whether a column holds numbers with fractions."""
    numbers = numbers_of(cells[:_HEAD])
    return numbers is not None and bool((np.nan_to_num(numbers) % 1 != 0).any())


def stretches(rows: int) -> np.ndarray:
    """Positions of all of so many rows, or of stretches of them; ascending."""
    if rows <= _MOST_ROWS:
        return np.arange(rows)
    width = _MOST_ROWS // _STRETCHES
    starts = np.linspace(0, rows - width, _STRETCHES).astype(np.int64)
    chosen: np.ndarray = (starts[:, None] + np.arange(width)[None, :]).ravel()
    return chosen


def _answers(name: str, cells: pd.Series) -> tuple[Target, np.ndarray]:
    texts = as_text(cells)
    numbers = numbers_of(texts)
    kind = _kind(texts, numbers)
    known: np.ndarray = np.full(len(texts), None, dtype=object)
    if kind == "number" and numbers is not None:
        known[~np.isnan(numbers)] = numbers[~np.isnan(numbers)]
    else:
        known[texts != ""] = texts[texts != ""]
    return Target(name, kind, known, (name,)), known


_SEVERAL_WORDS = re.compile(r"\S+\s+\S+\s+\S+")


def _kind(texts: np.ndarray, numbers: np.ndarray | None) -> Kind:
    different = {*texts} - {""}
    if numbers is not None:
        few = len(different) <= max(_FEW_NUMBERS, len(texts) ** 0.5 / 4)
        return "class" if few and not is_measure(texts) else "number"
    if len(different) > max(2, 0.7 * len(texts)) or sum(map(bool, map(_SEVERAL_WORDS.search, different))) > len(different) / 2:
        return "text"
    return "class"
