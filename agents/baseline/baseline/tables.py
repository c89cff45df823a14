"""Finds the sample submission and the tables of a competition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

_SAMPLE = re.compile(r"(sample.*submission|random.*predictions).*\.csv(\.(zip|gz))?$", re.IGNORECASE)
_TABLE = re.compile(r"\.(csv|tsv|json)(\.(zip|gz))?$", re.IGNORECASE)
_LARGEST_JSON = 500 * 2**20


def data_files(data: Path, scratch: Path) -> list[Path]:
    """The files of the data folder, with each 7z archive replaced by its content, unpacked into `scratch`."""
    found = []
    for path in sorted(data.iterdir()):
        if path.is_file():
            found += _unpacked(path, scratch / path.name) if path.suffix == ".7z" else [path]
    return found


def find_sample(files: Sequence[Path]) -> Path | None:
    """The sample submission, or None."""
    return next((path for path in files if _SAMPLE.search(path.name)), None)


def find_tables(files: Sequence[Path], sample: Path, max_rows: int) -> dict[str, pd.DataFrame]:
    """Every other table, by file name; a test table is read in full, others up to `max_rows` rows."""
    tables = {}
    for path in files:
        if path == sample or not _TABLE.search(path.name):
            continue
        table = _read(path, None if "test" in path.name.lower() else max_rows)
        if table is not None and len(table) and len(table.columns):
            tables[path.name] = table
    return tables


def _unpacked(archive: Path, folder: Path) -> list[Path]:
    try:
        import py7zr

        with py7zr.SevenZipFile(archive) as opened:
            opened.extractall(folder)
    except Exception as error:
        # the other files may still be enough
        print(f"Cannot unpack {archive.name}: {type(error).__name__}: {error}")
        return []
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read(path: Path, rows: int | None) -> pd.DataFrame | None:
    try:
        if ".json" in path.name.lower():
            return _read_json(path) if path.stat().st_size <= _LARGEST_JSON else None
        return pd.read_csv(path, sep="\t" if ".tsv" in path.name.lower() else ",", nrows=rows, low_memory=False)
    except (ValueError, OSError, UnicodeDecodeError, OverflowError) as error:
        print(f"Cannot read {path.name}: {error}")
        return None


def _read_json(path: Path) -> pd.DataFrame:
    try:
        return pd.read_json(path)
    except ValueError:
        return pd.read_json(path, lines=True)
