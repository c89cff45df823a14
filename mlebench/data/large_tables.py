"""Csv tables that do not fit into memory: rows picked and written in any order, by as many processes as there are cores.

What comes out is the text that reading the whole table at once would give: column types are found over all rows first. Rows that
are provably written unchanged are copied as bytes (see `csv_cells`); a table of which that cannot be told is read in parts.
"""

from __future__ import annotations

import io
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from mlebench.data.csv_cells import DECIMAL, INTEGER, TEXT, TRUTH, Cells, NumberFormat, Reading, Unproven
from mlebench.data.csv_stretches import (
    Stretch,
    Survey,
    Writing,
    hash_columns,
    hash_rows,
    merge_rows,
    pick_rows,
    read_columns,
    sort_rows,
    stretches,
    survey,
    write_in_order,
)
from mlebench.data.raw_faults import unreadable
from mlebench.data.tables import mixed_types_allowed, read_csv, write_csv
from mlebench.data.workers import Workers

PART_ROWS = 250_000
"""Rows read, sorted and written at a time, where the table has to be read in parts."""

STRETCH_BYTES = 4 * 2**20
"""Bytes that a process works on at a time."""

_MERGED_BYTES = 16 * 2**20
_LONGEST_HEADER = 2**16
_WORTH_PROCESSES = 64 * 2**20
_TYPES = {INTEGER: np.dtype(np.int64), DECIMAL: np.dtype(np.float64), TRUTH: np.dtype(bool), TEXT: np.dtype(object)}


