"""Many small text files of one folder as one table: the first rows of each."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING

from mlebench.preparation.audit.seen.file import SeenFile
from mlebench.preparation.audit.seen.formats import records
from mlebench.preparation.audit.seen.formats.encoding import encoding_of
from mlebench.preparation.audit.seen.formats.found import Content, Found, columns_of, flattened, frames_of_records
from mlebench.preparation.audit.seen.window import HeldWindow

if TYPE_CHECKING:
    import pandas as pd

_MOST = 2**16
"""Bytes of each file that are read."""
_ROWS = 20
_SAMPLE = 50
"""Files that determine the columns."""

Record = dict[str, str]


class Many:
    """Files alike."""

    def __init__(
        self,
        contents: Callable[[int], Iterator[tuple[SeenFile, bytes]]],
        reader: Callable[[Content], Iterator[Found]],
    ) -> None:
        """Look at nothing yet.

        Args:
            contents: gives the first bytes of each file.
            reader: finds the tables of one.
        """
        self._contents = contents
        self._reader = reader

    def columns(self) -> tuple[str, ...]:
        """`file`, `row` and those of the first files."""
        return ("file", "row", *columns_of(record for records in islice(self._each(), _SAMPLE) for record in records))[:5_000]

    def frames(self, rows: int) -> Iterator[pd.DataFrame]:
        """The first rows of each file."""
        columns = self.columns()
        return frames_of_records(self._named(), columns, rows)

    def _named(self) -> Iterator[Record]:
        for file, content in self._contents(_MOST):
            stem = file.name.rpartition(".")[0] or file.name
            for number, record in enumerate(self._records(file, content)):
                yield {**record, "file": stem, "row": str(number)}

    def _each(self) -> Iterator[list[Record]]:
        for file, content in self._contents(_MOST):
            yield list(self._records(file, content))

    def _records(self, file: SeenFile, content: bytes) -> Iterator[Record]:
        # one odd file among many is left out
        with contextlib.suppress(ValueError, LookupError):
            if self._reader is records.tables and (record := _document(content)) is not None:
                yield record
                return
            for found in self._reader(_held(file, content)):
                for frame in islice(found.frames(_ROWS), 1):
                    prefix = f"{found.part}." if found.part else ""
                    names = [f"{prefix}{name}" for name in found.columns]
                    for row in frame.itertuples(index=False):
                        yield dict(zip(names, row, strict=True))


def _document(content: bytes) -> Record | None:
    """The cells of a document that is one record."""
    document = records.parse(content.decode(encoding_of(content) or "utf-8", "replace"))
    if not isinstance(document, dict):
        return None
    return {name: text for name, text in flattened(document) if len(text) <= 1_000}


def _held(file: SeenFile, content: bytes) -> Content:
    @contextlib.contextmanager
    def stream() -> Iterator[IO[bytes]]:
        yield io.BytesIO(content)

    @contextlib.contextmanager
    def window() -> Iterator[HeldWindow]:
        yield HeldWindow(content)

    # what is cut off looks like more to come, so that its last line does not count
    return Content(file.name, file.size, stream, window)
