"""Reading and writing csv tables: v1's bytes depend on exactly this way of doing it."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import pandas as pd

from mlebench.data.archives import Member, open_zip, scratch, write_zip
from mlebench.data.content_kind import HEAD
from mlebench.data.raw_faults import missing, unreadable
from mlebench.errors import RawDataFault


def read_csv(source: Path | IO[bytes], *, text: bool = False, **options: Any) -> pd.DataFrame:
    """Read a csv table with floats parsed to the nearest double.

    Args:
        source: a csv file, a zip that holds one, or an open member of an archive.
        text: keep words such as `NA`, `null` or `None` instead of reading them as missing values; empty cells of a text column
            stay empty text.
        options: passed on to `pandas.read_csv`.

    Raises:
        RawDataFault: if the file is missing or damaged.
    """
    if text:
        options = {"keep_default_na": False, **options}
    if isinstance(source, Path) and source.suffix == ".zip":
        with open_zip(source) as archive, archive.open(_only_table(archive, source)) as member:
            return read_csv(member, **options)
    where = source if isinstance(source, Path) else getattr(source, "name", "an archive member")
    # of an archive's member, the beginning cannot be read again
    head = source.peek(HEAD)[:HEAD] if isinstance(source, zipfile.ZipExtFile) else None
    try:
        with mixed_types_allowed():
            table: pd.DataFrame = pd.read_csv(source, **{"float_precision": "round_trip", **options})
            return table
    except FileNotFoundError:
        raise missing(where) from None
    except ValueError as error:
        # damaged csv, text or numbers: each is a ValueError of pandas
        raise unreadable(where, "csv", error, head) from None


@contextlib.contextmanager
def mixed_types_allowed() -> Iterator[None]:
    """Keep pandas from warning of mixed types in one column: legal raw data, and what v1's bytes were made from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        yield


def _only_table(archive: zipfile.ZipFile, path: Path) -> str:
    """The member named like the archive, at the root before elsewhere; else the only member."""
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    expected = {path.stem, f"{path.stem}.csv"}
    at_root = [name for name in names if name in expected]
    named_alike = at_root or [name for name in names if PurePosixPath(name).name in expected]
    if len(names) != 1 and len(named_alike) != 1:
        held = ", ".join(names[:5]) or "nothing"
        raise RawDataFault(f"{path} should contain one table named {path.stem} but contains {held}; download it again")
    return (named_alike or names)[0]


def one_hot(labels: pd.Series, classes: Sequence[str]) -> pd.DataFrame:
    """One column of 0 and 1 per class, in the order of `classes`, with the index of `labels`.

    Raises:
        RawDataFault: if a label is none of the classes.
    """
    codes = pd.Index(classes).get_indexer(pd.Index(labels))
    if (codes < 0).any():
        unknown = ", ".join(map(str, labels[codes < 0].unique()[:3]))
        raise RawDataFault(f"the raw data has `{labels.name}` values outside the classes ({unknown}); download it again")
    table = np.zeros((len(labels), len(classes)), dtype=np.int64)
    table[np.arange(len(labels)), codes] = 1
    return pd.DataFrame(table, columns=list(classes), index=labels.index)


def look_up(table: pd.DataFrame, by: str, keys: pd.Series) -> pd.DataFrame:
    """The row of `table` for each key, in the order of the keys and with their index.

    Args:
        table: holds each value of the column `by` once.
        by: the column to look in.
        keys: the values to look for.

    Raises:
        RawDataFault: if keys are missing, naming how many and the first few.
    """
    rows = pd.Index(table[by]).get_indexer(pd.Index(keys))
    if (rows < 0).any():
        shown = ", ".join(map(str, keys[rows < 0].tolist()[:3]))
        lacking = int((rows < 0).sum())
        lack = "row of the raw data lacks its" if lacking == 1 else "rows of the raw data lack their"
        raise RawDataFault(f"{lacking:,} {lack} `{by}` ({shown}) in a table; download it again")
    found: pd.DataFrame = table.iloc[rows].set_axis(keys.index)
    return found


def write_csv(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table as csv without its index, making the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, **{"index": False, **options})


def write_zipped_csv(table: pd.DataFrame, archive: Path, *, member: str | None = None, **options: Any) -> None:
    """Write a table as csv as the only member of a zip; by default its name is the archive's without `.zip`."""
    with scratch(archive.parent) as folder:
        write_csv(table, folder / "table", **options)
        write_zip(archive, [Member(member or archive.stem, folder / "table")])
