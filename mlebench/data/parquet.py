"""Parquet tables that need not fit into memory. Needs the `formats` extra: pyarrow to read, fastparquet to write v1's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlebench.data.raw_faults import missing, unreadable

PART_ROWS = 2_000_000
"""Rows read at a time."""
GROUP_ROWS = 50_000_000
"""Most rows of a row group; the bytes of a file depend on it."""


def parquet_parts(path: Path, *, columns: Sequence[str] | None = None, part_rows: int = PART_ROWS) -> Iterator[pd.DataFrame]:
    """The rows of a parquet file in order, some at a time.

    Args:
        path: the file.
        columns: the columns to read; all by default.
        part_rows: most rows of a part.

    Raises:
        RawDataFault: if the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=part_rows, columns=columns):
                yield batch.to_pandas()
    except FileNotFoundError:
        raise missing(path) from None
    except pa.ArrowException as error:
        raise unreadable(path, "parquet", error) from None


def write_parquet(parts: Iterable[pd.DataFrame], rows: int, path: Path, *, group_rows: int = GROUP_ROWS) -> None:
    """Write what `pd.concat(parts).to_parquet(path, engine="fastparquet", index=False)` writes, one row group at a time.

    Args:
        parts: tables of the same columns and types.
        rows: how many rows they have together; row groups are of about equal size.
        path: the file.
        group_rows: most rows of a row group.
    """
    groups = max(1, -(-rows // group_rows))
    for number, group in enumerate(_regrouped(parts, max(1, -(-rows // groups)))):
        options: dict[str, Any] = {"append": True} if number else {}
        group.to_parquet(path, engine="fastparquet", index=False, **options)


def _regrouped(parts: Iterable[pd.DataFrame], rows: int) -> Iterator[pd.DataFrame]:
    held: list[pd.DataFrame] = []
    count = 0
    for part in parts:
        held.append(part)
        count += len(part)
        while count >= rows:
            table = pd.concat(held, ignore_index=True)
            yield table.iloc[:rows].reset_index(drop=True)
            held, count = [table.iloc[rows:]], count - rows
    if count:
        yield pd.concat(held, ignore_index=True)
