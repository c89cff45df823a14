"""Which files and rows of tables are of the test part, and which are training data."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from mlebench.preparation.audit.truth import Target, Truth

if TYPE_CHECKING:
    import pandas as pd

Side = Literal["train", "test"]

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TRAIN = frozenset({"train", "training", "trn", "labelled", "labeled", "labels", "solution"})
_TEST = frozenset({"test", "testing", "tst", "unlabelled", "unlabeled", "evaluation"})
_SAMPLE = frozenset({"sample", "submission", "samplesubmission", "submissions"})
_HEAD = 2_000
_TEST_SHARE = 0.5
"""A table is a test table if this share of its rows names test rows."""
_MIXED_SHARE = 0.02


def words(name: str) -> frozenset[str]:
    """The words of a name, lower case: `testImages2` has `test` and `images`."""
    return frozenset(word.lower() for word in _WORDS.findall(name))


def side_of(path: str) -> Side | None:
    """What the parts of a path say; the innermost that says anything decides."""
    for part in reversed(path.replace("!/", "/").replace("#", "/").split("/")):
        found = words(part)
        if found & _TEST:
            return "test"
        if found & _TRAIN:
            return "train"
    return None


def is_sample(path: str) -> bool:
    """Whether a name is that of a sample submission."""
    return bool(words(path.rpartition("/")[2]) & _SAMPLE)


class TestUnits:
    """The names of test rows, and of units of several rows, as numbers."""

    __test__ = False

    def __init__(self, truth: Truth) -> None:
        """Look nothing up yet."""
        self._truth = truth

    @functools.cached_property
    def _index(self) -> pd.Index:
        import pandas as pd

        return pd.Index([*self._truth.keys, *self._truth.units], dtype=object)

    @functools.cached_property
    def _rows(self) -> list[np.ndarray]:
        return [*self._truth.keys.values(), *self._truth.units.values()]

    def numbers(self, cells: pd.Series) -> np.ndarray:
        """Shape (cells,), int64: the unit that each cell names, by its whole text or as a path; -1 for none."""
        import pandas as pd

        texts = cells.astype(str)
        found = self._index.get_indexer(pd.Index(texts))
        if not (found >= 0).any():
            found = self._index.get_indexer(pd.Index(texts.str.replace(r"^.*/|\.\w{1,5}$", "", regex=True)))
        return np.asarray(found, dtype=np.int64)

    def rows(self, unit: int) -> np.ndarray:
        """The test rows of a unit."""
        return self._rows[unit]


@dataclass(frozen=True)
class Shards:
    """Tables of one form and side, read as one."""

    tables: tuple[SeenTable, ...]

    @property
    def path(self) -> str:
        """The path, or the pattern of the folder that all are in."""
        first = self.tables[0].path
        return first if len(self.tables) == 1 else f"{first.rpartition('/')[0]}/*".lstrip("/")

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of each."""
        return self.tables[0].columns

    def chunks(self) -> Iterator[pd.DataFrame]:
        """The cells of all, as text, piece by piece.

        Raises:
            OSError: one cannot be read.
            ValueError: one is damaged.
        """
        for table in self.tables:
            yield from table.chunks()

    def read(self, most: int) -> pd.DataFrame:
        """The first rows.

        Raises:
            OSError: one cannot be read.
            ValueError: one is damaged.
        """
        import pandas as pd

        parts, left = [], most
        for table in self.tables:
            parts.append(table.read(left))
            left -= len(parts[-1])
            if left <= 0:
                break
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class TableSide:
    """A table and where its rows belong."""

    table: Shards
    side: Literal["train", "test", "both"]
    column: str | None
    """The column that names test rows; None if the rows are in the order of the answers, or of a training table."""

    def units(self, chunk: pd.DataFrame, offset: int, units: TestUnits, truth: Truth) -> np.ndarray:
        """Shape (rows of the chunk,): the test unit of each row, -1 for a training row or one of nobody."""
        if self.side == "train":
            return np.full(len(chunk), -1)
        if self.column is not None:
            return units.numbers(chunk[self.column])
        import pandas as pd

        names = truth.perfect[truth.id_columns[0]].iloc[offset : offset + len(chunk)]
        return units.numbers(pd.Series(names.to_numpy()))


def table_sides(case: Case, units: TestUnits) -> list[TableSide]:
    """All tables but sample submissions, with the side that they are of."""
    forms: dict[tuple[tuple[str, ...], str, str], list[SeenTable]] = {}
    for table in tables_of(case.seen):
        if not is_sample(table.file.path) and len(table.columns) >= 2:
            folder = table.path.rpartition("/")[0]
            forms.setdefault((table.columns, folder, side_of(table.path) or ""), []).append(table)
    found = []
    for tables in forms.values():
        shards = Shards(tuple(tables))
        head = shards.read(_HEAD)
        if len(head) and (side := _side(shards, head, units, case.truth)) is not None:
            found.append(side)
    return found


