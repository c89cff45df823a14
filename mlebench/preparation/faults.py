"""What goes wrong while data is prepared, turned into the public errors in one place."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mlebench._support import folders
from mlebench._support.extras import missing_extra
from mlebench.data.raw_faults import is_of_the_content, missing
from mlebench.errors import RawDataFault, WorkFailed

if TYPE_CHECKING:
    from mlebench.registry import Competition

_LOG = "error.log"


def raw_data_fault(error: Exception, competition: Competition, raw: Path, *, sound: bool = False) -> RawDataFault | None:
    """What an error of a competition's own `prepare` says about the raw data.

    An error that no check foresaw (a missing column, text in another encoding, a truncated image) comes of raw data that is not
    what it should be; its traceback is kept in `error.log`.

    Args:
        error: what `prepare` raised.
        competition: the competition.
        raw: the folder of its raw data.
        sound: whether the raw data is known to be what it should be, so that unforeseen errors are faults of the code.

    Returns:
        None where the error says nothing of the raw data.
    """
    if isinstance(error, RawDataFault):
        return error
    if type(error) is WorkFailed:
        return RawDataFault(str(error))
    if sound or competition.facts.generated or not is_of_the_content(error):
        return None
    if isinstance(error, FileNotFoundError) and error.filename and raw in Path(error.filename).parents:
        return missing(error.filename)
    place = _file_at_fault(error, raw) or raw
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return RawDataFault(f"{place} seems damaged ({reason}{keep_traceback(competition)}); download it again")


def explained(error: Exception, doing: str, competition: Competition) -> Exception:
    """An error of the file system, or a missing package, as one sentence for the user; any other error as it is.

    Args:
        error: the error.
        doing: what failed, such as `preparing`.
        competition: whose data it is.
    """
    if isinstance(error, OSError):
        return folders.explain(error, f"{doing} {competition.id}", competition.root)
    if isinstance(error, ModuleNotFoundError):
        return missing_extra(error) or error
    return error


def keep_traceback(competition: Competition) -> str:
    """Write the traceback of the error that is handled beside the data; a clause that says where it lies."""
    path = competition.root / _LOG
    try:
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return ""
    return f"; {path} holds the traceback"


def _file_at_fault(error: Exception, raw: Path) -> Path | None:
    """The file of the raw data that was worked on when an error arose, where the error or its traceback tells."""
    named = [error.filename] if isinstance(error, OSError) and error.filename else []
    for name in [*named, *(name for frame in reversed(list(_frames(error.__traceback__))) for name in frame)]:
        path = Path(name)
        if raw in path.parents and path.is_file():
            return path
    return None


def _frames(trace: TracebackType | None) -> Iterator[list[str]]:
    """The names of files among the variables of each frame, outermost frame first."""
    while trace is not None:
        values = list(trace.tb_frame.f_locals.values())
        names = [value if isinstance(value, Path) else getattr(value, "filename", None) for value in values]
        yield [str(name) for name in names if isinstance(name, str | Path)]
        trace = trace.tb_next
