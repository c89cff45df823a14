"""How large the file of a submission may be, told by the rows and columns that are expected of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class Extent:
    """The bounds of a file, far beyond what a valid one needs: columns that nobody reads, long numbers and long texts fit.

    Attributes:
        columns: the names of the columns that are read.
        most_rows: rows that are read at most.
        longest_cell: characters that a valid cell of these columns may need.
        rows: counts the rows that are expected, for messages; gives None where that must not be told.
    """

    columns: tuple[str, ...]
    most_rows: int
    longest_cell: int
    rows: Callable[[], int | None]

    @property
    def most_columns(self) -> int:
        """Columns of the file, read or not."""
        return 10_000 + 10 * len(self.columns)

    @property
    def longest_header(self) -> int:
        """Bytes of the first line."""
        return _MIB + 4 * sum(len(name.encode(errors="replace")) for name in self.columns)

    @property
    def largest_cell(self) -> int:
        """Bytes of any cell, read or not."""
        return max(_MIB, 4 * self.longest_cell)

    @property
    def longest_row(self) -> int:
        """Bytes of a row."""
        return 4 * _MIB + len(self.columns) * self.largest_cell

    @property
    def largest_file(self) -> int:
        """Bytes of the file."""
        lists = min(448 * _MIB, self.most_rows * len(self.columns) * self.longest_cell)
        return 64 * _MIB + lists + self.most_rows * (1_000 + 100 * len(self.columns))
