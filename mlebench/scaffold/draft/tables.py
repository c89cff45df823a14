"""The tables of raw data, read as text when they are needed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlebench.errors import RawDataFault
from mlebench.scaffold.draft.listing import Listing, stem_of
from mlebench.scaffold.draft.proposal import RawTable

if TYPE_CHECKING:
    import pandas as pd

_MOST_ALIKE = 12
"""A folder or archive with more tables than this has one per row."""
_HEAD = 200


class Table:
    """One table.

    Attributes:
        path: the file or archive, below the raw folder.
        member: the table's name in that archive, if it is one.
        head: its first rows.
    """

    def __init__(self, raw: Path, path: str, member: str | None, head: pd.DataFrame) -> None:
        self.path, self.member, self.head = path, member, head
        self._raw = raw
        self._whole: pd.DataFrame | None = head if len(head) < _HEAD else None

    @property
    def name(self) -> str:
        """What the table is called: `train` of `data/train.csv.zip`."""
        own = stem_of(PurePosixPath(self.member or self.path).name)
        return own if self.member is None else f"{own} {stem_of(PurePosixPath(self.path).name)}"

    @property
    def shown(self) -> str:
        """Where the table is, for a sentence."""
        return f"`{self.path}`" if self.member is None else f"`{self.member}` in `{self.path}`"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(map(str, self.head.columns))

    @property
    def cells(self) -> pd.DataFrame:
        """All rows, every cell as text."""
        from mlebench.data.text_tables import read_text_table

        if self._whole is None:
            self._whole = read_text_table(self._raw / self.path, self.member)
        return self._whole

    def hold(self, cells: pd.DataFrame) -> None:
        """Take all rows from elsewhere, for a table that is made from the names of files."""
        self._whole = cells

    def facts(self) -> RawTable:
        """The table as a draft records it."""
        return RawTable(path=self.path, member=self.member, columns=self.columns, rows=len(self.cells))


def read_tables(listing: Listing) -> list[Table]:
    """The tables of raw data, without those of which there is one per row."""
    tables = [table for path, member in _places(listing) if (table := _table(listing.raw, path, member)) is not None]
    loose = [table for table in tables if table.member is None]
    # an archive beside the table that was packed into it says nothing new
    return loose + [table for table in tables if table.member is not None and not any(_same(table, other) for other in loose)]


def unread_tables(listing: Listing) -> list[str]:
    """Why files that are called like tables cannot be read as such, a clause each."""
    from mlebench.data.text_tables import read_text_table

    troubles = []
    for path, member in _places(listing):
        try:
            read_text_table(listing.raw / path, member, rows=_HEAD)
        except RawDataFault as fault:
            # a download helps only against some of these, and not with data of one's own
            trouble = re.sub(r"(;|, or) download it again$", "", str(fault))
            # a JSON file of another form is sound
            trouble = re.sub(r" is damaged \((it holds no rows .*)\)$", r" holds no table: \1", trouble)
            troubles.append(trouble.replace(f"{listing.raw}/", ""))
    return troubles


def _same(table: Table, other: Table) -> bool:
    return (
        PurePosixPath(table.member or "").name == PurePosixPath(other.path).name
        and table.columns == other.columns
        and table.head.equals(other.head)
    )


def _places(listing: Listing) -> Iterator[tuple[str, str | None]]:
    from mlebench.data.text_tables import TABLE_SUFFIXES

    loose = [file for file in listing.loose() if file.lower().endswith(TABLE_SUFFIXES)]
    in_folder = Counter(PurePosixPath(file).parent for file in loose)
    yield from ((file, None) for file in loose if in_folder[PurePosixPath(file).parent] <= _MOST_ALIKE)
    for archive, members in listing.members.items():
        if len(members) <= _MOST_ALIKE:
            yield from ((archive, member) for member in members if member.lower().endswith(TABLE_SUFFIXES))


def _table(raw: Path, path: str, member: str | None) -> Table | None:
    from mlebench.data.text_tables import read_text_table

    try:
        head = read_text_table(raw / path, member, rows=_HEAD)
    except RawDataFault:
        # of a JSON file without rows, or an empty csv
        return None
    return Table(raw, path, member, head) if len(head.columns) else None
