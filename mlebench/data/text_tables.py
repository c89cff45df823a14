"""Reading a table of any usual form with every cell as text, exactly as the file has it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from mlebench._support.text import decode
from mlebench.data.archives import extract, kind_of_archive, open_member
from mlebench.data.raw_faults import damaged, missing, unreadable
from mlebench.data.tables import read_csv

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson")
_HEAD = 2**16
"""Bytes in which the first line of a csv table ends."""


def read_text_table(path: Path, member: str | None = None, *, rows: int | None = None) -> pd.DataFrame:
    """Read a table with every cell as text: csv with any usual separator, tsv, parquet, JSON records or JSON lines.

    Parquet needs the `formats` extra.

    An empty cell is empty text. Of JSON and parquet, texts are kept, missing values become empty, and all other values are
    written as JSON.

    Args:
        path: the table, or a zip, 7z or tar archive with it.
        member: the table's name in that archive.
        rows: how many rows are read, if not all.

    Raises:
        RawDataFault: if the file is missing, damaged or no table.
    """
    if member is None:
        return _of_file(path, rows)
    if kind_of_archive(path) == "zip":
        with open_member(path, member) as content:
            if _suffix(member) in (".csv", ".tsv"):
                separator = "\t" if _suffix(member) == ".tsv" else _separator(content.peek(_HEAD))  # type: ignore[attr-defined]
                return read_csv(content, text=True, dtype=str, sep=separator, nrows=rows)
            return _of_bytes(content.read(), f"{path}/{member}", rows)
    with tempfile.TemporaryDirectory() as folder:
        return _of_file(extract(path, Path(folder)) / member, rows)


def _of_file(path: Path, rows: int | None) -> pd.DataFrame:
    if not path.is_file():
        raise missing(path)
    if _suffix(path.name) == ".csv":
        with path.open("rb") as file:
            separator = _separator(file.read(_HEAD))
        return read_csv(path, text=True, dtype=str, sep=separator, nrows=rows)
    if _suffix(path.name) == ".tsv":
        return read_csv(path, text=True, dtype=str, sep="\t", nrows=rows)
    return _of_bytes(path.read_bytes(), str(path), rows)


def _of_bytes(content: bytes, name: str, rows: int | None) -> pd.DataFrame:
    suffix = _suffix(name)
    try:
        if suffix == ".parquet":
            import pyarrow.parquet

            table = pyarrow.parquet.read_table(io.BytesIO(content)).to_pandas()
            if not isinstance(table.index, pd.RangeIndex):
                table = table.reset_index()
        else:
            table = pd.DataFrame(_records(decode(content), name))
    except (ValueError, OSError) as error:
        raise unreadable(name, suffix.removeprefix("."), error, content[:_HEAD]) from None
    table = table if rows is None else table.head(rows)
    as_text: pd.DataFrame = table.apply(lambda column: column.map(_as_text)).astype(str)
    return as_text.set_axis([str(column) for column in table], axis=1)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _separator(head: bytes) -> str:
    line = head.split(b"\n", 1)[0]
    if b"," in line:
        return ","
    return (
        max((";", "\t", "|"), key=lambda separator: line.count(separator.encode()))
        if any(map(line.count, (b";", b"\t", b"|")))
        else ","
    )


def _records(text: str, name: str) -> list[dict[str, Any]]:
    """The rows of a list of objects, of one object per line, or of an object with one list, or object by row, per column."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        document = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return document
    if isinstance(document, dict) and document:
        columns = [list(column.values()) if isinstance(column, dict) else column for column in document.values()]
        if all(isinstance(column, list) for column in columns) and len({len(column) for column in columns}) == 1:
            return [dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)]
    raise damaged(name, "it holds no rows with the same fields")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
