"""What can be wrong with raw data, in one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlebench.errors import WorkFailed


class RawDataFault(WorkFailed):
    """Raw data that must be got again."""


def missing(what: object) -> RawDataFault:
    """The error for a file, a folder or a member of an archive that is not there."""
    return RawDataFault(f"{what} is missing from the raw data; download it again")


def some_missing(names: Sequence[str], source: Path) -> RawDataFault:
    """The error that names the first few of the files that `source` lacks."""
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return RawDataFault(f"{len(names):,} of the files needed are missing from {source} ({shown}); download the raw data again")


def damaged(what: object, reason: object) -> RawDataFault:
    """The error for a file that is broken."""
    return RawDataFault(f"{what} is damaged ({reason}); download it again")


def unreadable(what: object, kind: str, error: Exception) -> RawDataFault:
    """The error for a file that a library cannot read as what it should be, such as `csv`; its words are put in one line."""
    return RawDataFault(f"{what} cannot be read as {kind} ({' '.join(str(error).split())}); download it again")
