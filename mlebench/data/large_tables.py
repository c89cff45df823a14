"""Csv tables that do not fit into memory: read in parts, rows picked and written in any order.

The text that comes out is the one that reading the whole table at once would give: column types are found over all parts first.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from mlebench.data.raw_faults import unreadable
from mlebench.data.tables import mixed_types_allowed, read_csv, write_csv

PART_ROWS = 250_000
"""Rows read, sorted and written at a time."""


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

    @classmethod
    def scan(cls, path: Path, *, part_rows: int = PART_ROWS, **options: Any) -> LargeTable:
        """Go through a file once to count rows and find types.

        Args:
            path: the csv file.
            part_rows: rows in memory at a time.
            options: passed on to `mlebench.data.read_csv`.

        Raises:
            RawDataFault: if the file is missing or damaged.
        """
        rows = 0
        types: dict[str, Any] = {}
        for part in _parts(path, part_rows, options):
            found = zip(map(str, part.columns), part.dtypes, strict=True)
            types = {name: _common_type(types.get(name, kind), kind) for name, kind in found}
            rows += len(part)
        return cls(path, rows, types, options, part_rows)

    def __len__(self) -> int:
        return self.rows

    def parts(self) -> Iterator[pd.DataFrame]:
        """The rows in the order of the file, some at a time; the index numbers the rows from 0."""
        return _parts(self.path, self.part_rows, {**self.options, "dtype": self.types})

    def take(self, positions: np.ndarray) -> pd.DataFrame:
        """The rows at these positions (from 0) in this order, as a table in memory."""
        chosen = pd.concat([part.loc[np.isin(part.index, positions)] for part in self.parts()])
        return chosen.loc[positions]

    def write(self, positions: np.ndarray, path: Path) -> None:
        """Write the rows at these positions (from 0, none twice) in this order.

        Rows go through temporary files beside `path`, each of which holds what belongs to one stretch of the output, so that
        both passes read and write in sequence.
        """
        place = np.full(self.rows, -1, dtype=np.int64)
        place[positions] = np.arange(len(positions))
        with tempfile.TemporaryDirectory(prefix=".rows-", dir=path.parent) as folder, ExitStack() as opened:
            count = max(1, -(-len(positions) // self.part_rows))
            stretches = [opened.enter_context((Path(folder) / str(k)).open("w+b")) for k in range(count)]
            for part in self.parts():
                targets = place[part.index]
                part.index = pd.Index(targets)
                for stretch, rows in part[targets >= 0].groupby(targets[targets >= 0] // self.part_rows):
                    pickle.dump(rows, stretches[int(stretch)], protocol=pickle.HIGHEST_PROTOCOL)  # type: ignore[call-overload]
            nothing = pd.DataFrame(columns=list(self.types))
            write_parts((pd.concat([*_pickled(file)]).sort_index() if len(positions) else nothing for file in stretches), path)


def write_parts(parts: Iterable[pd.DataFrame], path: Path) -> None:
    """Write tables of the same columns one below the other into one csv file, with one header."""
    for number, part in enumerate(parts):
        write_csv(part, path, mode="a" if number else "w", header=number == 0)


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
