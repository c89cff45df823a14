"""Parquet and feather. Needs pyarrow, of the `formats` extra."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mlebench.preparation.audit.seen.formats.found import MOST_COLUMNS, Content, Found, distinct, flattened, text_of_array
from mlebench.preparation.audit.seen.window import as_file

if TYPE_CHECKING:
    import pandas as pd


def tables(content: Content) -> Iterator[Found]:
    """The table of a parquet or feather file.

    Raises:
        ValueError: it is damaged.
        ModuleNotFoundError: pyarrow is not installed.
    """
    with content.window() as window:
        is_parquet = window.at(0, 4) == b"PAR1"
        names = _parquet_names(as_file(window)) if is_parquet else _feather_names(as_file(window))
    columns = distinct(names[:MOST_COLUMNS])
    yield Found("", columns, lambda rows: _frames(content, is_parquet, columns, rows))


def _parquet_names(file: Any) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.ParquetFile(file).schema_arrow.names)


def _feather_names(file: Any) -> list[str]:
    return list(_feather(file).schema.names)


def _feather(file: Any) -> Any:
    import pyarrow as pa

    head = file.read(4)
    file.seek(0)
    if head == b"FEA1":
        from pyarrow import feather

        return feather.read_table(file)
    return pa.ipc.open_file(file)


def _batches(file: Any, is_parquet: bool, rows: int) -> Iterable[Any]:
    if is_parquet:
        import pyarrow.parquet as pq

        return pq.ParquetFile(file).iter_batches(batch_size=rows)  # type: ignore[no-any-return]
    opened = _feather(file)
    if hasattr(opened, "to_batches"):
        return opened.to_batches(rows)  # type: ignore[no-any-return]
    return (opened.get_batch(number) for number in range(opened.num_record_batches))


def _frames(content: Content, is_parquet: bool, columns: tuple[str, ...], rows: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    with content.window() as window:
        for batch in _batches(as_file(window), is_parquet, rows):
            for start in range(0, batch.num_rows, rows):
                part = batch.slice(start, rows)
                cells = {name: _cells(part.column(at)) for at, name in enumerate(columns)}
                yield pd.DataFrame(cells, columns=list(columns), dtype=object)


def _cells(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_integer(kind) and column.null_count:
        # as floats they would lose digits
        return np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)
    if pa.types.is_nested(kind):
        return np.array([_nested(value) for value in column.to_pylist()], dtype=object)
    return text_of_array(column.to_numpy(zero_copy_only=False))


def _nested(value: Any) -> str:
    from mlebench.preparation.audit.seen.formats.found import cell

    return cell(dict(flattened(value))) if isinstance(value, dict) else cell(value)
