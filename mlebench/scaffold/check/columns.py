"""The names of columns in files of several formats."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from mlebench.errors import WorkFailed


def columns_in(path: str, read: Callable[[], bytes]) -> list[str]:
    """The columns of a table, the fields of a JSON document or the arrays of an archive; none for files of other formats.

    Raises:
        WorkFailed: the file is not of the format that its name says.
    """
    reader = _READERS.get(PurePosixPath(path).suffix)
    if reader is None:
        return []
    try:
        return reader(read())
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise WorkFailed(f"public/{path} cannot be read ({error}); write it in the format of its name in prepare.py") from None


def _csv_columns(content: bytes, delimiter: str = ",") -> list[str]:
    line = next(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace")), delimiter=delimiter), [])
    # a table without a header starts with a row of numbers, or of names that end like files
    return [] if any(re.fullmatch(r"-?[\d.]+|.*\.\w{3}", name) for name in line) else [name for name in line if name]


def _parquet_columns(content: bytes) -> list[str]:
    import pyarrow.parquet

    return [name for name in pyarrow.parquet.read_schema(io.BytesIO(content)).names if not name.startswith("__index")]


def _json_columns(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig")
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        document = [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(dict.fromkeys(_keys(document)))


def _keys(value: Any) -> Iterator[str]:
    """Names of fields at any depth.

    An object whose keys hold digits, and which is not one of a list, is a lookup by id; what `info` holds is about the file.
    """
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from item
                for name, inner in item.items():
                    yield from _keys(inner) if name != "info" else ()
            else:
                yield from _keys(item)
    elif isinstance(value, dict) and not any(re.search(r"\d", key) for key in value):
        yield from _keys([value])
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _keys(inner)


def _array_names(content: bytes) -> list[str]:
    import numpy as np

    return list(np.load(io.BytesIO(content), allow_pickle=False).files)


_READERS: dict[str, Callable[[bytes], list[str]]] = {
    ".csv": _csv_columns,
    ".tsv": lambda content: _csv_columns(content, "\t"),
    ".parquet": _parquet_columns,
    ".json": _json_columns,
    ".jsonl": _json_columns,
    ".npz": _array_names,
}
