"""The known answers: what can be revealed about each test row."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlebench.errors import NotPrepared

if TYPE_CHECKING:
    import pandas as pd

    from grading.columns import Column
    from mlebench.registry import Competition

Kind = Literal["class", "number", "text"]

_ENDING = re.compile(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{0,7}(\.(gz|bz2|xz))?$")
_LAST_PART = re.compile(r"[_\-:][^_\-:]*$")
_NUMBERS = ("Probability", "Real")
_LABELS = ("Integer", "Boolean", "Label")
_MOST_CLASSES = 2_000
_LONGEST_CLASS = 60
_SEQUENCE = 3
"""Words that form a sequence, each of which may be revealed."""


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
    """The columns of a submission that hold it: one for each class of one-hot columns, or several with the same values."""

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """The different values of a class target, sorted; of one-hot columns all of them, whether they occur or not."""
        if self.kind != "class":
            return ()
        return tuple(sorted({str(value) for value in self.values} | {*(self.columns if self.is_one_hot else ())}))

    @property
    def is_one_hot(self) -> bool:
        """Whether each of its columns represents a class."""
        return self.kind == "class" and len(self.columns) > 1


@dataclass(frozen=True)
class Truth:
    """The answers of a competition; every per-row array has one entry for each row of a submission, in the answers' order."""

    table: pd.DataFrame
    """The answers as the grader reads them; where a grader makes the best submission of them, its rows may be others."""
    perfect: pd.DataFrame
    """The best submission, every cell as text; shape (rows, id columns and submitted columns)."""
    id_columns: tuple[str, ...]
    targets: tuple[Target, ...]
    known: frozenset[str]
    """Columns of the answers that are public: an agent may see them (ids, sizes of images)."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.perfect)

    @property
    def ids(self) -> pd.DataFrame:
        """The id columns as text, shape (rows, id columns)."""
        return self.perfect[[*self.id_columns]]

    @functools.cached_property
    def keys(self) -> Mapping[str, np.ndarray]:
        """By each text that is the id of test rows, or an id without its ending, their positions, ascending."""
        exact = [self.perfect[column].to_numpy() for column in self.id_columns]
        stems = [[stem(value) for value in column] for column in exact[:1]]
        return _positions([*exact[:1], *stems, *exact[1:]] if len(exact) == 1 else [*exact[:1], *stems])

    @functools.cached_property
    def units(self) -> Mapping[str, np.ndarray]:
        """By what several ids begin with (`case1_day2` of `case1_day2_slice_3`) the positions of all of these, ascending; texts
        that are ids themselves are left to `keys`."""
        heads: list[list[str]] = []
        names = [stem(value) for value in self.perfect[self.id_columns[0]]]
        for _ in range(2):
            names = [_LAST_PART.sub("", name) for name in names]
            heads.append(names)
        found = _positions(heads)
        return {name: rows for name, rows in found.items() if name not in self.keys and len(rows) < self.rows}

    def rows_of(self, path: str) -> np.ndarray:
        """Positions of the rows that a file belongs to, by its name, its stem or its folders; empty if it belongs to none."""
        parts = [part for part in path.replace("!", "").split("/") if part]
        for part in reversed(parts):
            for name in (part, stem(part)):
                if name in self.keys:
                    return self.keys[name]
        if any("train" in part.lower() for part in parts):
            return _NO_ROWS
        for part in reversed(parts):
            for name in _heads(stem(part)):
                if (rows := self.keys.get(name, self.units.get(name))) is not None:
                    return rows
        return _NO_ROWS


_NO_ROWS = np.empty(0, dtype=np.int64)


def stem(name: str) -> str:
    """A file's name without its ending."""
    return _ENDING.sub("", name)


