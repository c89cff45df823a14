"""What can be wrong with raw data, in one sentence each."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from mlebench.errors import MlebenchError, RawDataFault

_OF_THE_MACHINE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EBUSY,
    errno.ESTALE,
}


def is_of_the_content(error: Exception) -> bool:
    """Whether an error of reading raw data comes from what the data holds.

    False for errors of this machine (a full disk, no permission, too little memory), missing packages, and errors that have
    their message for the user already.
    """
    if isinstance(error, OSError):
        return error.errno not in _OF_THE_MACHINE
    return not isinstance(error, MlebenchError | MemoryError | ImportError)


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
