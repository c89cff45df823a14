"""Tables among the files that an agent sees, whatever their format, with every cell as text."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlebench.data.raw_faults import is_of_the_content
from mlebench.preparation.audit.seen.file import SeenFile
from mlebench.preparation.audit.seen.formats import within
from mlebench.preparation.audit.seen.formats.found import Content
from mlebench.preparation.audit.seen.formats.kind import HEAD, TEXTS, Reader, could_hold, reader_of
from mlebench.preparation.audit.seen.formats.many import Many
from mlebench.preparation.audit.seen.listing import Seen

if TYPE_CHECKING:
    import pandas as pd

_MANY = 30
"""Text files of one folder and ending from which on they are one table."""
_MOST_ALIKE = 2_000
"""Other files of one folder and ending that are tables each."""


@dataclass(frozen=True)
class SeenTable:
    """One table of a file; a file may hold several (sheets, arrays, record lists within json).

    Where a folder holds many text files of the same ending, such as one for each unit, they are one table whose file is named
    `folder/*.csv`: its first columns are `file` (the name without its ending) and `row`, and it has the first rows of each.
    """

    file: SeenFile
    part: str
    """Which table of the file; empty if it is the only one."""
    columns: tuple[str, ...]
    frames: Callable[[int], Iterator[pd.DataFrame]] = field(repr=False, compare=False)
    """Reads it, so many rows at once; `chunks` is what to call."""

    @property
    def path(self) -> str:
        """The file's path, with `#part` where it holds several tables."""
        return f"{self.file.path}#{self.part}" if self.part else self.file.path

    def chunks(self, rows: int = 200_000) -> Iterator[pd.DataFrame]:
        """The cells as text (missing ones as the empty text), at most so many rows at once, in order.

        What cannot be read is left out and is among the troubles of the listing.
        """
        return self.frames(rows)

    def read(self, most: int) -> pd.DataFrame:
        """The first `most` rows."""
        import pandas as pd

        found, count = [], 0
        with contextlib.closing(self.frames(min(most, 200_000))) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                found.append(chunk)
                count += len(chunk)
                if count >= most:
                    break
        if not found:
            return pd.DataFrame(columns=list(self.columns), dtype=object)
        return pd.concat(found, ignore_index=True).iloc[:most]


def tables_of(seen: Seen) -> Sequence[SeenTable]:
    """All tables, looked for once; nested values are named `a.b.c`.

    Formats: csv, tsv, json (lists of records, columns, records by key), JSON lines, parquet, feather, npy, npz, mat, TFRecord
    (scalar features), BSON, sqlite, xlsx, plain values in pickles, which are never unpickled, and what is in rows or pairs in
    Markdown, HTML, XML, YAML, SQL and code. Text that zips, parquet and feather files carry next to their content is read, too:
    `a.zip#comment`. Columns of text without a header are named `0`, `1`, ….
    """
    if "tables" not in seen.found:
        seen.found["tables"] = tuple(_tables_among(seen))
    tables: Sequence[SeenTable] = seen.found["tables"]
    return tables


def _tables_among(seen: Seen) -> Iterator[SeenTable]:
    archives = {file.path for file in seen.archives}
    files = [
        file for file in seen.files if file.size and file.link is None and file.path not in archives and could_hold(file.suffix)
    ]
    seen.keep(files)
    yield from _carried(seen, [file for file in seen.files if _may_carry(file, archives)])
    alike: dict[tuple[str, str, Reader], list[SeenFile]] = defaultdict(list)
    for file, head in seen.contents(files, HEAD):
        if (reader := reader_of(head, file.suffix)) is not None:
            alike[file.path.rpartition("/")[0], file.suffix, reader].append(file)
    for (folder, suffix, reader), group in alike.items():
        if reader in TEXTS and len(group) >= _MANY:
            yield from _together(seen, folder, suffix, reader, group)
            continue
        if len(group) > _MOST_ALIKE:
            seen.tell(folder, f"of {len(group):,} tables *{suffix} the first {_MOST_ALIKE:,} are read")
        for file in group[:_MOST_ALIKE]:
            yield from _tables(seen, file, reader)


def _carried(seen: Seen, files: Sequence[SeenFile]) -> Iterator[SeenTable]:
    for file in files[:_MOST_ALIKE]:
        yield from _tables(seen, file, within.tables)


def _may_carry(file: SeenFile, archives: set[str]) -> bool:
    return file.suffix in (".parquet", ".feather", ".arrow", ".npz", ".xlsx") or (
        file.path in archives and file.suffix not in (".gz", ".tar", ".tgz", ".7z", ".bz2", ".xz")
    )


def _tables(seen: Seen, file: SeenFile, reader: Reader) -> Iterator[SeenTable]:
    content = content_of(seen, file)
    try:
        for found in reader(content):
            # what was found may hold the whole content, and is not kept
            yield SeenTable(file, found.part, found.columns, _again(seen, file, reader, found.part))
    except Exception as error:
        _tell(seen, file.path, error)


def content_of(seen: Seen, file: SeenFile) -> Content:
    """A file as readers of formats take it."""
    return Content(file.name, file.size, lambda: seen.open(file), lambda: seen.window(file))


def _again(seen: Seen, file: SeenFile, reader: Reader, part: str) -> Callable[[int], Iterator[pd.DataFrame]]:
    def frames(rows: int) -> Iterator[pd.DataFrame]:
        try:
            for found in reader(content_of(seen, file)):
                if found.part == part:
                    yield from found.frames(rows)
                    return
        except Exception as error:
            _tell(seen, file.path, error)

    return frames


def _together(seen: Seen, folder: str, suffix: str, reader: Reader, files: Sequence[SeenFile]) -> Iterator[SeenTable]:
    pattern = dataclasses.replace(files[0], path=f"{folder}/*{suffix}" if folder else f"*{suffix}", archive=None, position=0)
    many = Many(lambda most: seen.contents(files, most), reader)
    columns = many.columns()
    if len(columns) > 2:
        yield SeenTable(pattern, "", columns, many.frames)


def _tell(seen: Seen, path: str, error: Exception) -> None:
    if isinstance(error, ModuleNotFoundError):
        seen.tell(path, f"the package {error.name} that reads it is not installed")
    elif is_of_the_content(error) or isinstance(error, csv.Error | OSError):
        seen.tell(path, error if isinstance(error, OSError) else f"it is not a valid table ({type(error).__name__}: {error})")
    else:
        raise error