def _side(table: Shards, head: pd.DataFrame, units: TestUnits, truth: Truth) -> TableSide | None:
    said = side_of(table.tables[0].path)
    if said == "train":
        return TableSide(table, "train", None)
    preferred = [name for name in head.columns if name in truth.id_columns[:1]]
    shares = {name: float((units.numbers(head[name]) >= 0).mean()) for name in preferred or head.columns}
    column = max(shares, key=lambda name: shares[name])
    if shares[column] >= _TEST_SHARE:
        return TableSide(table, "test", column)
    if said == "test":
        # rows without names are those of the answers, if they are as many
        return TableSide(table, "test", None) if len(head) == min(_HEAD, truth.rows) and len(table.tables) == 1 else None
    return TableSide(table, "both", column) if shares[column] >= _MIXED_SHARE else TableSide(table, "train", None)


@dataclass(frozen=True)
class TablePair:
    """A test table and a table of training rows with the same columns; one table may be both."""

    test: TableSide
    train: TableSide
    columns: tuple[str, ...]
    """Columns of both that are not answers and do not identify test rows."""

    @property
    def path(self) -> str:
        """Both paths, the test table's first."""
        if self.test is self.train:
            return self.test.table.path
        return f"{self.test.table.path} and {self.train.table.path}"


def table_pairs(sides: Sequence[TableSide], truth: Truth) -> Iterator[TablePair]:
    """Test tables with the training tables that hold most of their columns, and tables of both sides with themselves."""
    answers = {column for target in truth.targets for column in target.columns} | {target.name for target in truth.targets}
    for test in sides:
        if test.side == "train":
            continue
        for train in [test] if test.side == "both" else [side for side in sides if side.side == "train"]:
            apart = answers | {*truth.id_columns, test.column or ""}
            shared = tuple(name for name in test.table.columns if name in set(train.table.columns) and name not in apart)
            if shared and 2 * len(shared) >= len({*test.table.columns} - apart):
                yield TablePair(test, train, shared)


def labels_of_rows(case: Case, target: Target, chunk: pd.DataFrame) -> np.ndarray:
    """The answers of training rows, from their own table, or by the ids in it; shape (rows,), object, None if unknown."""
    if len(target.columns) == 1 and target.columns[0] in chunk:
        return _cells(chunk[target.columns[0]], target)
    if target.is_one_hot and {*target.columns} <= {*chunk.columns}:
        import pandas as pd

        numbers = chunk[[*target.columns]].apply(pd.to_numeric, errors="coerce").fillna(0).to_numpy(dtype=np.float64)
        named: np.ndarray = np.array(target.columns, dtype=object)[numbers.argmax(axis=1)]
        return named
    best, most = np.full(len(chunk), None, dtype=object), 0
    for name in [name for name in chunk.columns if name in case.truth.id_columns] or [*chunk.columns][:3]:
        found = case.labels.values(target.name, chunk[name].to_numpy(dtype=object))
        if (known := sum(value is not None for value in found)) > most:
            best, most = found, known
    return best


def _cells(cells: pd.Series, target: Target) -> np.ndarray:
    import pandas as pd

    if target.kind == "number":
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        return np.array([None if np.isnan(number) else float(number) for number in numbers], dtype=object)
    texts = cells.astype(str).to_numpy(dtype=object)
    return _as_named(texts, target)


def _as_named(texts: np.ndarray, target: Target) -> np.ndarray:
    """Cells as the answers write them: `1.0` and `True` as `1`, where the answers do."""
    names = {str(value) for value in target.values[:1000]}
    if {*texts[:1000]} & names:
        return texts
    spelt = {"true": "1", "false": "0", "1.0": "1", "0.0": "0", "1": "1.0", "0": "0.0"}
    return np.array([spelt.get(text.lower(), text) for text in texts], dtype=object)


@dataclass(frozen=True)
class FileSides:
    """Files of one kind, apart by side."""

    test: list[SeenFile]
    rows: list[np.ndarray]
    """The test rows of each test file."""
    train: list[SeenFile]


def file_sides(case: Case, endings: Sequence[str]) -> FileSides:
    """Files with one of some endings (lower case, without a dot) that belong to test rows, and those of training data."""
    sides = FileSides([], [], [])
    for file in case.seen.files:
        if file.size == 0 or file.name.rpartition(".")[2].lower() not in endings:
            continue
        said = side_of(file.path.rpartition("/")[0])
        rows = case.truth.rows_of(file.path) if said != "train" else _NO_ROWS
        if len(rows):
            sides.test.append(file)
            sides.rows.append(rows)
        elif said == "train" or case.labels.is_train(file.path):
            sides.train.append(file)
    return sides


_NO_ROWS = np.empty(0, dtype=np.int64)
