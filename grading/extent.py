"""How large a submission file may be, derived from the expected rows and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class Extent:
    """The bounds of a file, far above what a valid one needs: unused columns, long numbers and long texts fit.

    Attributes:
        columns: the names of the columns that are read.
        most_rows: maximum rows that are read.
        longest_cell: maximum characters in a valid cell of these columns.
        rows: returns the expected row count, for messages; None if it must not be disclosed.
    """

    columns: tuple[str, ...]
    most_rows: int
    longest_cell: int
    rows: Callable[[], int | None]

    @property
    def most_columns(self) -> int:
        """Maximum columns in the file, read or not."""
        return 10_000 + 10 * len(self.columns)

    @property
    def longest_header(self) -> int:
        """Maximum bytes in the first line."""
        return _MIB + 4 * sum(len(name.encode(errors="replace")) for name in self.columns)

    @property
    def largest_cell(self) -> int:
        """Maximum bytes in any cell, read or not."""
        return max(_MIB, 4 * self.longest_cell)

    @property
    def longest_row(self) -> int:
        """Maximum bytes in a row."""
        return 4 * _MIB + len(self.columns) * self.largest_cell

    @property
    def largest_file(self) -> int:
        """Maximum bytes in the file."""
        lists = min(448 * _MIB, self.most_rows * len(self.columns) * self.longest_cell)
        return 64 * _MIB + lists + self.most_rows * (1_000 + 100 * len(self.columns))