@dataclass(frozen=True)
class LargeTable:
    """A csv file on disk with the number of its rows and the types of its columns.

    Attributes:
        path: the csv file.
        rows: number of rows.
        types: type of each column, as reading the whole file would tell it.
        options: what is passed on to `read_csv` each time.
        part_rows: rows in memory at a time.
    """

    path: Path
    rows: int
    types: dict[str, Any]
    options: dict[str, Any]
    part_rows: int
    _proven: _Proven | None = field(default=None, repr=False, compare=False)

    @classmethod
    def scan(cls, path: Path, *, part_rows: int = PART_ROWS, stretch_bytes: int = STRETCH_BYTES, **options: Any) -> LargeTable:
        """Go through a file once to count rows and find types.

        Args:
            path: the csv file.
            part_rows: rows in memory at a time, where the table has to be read in parts.
            stretch_bytes: bytes that a process works on at a time, where it has not.
            options: passed on to `mlebench.data.read_csv`.

        Raises:
            RawDataFault: if the file is missing or damaged.
        """
        try:
            proven = _Proven.scan(path, stretch_bytes, options)
        except Unproven:
            return cls._scan_parts(path, part_rows, options)
        return cls(path, proven.rows, proven.types, options, part_rows, proven)

    @classmethod
    def _scan_parts(cls, path: Path, part_rows: int, options: dict[str, Any]) -> LargeTable:
        rows = 0
        types: dict[str, Any] = {}
        for part in _parts(path, part_rows, options):
            found = zip(map(str, part.columns), part.dtypes, strict=True)
            types = {name: _common_type(types.get(name, kind), kind) for name, kind in found}
            rows += len(part)
        return cls(path, rows, types, options, part_rows)

    def __len__(self) -> int:
        return self.rows

    @property
    def _empty(self) -> pd.DataFrame:
        """The table without rows, which knows how to say that it lacks a column."""
        return pd.DataFrame(columns=list(self.types))

    def parts(self) -> Iterator[pd.DataFrame]:
        """The rows in the order of the file, some at a time; the index numbers the rows from 0."""
        return _parts(self.path, self.part_rows, {**self.options, "dtype": self.types})

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Some columns of all rows, in the order of `names`, as a table in memory; text comes as categories, in no order.

        Raises:
            KeyError: if there is no such column.
        """
        found = [*self._empty[list(names)].columns]
        if self._proven is not None:
            return self._proven.columns(found)
        whole = pd.concat([part[found] for part in self.parts()])
        return whole.astype({name: "category" for name in found if self.types[name].kind == "O"})

    def hashes(self, names: Sequence[str]) -> np.ndarray:
        """One number of 64 bits per row, equal for rows whose text in these columns is equal."""
        if self._proven is not None:
            return self._proven.hashes(names)
        return np.concatenate([hash_rows(part[list(names)]) for part in self.parts()])

    def take(self, positions: np.ndarray) -> pd.DataFrame:
        """The rows at these positions (from 0) in this order, as a table in memory."""
        if self._proven is not None and len(positions):
            return self._proven.take(np.asarray(positions))
        chosen = pd.concat([part.loc[np.isin(part.index, positions)] for part in self.parts()])
        return chosen.loc[positions]

    def write(
        self,
        positions: np.ndarray,
        path: Path,
        *,
        only: Sequence[str] | None = None,
        without: Sequence[str] = (),
        given: Mapping[str, np.ndarray] | None = None,
        float_format: str | None = None,
    ) -> None:
        """Write the rows at these positions (from 0, none twice) in this order.

        Rows go through temporary files next to `path`, each of which holds what belongs to one part of the output, so that
        all passes read and write in sequence.

        Args:
            positions: the rows.
            path: the csv file to write.
            only: the columns that are written, in the order of the file; None stands for all.
            without: columns that are left out.
            given: by column, whole numbers that are written in place of what the file holds, one per position.
            float_format: as in `to_csv` of pandas.

        Raises:
            KeyError: if a column is named that the file lacks.
        """
        positions, given = np.asarray(positions), given or {}
        named = self._empty[list(self.types if only is None else only)].drop(columns=list(without)).columns
        kept = [name for name in self.types if name in named]
        # a column alone is written by other rules: an empty cell gets quotes
        if self._proven is not None and len(kept) > 1:
            self._proven.write(positions, path, kept, given, float_format)
        else:
            self._write_parts(positions, path, kept, given, {} if float_format is None else {"float_format": float_format})

    def _write_parts(
        self, positions: np.ndarray, path: Path, kept: list[str], given: Mapping[str, np.ndarray], options: dict[str, Any]
    ) -> None:
        place = np.full(self.rows, -1, dtype=np.int64)
        place[positions] = np.arange(len(positions))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".rows-", dir=path.parent) as folder, ExitStack() as opened:
            count = max(1, -(-len(positions) // self.part_rows))
            files = [opened.enter_context((Path(folder) / str(k)).open("w+b")) for k in range(count)]
            for part in self.parts():
                targets = place[part.index]
                part.index = pd.Index(targets)
                for number, rows in part[targets >= 0].groupby(targets[targets >= 0] // self.part_rows):
                    changed = rows.assign(**{name: values[rows.index] for name, values in given.items()})
                    pickle.dump(changed[kept], files[int(number)], protocol=pickle.HIGHEST_PROTOCOL)  # type: ignore[call-overload]
            nothing = pd.DataFrame(columns=kept)
            write_parts(
                (pd.concat([*_pickled(file)]).sort_index() if len(positions) else nothing for file in files), path, **options
            )


def proven_row_count(path: Path) -> int | None:
    """How many rows a csv file holds; None if only pandas can tell."""
    try:
        names = pd.read_csv(path, nrows=0).columns
        header = _header(path, len(names)) if len(names) > 1 else None
        if header is None:
            return None
        return sum(len(Cells.find(stretch.read(), len(names))) for stretch in stretches(path, len(header), STRETCH_BYTES))
    except (Unproven, ValueError):
        return None


def write_parts(parts: Iterable[pd.DataFrame], path: Path, **options: Any) -> None:
    """Write tables of the same columns one below the other into one csv file, with one header; options are those of `to_csv`."""
    for number, part in enumerate(parts):
        write_csv(part, path, mode="a" if number else "w", header=number == 0, **options)


@dataclass(frozen=True)
class _Proven:
    """A csv file of which every cell is understood, cut into stretches.

    Attributes:
        header: the bytes of its first line.
        types: type of each column.
        reading: how pandas reads it.
        stretches: the stretches.
        surveys: what was found in each.
        first_rows: the position of the first row of each stretch, and at last the number of rows.
        workers: the processes.
    """

    header: bytes
    types: dict[str, Any]
    reading: Reading
    stretches: list[Stretch]
    surveys: list[Survey]
    first_rows: np.ndarray
    workers: Workers

    @classmethod
    def scan(cls, path: Path, stretch_bytes: int, options: dict[str, Any]) -> _Proven:
        """Look at all cells.

        Raises:
            RawDataFault: if the file is missing or has no header.
            Unproven: if it has to be read in the plain way.
        """
        # in a file that is missing or empty, this finds the fault
        names = [*map(str, read_csv(path, nrows=0, **options).columns)]
        reading, texts = _reading(names, options)
        if path.suffix == ".zip" or len(names) < 2:
            raise Unproven
        header = _header(path, len(names))
        workers = Workers.shared(path.stat().st_size >= _WORTH_PROCESSES)
        places: list[Stretch] = []
        found: list[Survey] = []
        kinds = [TEXT if name in texts else 0 for name in names]

        def tasks() -> Iterator[tuple[Any, ...]]:
            for stretch in stretches(path, len(header), stretch_bytes):
                places.append(stretch)
                known = frozenset(column for column, kind in enumerate(kinds) if kind & TEXT)
                yield stretch, len(names), reading, known

        for result in workers.map(survey, tasks()):
            found.append(result)
            kinds = [kind | more for kind, more in zip(kinds, result.kinds, strict=True)]
        if not found:
            raise Unproven
        types = {name: _TYPES[_joint_kind(kind)] for name, kind in zip(names, kinds, strict=True)}
        first_rows = np.append(0, np.cumsum([result.rows for result in found]))
        return cls(header, types, reading, places, found, first_rows, workers)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.first_rows[-1])

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        tasks = ((stretch, self.header, list(names), self.types, self.reading) for stretch in self.stretches)
        tables = [*self.workers.map(read_columns, tasks)]
        return pd.DataFrame({name: _one_below_the_other([table[name] for table in tables]) for name in names})

    def hashes(self, names: Sequence[str]) -> np.ndarray:
        tasks = ((stretch, self.header, list(names), self.types, self.reading) for stretch in self.stretches)
        return np.concatenate([*self.workers.map(hash_columns, tasks)])

    def take(self, positions: np.ndarray) -> pd.DataFrame:
        ascending = np.sort(positions)
        tasks = ((stretch, rows) for stretch, _, rows, _ in self._rows_by_stretch(ascending) if len(rows))
        text = self.header + b"".join(self.workers.map(pick_rows, tasks))
        table = pd.read_csv(io.BytesIO(text), dtype=self.types, **self.reading.options)
        taken: pd.DataFrame = table.set_index(ascending).loc[positions]
        return taken

    def write(
        self, positions: np.ndarray, path: Path, kept: list[str], given: Mapping[str, np.ndarray], float_format: str | None
    ) -> None:
        names = list(self.types)
        writing = Writing(
            types=tuple(self.types.values()),
            reading=self.reading,
            dropped=frozenset(column for column, name in enumerate(names) if name not in kept),
            given=tuple(column for column, name in enumerate(names) if name in given and name in kept),
            format=NumberFormat(float_format),
        )
        numbers = {column: np.asarray(given[names[column]]) for column in writing.given}
        write_csv(pd.DataFrame(columns=kept), path)
        if (positions[1:] > positions[:-1]).all():
            self._append_in_order(positions, path, writing, numbers)
        else:
            self._append_in_any_order(positions, path, writing, numbers)

    def _rows_by_stretch(self, ascending: np.ndarray) -> Iterator[tuple[Stretch, Survey, np.ndarray, slice]]:
        """Per stretch, those of the positions that are in it, counted from its first row, and where they are among them."""
        bounds = np.searchsorted(ascending, self.first_rows)
        for k, (stretch, found) in enumerate(zip(self.stretches, self.surveys, strict=True)):
            of_them = slice(bounds[k], bounds[k + 1])
            yield stretch, found, ascending[of_them] - self.first_rows[k], of_them

    def _append_in_order(self, positions: np.ndarray, path: Path, writing: Writing, numbers: dict[int, np.ndarray]) -> None:
        def tasks() -> Iterator[tuple[Any, ...]]:
            for stretch, found, rows, of_them in self._rows_by_stretch(positions):
                if len(rows):
                    given = {column: values[of_them] for column, values in numbers.items()}
                    yield stretch, writing, writing.changes(found), None if len(rows) == found.rows else rows, given

        with path.open("ab") as file:
            file.writelines(self.workers.map(write_in_order, tasks()))

    def _append_in_any_order(self, positions: np.ndarray, path: Path, writing: Writing, numbers: dict[int, np.ndarray]) -> None:
        count = len(positions)
        size = sum(stretch.end - stretch.start for stretch in self.stretches) * count / self.rows
        cuts = np.linspace(0, count, int(size / _MERGED_BYTES) + 2).round().astype(np.int64)
        with tempfile.TemporaryDirectory(prefix=".rows-", dir=path.parent) as folder:
            files = [Path(folder) / str(k) for k in range(len(self.stretches))]
            tasks = self._sorting(positions, writing, numbers, cuts, files)
            found = [*self.workers.map(sort_rows, tasks)]
            row_cuts, byte_cuts = (np.array([result[k] for result in found]) for k in range(2))
            start = path.stat().st_size
            offsets = start + np.append(0, np.cumsum(np.diff(byte_cuts, axis=1).sum(axis=0)))
            with path.open("r+b") as file:
                file.truncate(offsets[-1])
            for _ in self.workers.map(merge_rows, self._merging(positions, path, cuts, files, row_cuts, byte_cuts, offsets)):
                pass

    def _sorting(
        self, positions: np.ndarray, writing: Writing, numbers: dict[int, np.ndarray], cuts: np.ndarray, files: list[Path]
    ) -> Iterator[tuple[Any, ...]]:
        place = np.full(self.rows, -1, np.int64 if self.rows >= 2**31 else np.int32)
        place[positions] = np.arange(len(positions))
        for k, (stretch, found) in enumerate(zip(self.stretches, self.surveys, strict=True)):
            targets: Any = place[self.first_rows[k] : self.first_rows[k + 1]]
            rows = np.flatnonzero(targets >= 0)
            rows = rows[np.argsort(targets[rows])]
            given = {column: values[targets[rows]] for column, values in numbers.items()}
            yield stretch, writing, writing.changes(found), rows, given, np.searchsorted(targets[rows], cuts), files[k]

    def _merging(
        self,
        positions: np.ndarray,
        path: Path,
        cuts: np.ndarray,
        files: list[Path],
        row_cuts: np.ndarray,
        byte_cuts: np.ndarray,
        offsets: np.ndarray,
    ) -> Iterator[tuple[Any, ...]]:
        for k, (first, last) in enumerate(pairwise(cuts.tolist())):
            stretch_of = np.searchsorted(self.first_rows, positions[first:last], side="right")
            order = np.empty(last - first, np.int32)
            order[np.argsort(stretch_of, kind="stable")] = np.arange(last - first)
            bounds = np.column_stack([row_cuts[:, k : k + 2], byte_cuts[:, k : k + 2]]).tolist()
            pieces = [(file, *bound) for file, bound in zip(files, bounds, strict=True) if bound[0] < bound[1]]
            yield pieces, order, path, int(offsets[k])


def _reading(names: list[str], options: dict[str, Any]) -> tuple[Reading, set[str]]:
    """How pandas reads a table with these options, and the columns that it is told to read as text."""
    kinds = options.get("dtype") or {}
    if kinds is str:
        kinds = dict.fromkeys(names, str)
    if not set(options) <= {"dtype", "text", "float_precision"} or not isinstance(kinds, dict):
        raise Unproven
    if any(kind is not str for kind in kinds.values()):
        raise Unproven
    return Reading(not options.get("text", False), options.get("float_precision", "round_trip")), set(kinds)


def _header(path: Path, width: int) -> bytes:
    """The first line of a file, of as many columns as pandas finds there."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER)
    end = text.find(b"\n") + 1
    while text.count(b'"', 0, end) % 2:
        if (following := text.find(b"\n", end) + 1) == 0:
            raise Unproven
        end = following
    data = text[:end]
    if not data:
        raise Unproven
    if data.startswith(b"\xef\xbb\xbf") or len(Cells.find(data, width)) != 1:
        raise Unproven
    return data


