"""Tables in the text that a file carries next to its content: comments of archives, metadata of columns, bytes behind the end."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import IO

from mlebench.preparation.audit.seen.archives.zips import read_ends
from mlebench.preparation.audit.seen.formats import delimited, records
from mlebench.preparation.audit.seen.formats.encoding import decoded, encoding_of
from mlebench.preparation.audit.seen.formats.found import Content, Found
from mlebench.preparation.audit.seen.window import AnyWindow, HeldWindow, as_file

_FEWEST = 8
"""Bytes that could be a table."""


def tables(content: Content) -> Iterator[Found]:
    """The tables of what is carried, named after where it stands."""
    for name, text in _carried(content):
        if len(text) >= _FEWEST:
            for found in _tables_of_text(text):
                yield Found(f"{name}.{found.part}" if found.part else name, found.columns, found.frames)


def _carried(content: Content) -> Iterator[tuple[str, bytes]]:
    with content.window() as window:
        head = window.at(0, 4)
        if head in (b"PK\3\4", b"PK\5\6"):
            ends = read_ends(window)
            yield "comment", ends.comment
            yield "trailing", ends.trailing
        elif head in (b"PAR1", b"ARRO"):
            yield from _metadata(window, is_parquet=head == b"PAR1")


def _metadata(window: AnyWindow, is_parquet: bool) -> Iterator[tuple[str, bytes]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = as_file(window)
    found = pq.ParquetFile(file).metadata.metadata if is_parquet else pa.ipc.open_file(file).schema.metadata
    for key, value in (found or {}).items():
        if key not in (b"ARROW:schema", b"pandas"):
            yield key.decode("utf-8", "replace"), value


def _tables_of_text(text: bytes) -> Iterator[Found]:
    encoding = encoding_of(text)
    if encoding is None:
        return
    start = text.lstrip()[:1]
    if start in (b"{", b"["):
        with contextlib.suppress(ValueError):
            yield from records.tables_within(records.parse(decoded(text, encoding)))
    elif text.count(b"\n") > 2:
        # lines, of which a name as of a table makes more of them one
        yield from delimited.tables(_held(text))


def _held(text: bytes) -> Content:
    @contextlib.contextmanager
    def stream() -> Iterator[IO[bytes]]:
        yield io.BytesIO(text)

    @contextlib.contextmanager
    def window() -> Iterator[HeldWindow]:
        yield HeldWindow(text)

    return Content("text.csv", len(text), stream, window)
