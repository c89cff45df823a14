"""The content hash of a parquet table: of what it says, whichever library wrote it.

The bytes of a parquet file change with the library's version, compression and row groups; schema and values do not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench.errors import WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1 << 16


def content_hash(path: Path) -> str:
    """The content hash of a parquet table: column names, types and values in order, as 32 hex digits.

    Null and NaN are one, as writers differ in them; so are dictionaries and what they stand for, and strings with short or long
    offsets. Row groups, compression, encodings and metadata do not count.

    Raises:
        WorkFailed: if the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = [_ColumnHash(field.name, plain_type(field.type)) for field in schema]
            for batch in file.iter_batches(batch_size=_BATCH):
                for column, values in zip(columns, batch.columns, strict=True):
                    column.update(values)
    except (pa.ArrowException, OSError) as error:
        raise WorkFailed(f"{path} cannot be read as parquet ({' '.join(str(error).split())})") from None
    return hashlib.md5("\n".join(column.digest() for column in columns).encode()).hexdigest()


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type with which values are hashed: without dictionaries, long offsets and units of time."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_timestamp(kind):
        return pa.timestamp("ns", kind.tz)
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.large_list(pa.field("item", plain_type(kind.value_type)))
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    return kind


class _ColumnHash:
    """Hashes of one column, each fed in row order, so that the size of batches does not matter."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self._kind = kind
        self._name = name
        self._parts: dict[str, Any] = {}

    def update(self, values: pa.Array) -> None:
        import pyarrow as pa
        from pyarrow import types

        if types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if types.is_timestamp(self._kind) or values.type != self._kind:
            values = values.cast(self._kind)
        self._feed("", values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values)

    def digest(self) -> str:
        found = " ".join(f"{place}={hashed.hexdigest()}" for place, hashed in sorted(self._parts.items()))
        return f"{self._name!r} {self._kind} {found}"

    def _feed(self, place: str, values: pa.Array) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import types

        kind = values.type
        valid = pc.is_valid(values) if not types.is_floating(kind) else pc.invert(pc.is_null(values, nan_is_null=True))
        self._add(f"{place}valid", valid.to_numpy(zero_copy_only=False).tobytes())
        present = values.filter(valid)
        if types.is_large_list(kind):
            self._add(f"{place}length", pc.list_value_length(present).to_numpy(zero_copy_only=False).tobytes())
            self._feed(f"{place}item/", present.flatten())
        elif types.is_struct(kind):
            for field in kind:
                self._feed(f"{place}{field.name}/", pc.struct_field(present, field.name))
        elif types.is_large_string(kind) or types.is_large_binary(kind):
            self._add(f"{place}length", pc.binary_length(present).to_numpy(zero_copy_only=False).tobytes())
            self._add(f"{place}value", b"".join(value.as_buffer() for value in present.cast(pa.large_binary())))
        elif types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
            self._add(f"{place}value", present.to_numpy(zero_copy_only=False).tobytes())
        else:
            self._add(f"{place}value", "\n".join(str(value) for value in present.to_pylist()).encode() + b"\n")

    def _add(self, place: str, content: bytes) -> None:
        self._parts.setdefault(place, hashlib.md5()).update(content)