def _joint_kind(kinds: int) -> int:
    """The kind of a column that holds cells of these kinds."""
    if kinds & TEXT or (kinds & TRUTH and kinds != TRUTH):
        return TEXT
    return DECIMAL if kinds & DECIMAL else kinds


def _one_below_the_other(columns: list[pd.Series]) -> np.ndarray | pd.Categorical:
    if isinstance(columns[0].dtype, pd.CategoricalDtype):
        joint: pd.Categorical = pd.api.types.union_categoricals([column.array for column in columns])
        return joint
    return np.concatenate([column.to_numpy() for column in columns])


def _parts(path: Path, rows: int, options: dict[str, Any]) -> Iterator[pd.DataFrame]:
    reader: Any = read_csv(path, chunksize=rows, **options)
    with reader:
        while (part := _next_part(reader, path)) is not None:
            yield part


def _next_part(reader: Iterator[pd.DataFrame], path: Path) -> pd.DataFrame | None:
    try:
        with mixed_types_allowed():
            return next(reader, None)
    except ValueError as error:
        raise unreadable(path, "csv", error) from None


def _common_type(a: Any, b: Any) -> Any:
    if a == b:
        return a
    if a.kind in "iuf" and b.kind in "iuf":
        return np.result_type(a, b)
    return np.dtype(object)


def _pickled(file: IO[bytes]) -> Iterator[pd.DataFrame]:
    file.seek(0)
    while True:
        try:
            yield pickle.load(file)
        except EOFError:
            return
