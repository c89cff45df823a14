"""Reads raw tables: their first rows, as values and as they are written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mlebench.data import extract, open_zip, read_json, read_json_lines

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000
"""Rows of a table that are looked at."""
_MOST_CELLS = 1_000_000
_FEWEST_ROWS = 1_000
"""Rows that are looked at, however many columns there are."""
_DELIMITERS = "\t;|"


class Seen(NamedTuple):
    """The first rows of a table.

    Attributes:
        values: read with types.
        written: every cell as its text; None if the format has types of its own.
        delimiter: what divides the cells of a text table.
        layout: how JSON holds the rows: `records` in an array, one object in each of the `lines`, or `columns` by name.
    """

    values: pd.DataFrame
    written: pd.DataFrame | None
    delimiter: str = ","
    layout: Literal["records", "lines", "columns"] = "records"


def form_of(name: str) -> str:
    """The format of a table by its file's name: `csv`, `parquet`, `json` or `json lines`."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    for suffix in reversed(suffixes):
        if suffix in (".parquet", ".pq"):
            return "parquet"
        if suffix in (".jsonl", ".ndjson"):
            return "json lines"
        if suffix == ".json":
            return "json"
    return "csv"


def see(raw: Path, path: str, member: str | None = None) -> Seen:
    """The first rows of a table.

    Args:
        raw: the raw folder.
        path: the file, below the raw folder.
        member: the table's name in that archive, if it is one.
    """
    with _file(raw / path, member) as (file, name):
        return _see(file, name)


@contextmanager
def _file(path: Path, member: str | None) -> Iterator[tuple[Path, str]]:
    """A table as a file outside of any archive, and its name."""
    if path.suffix not in (".zip", ".7z"):
        yield path, path.name
        return
    with tempfile.TemporaryDirectory() as scratch:
        if path.suffix == ".7z":
            folder = extract(path, Path(scratch))
            name = member or next(file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file())
            yield folder / name, name
            return
        with open_zip(path) as archive:
            name = member or next(name for name in archive.namelist() if not name.endswith("/"))
            inner = Path(scratch) / PurePosixPath(name).name
            with archive.open(name) as source, inner.open("wb") as sink:
                while piece := source.read(1 << 20):
                    sink.write(piece)
        yield inner, name


def _see(file: Path, name: str) -> Seen:
    import pandas as pd

    form = form_of(name)
    if form == "parquet":
        from mlebench.data import parquet_parts

        part = next(parquet_parts(file, part_rows=MOST_ROWS), None)
        return Seen(pd.read_parquet(file) if part is None else part, None)
    if form == "json lines":
        return Seen(pd.DataFrame(_first(read_json_lines(file))), None)
    if form == "json":
        return _see_json(file)
    return _see_csv(file)


def _first(records: Iterator[Any]) -> list[Any]:
    return [record for record, _ in zip(records, range(MOST_ROWS), strict=False)]


def _see_json(file: Path) -> Seen:
    """An array of records, records by line under a name of `.json`, or columns by name."""
    import pandas as pd

    from mlebench.errors import RawDataFault

    try:
        document = read_json(file)
    except RawDataFault:
        return Seen(pd.DataFrame(_first(read_json_lines(file))), None, layout="lines")
    if isinstance(document, list):
        return Seen(pd.DataFrame(document[:MOST_ROWS]), None)
    return Seen(pd.DataFrame(document), None, layout="columns")


def _see_csv(file: Path) -> Seen:
    from mlebench.data import read_csv

    delimiter, columns = shape_of(file)
    rows = max(_FEWEST_ROWS, min(MOST_ROWS, _MOST_CELLS // columns))
    options: dict[str, Any] = {"sep": delimiter, "nrows": rows}
    return Seen(read_csv(file, **options), read_csv(file, text=True, dtype=str, **options), delimiter)


def shape_of(file: Path) -> tuple[str, int]:
    """What divides the cells of a text table, and about how many columns it has, by its header."""
    import gzip

    with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as opened:
        header = opened.readline(1 << 20).decode("utf-8", errors="replace")
    found = max(_DELIMITERS, key=header.count)
    delimiter = found if header.count(found) > header.count(",") else ","
    return delimiter, header.count(delimiter) + 1
