"""Tables among the files that an agent sees, whatever their format, with every cell as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlebench.preparation.audit.seen.listing import Seen, SeenFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeenTable:
    """One table of a file; a file may hold several (sheets, arrays, record lists within json)."""

    file: SeenFile
    part: str
    """Which table of the file; empty where it is the only one."""
    columns: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file's path, with `#part` where it holds several tables."""
        return f"{self.file.path}#{self.part}" if self.part else self.file.path

    def chunks(self, rows: int = 200_000) -> Iterator[pd.DataFrame]:
        """The cells as text (missing ones as the empty text), so many rows at once, in order.

        Raises:
            OSError: it cannot be read.
            ValueError: it is damaged.
        """
        raise NotImplementedError

    def read(self, most: int) -> pd.DataFrame:
        """The first `most` rows."""
        raise NotImplementedError


def tables_of(seen: Seen) -> Iterator[SeenTable]:
    """All tables; nested values are named `a.b.c`.

    Formats: csv, tsv, json (lists of records, columns, records by key), JSON lines, parquet, feather, npy, npz, mat, TFRecord
    (scalar features), sqlite, xlsx.
    """
    raise NotImplementedError