def read_truth(competition: Competition) -> Truth:
    """The answers of a prepared competition.

    Raises:
        NotPrepared: it is not prepared.
    """
    import pandas as pd

    if not competition.answers.is_file():
        raise NotPrepared(
            f"{competition.id} is not prepared in {competition.data_dir}; `{competition.prepare_command}` prepares it"
        )
    grader, answers = competition.grader, competition.answers_table
    written = grader.perfect_submission(answers).to_csv(index=False)
    perfect = pd.read_csv(io.StringIO(written), dtype=str, keep_default_na=False)
    kinds = grader.columns_of(competition.prepared_answers)
    perfect = perfect[[*grader.id_columns, *kinds]]
    public = grader.public if isinstance(grader.public, tuple) else ()
    return Truth(answers, perfect, grader.id_columns, tuple(_targets(perfect, kinds)), frozenset({*grader.id_columns, *public}))


def _targets(perfect: pd.DataFrame, kinds: Mapping[str, Column]) -> Iterable[Target]:
    columns = [*kinds]
    if len(columns) > 1 and (named := _one_hot(perfect, columns)) is not None:
        yield Target("|".join(columns), "class", named, tuple(columns))
        return
    for column, *same in _with_same_cells(perfect, columns):
        cells = perfect[column].to_numpy()
        found = _kind(cells, type(kinds[column]).__name__)
        if found == "number":
            yield Target(column, found, _numbers(cells), (column, *same))
        else:
            yield from (Target(name, found, cells.astype(object), (name,)) for name in (column, *same))


def _with_same_cells(perfect: pd.DataFrame, columns: Sequence[str]) -> Iterable[Sequence[str]]:
    """The columns, those with the same cells in all rows (samples of one probability) together."""
    found: dict[bytes, list[str]] = {}
    for column in columns:
        found.setdefault("\0".join(perfect[column]).encode(), []).append(column)
    return found.values()


def _one_hot(perfect: pd.DataFrame, columns: Sequence[str]) -> np.ndarray | None:
    """The name of the only column with a one, of each row; None if rows are not one-hot."""
    numbers = np.stack([_numbers(perfect[column].to_numpy()) for column in columns], axis=1)
    if not np.isin(numbers, (0.0, 1.0)).all() or not (numbers.sum(axis=1) == 1).all():
        return None
    named: np.ndarray = np.asarray(columns, dtype=object)[numbers.argmax(axis=1)]
    return named


def _kind(cells: np.ndarray, column: str) -> Kind:
    different = {*cells}
    if column in _LABELS:
        return "class" if len(different) <= _MOST_CLASSES or column != "Integer" else "number"
    numbers = _numbers(cells)
    if column in _NUMBERS or not np.isnan(numbers).any():
        return "class" if {*np.unique(numbers)} <= {0.0, 1.0} else "number" if column in _NUMBERS else _of_text(cells, different)
    return _of_text(cells, different)


def _of_text(cells: np.ndarray, different: set[str]) -> Kind:
    if sum(len(cell.split()) >= _SEQUENCE for cell in different) > len(different) / 2:
        return "text"
    few = len(different) <= min(_MOST_CLASSES, max(2, len(cells) * 0.7))
    return "class" if few and max(map(len, different), default=0) <= _LONGEST_CLASS else "text"


def _numbers(cells: np.ndarray) -> np.ndarray:
    import pandas as pd

    lowered = pd.Series(cells).replace({"True": "1", "False": "0"})
    found: np.ndarray = pd.to_numeric(lowered, errors="coerce").to_numpy(dtype=np.float64)
    return found


def _positions(names: Iterable[Iterable[str]]) -> Mapping[str, np.ndarray]:
    import pandas as pd

    found: dict[str, np.ndarray] = {}
    for column in names:
        codes, values = pd.factorize(np.asarray([*column], dtype=object))
        order = np.argsort(codes, kind="stable")
        for value, rows in zip(values, np.split(order, np.cumsum(np.bincount(codes))[:-1]), strict=True):
            if value and value not in found:
                found[str(value)] = rows
    return found


def _heads(name: str) -> Iterable[str]:
    """A name without its last parts, one after the other: `a_b_c`, `a_b`, `a`."""
    yield name
    while (shorter := _LAST_PART.sub("", name)) != name and shorter:
        name = shorter
        yield name
