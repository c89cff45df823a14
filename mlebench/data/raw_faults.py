"""What can be wrong with raw data, in one sentence each."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from mlebench.data.content_kind import read_head, trouble_of_table, trouble_of_text
from mlebench.errors import MlebenchError, RawDataFault, UsageError

_LONGEST_REASON = 300

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


def to_get_elsewhere(path: Path, what: str, url: str) -> UsageError:
    """The error for a file that no download holds: a user gets it by hand.

    Args:
        path: where it is looked for.
        what: is in it.
        url: has it.
    """
    return UsageError(
        f"{path.name} is missing from {path.parent}: {what} are not in Kaggle's download; get it from {url} and save it there"
    )


def not_a_file(path: object) -> RawDataFault:
    """The error for a folder where a file is expected."""
    return RawDataFault(f"{path} is a folder, expected a file; download it again")


def not_a_folder(path: object) -> RawDataFault:
    """The error for a file where a folder is expected."""
    return RawDataFault(f"{path} is a file, expected a folder; download it again")


def some_missing(names: Sequence[str], source: Path) -> RawDataFault:
    """The error that names the first few of the files that `source` lacks."""
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    verb = "is" if len(names) == 1 else "are"
    return RawDataFault(f"{len(names):,} of the files needed {verb} missing from {source} ({shown}); download the raw data again")


def damaged(what: object, reason: object) -> RawDataFault:
    """The error for a file that is broken."""
    return RawDataFault(f"{what} is damaged ({reason}); download it again")


def or_again(trouble: str) -> str:
    """What is wrong with a file, followed by what helps where it does not say so itself."""
    return f"{trouble}, or download it again" if "; " in trouble else f"{trouble}; download it again"


def unreadable(what: object, kind: str, error: Exception, head: bytes | None = None) -> RawDataFault:
    """The error for a file that a library cannot read as what it should be, saying what it is where its first bytes tell.

    Args:
        what: its path or name.
        kind: what it should be, such as `csv`.
        error: what the library raised; its words are put in one line.
        head: its first bytes, if `what` is not a path.
    """
    if trouble := _trouble_of(what, kind, head):
        return RawDataFault(f"{what} cannot be read as {kind}: {or_again(trouble)}")
    return RawDataFault(f"{what} cannot be read as {kind} ({' '.join(str(error).split())[:_LONGEST_REASON]}); download it again")


def _trouble_of(what: object, kind: str, head: bytes | None) -> str | None:
    trouble_of = {"csv": trouble_of_table, "json": trouble_of_text}.get(kind)
    if trouble_of is None:
        return None
    if head is None:
        try:
            head = read_head(what) if isinstance(what, Path) else None
        except OSError:
            return None
    return trouble_of(head) if head is not None else None
