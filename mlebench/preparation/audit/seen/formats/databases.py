"""SQLite databases, opened for reading alone."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlebench.preparation.audit.seen.formats.found import Content, Found, cell, distinct, frames_of_rows
from mlebench.preparation.audit.seen.window import as_file, pieces

if TYPE_CHECKING:
    import pandas as pd

_MOST_TABLES = 200
_LARGEST = 2**34


def tables(content: Content) -> Iterator[Found]:
    """The tables of a database, views left out.

    Raises:
        ValueError: it is damaged.
    """
    with _opened(content) as opened:
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        found = [(name, _columns(opened, name)) for name in names[:_MOST_TABLES]]
    for name, columns in found:
        yield _table(content, name, columns)


def _columns(opened: sqlite3.Connection, name: str) -> tuple[str, ...]:
    return distinct(row[1] for row in opened.execute(f"PRAGMA table_info({_quoted(name)})"))


def _table(content: Content, name: str, columns: tuple[str, ...]) -> Found:
    def frames(rows: int) -> Iterator[pd.DataFrame]:
        with _opened(content) as opened:
            found = opened.execute(f"SELECT * FROM {_quoted(name)}")
            yield from frames_of_rows(([cell(value) for value in row] for row in found), columns, rows)

    return Found(name, columns, frames)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _opened(content: Content) -> Iterator[sqlite3.Connection]:
    # the library opens files by name alone
    with tempfile.NamedTemporaryFile(prefix="audit-", suffix=".db") as copy:
        with content.window() as window:
            for piece in pieces(as_file(window), _LARGEST):
                copy.write(piece)
        copy.flush()
        try:
            with contextlib.closing(sqlite3.connect(f"file:{copy.name}?mode=ro&immutable=1", uri=True)) as opened:
                opened.execute("PRAGMA trusted_schema = OFF")
                opened.text_factory = lambda raw: raw.decode("utf-8", "replace")
                yield opened
        except sqlite3.Error as error:
            raise ValueError(f"it is not a valid database ({error})") from None
