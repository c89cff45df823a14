"""Converts everything that goes wrong during preparation into the public errors."""

from __future__ import annotations

import contextlib
import csv
import re
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mlebench._support import folders
from mlebench._support.extras import missing_extra
from mlebench.data.content_kind import read_head, trouble_of_table
from mlebench.data.raw_faults import is_of_the_content, missing, or_again
from mlebench.errors import RawDataFault, WorkFailed

if TYPE_CHECKING:
    from mlebench.registry import Competition

_LOG = "error.log"
_MOST_COLUMNS = 5
_LONGEST_NAME = 60


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
        None if the error says nothing of the raw data.
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
    if (fault := _lacks_columns(error, raw)) is not None:
        return fault
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return RawDataFault(
        f"{place} seems damaged or belongs to another competition ({reason}{keep_traceback(competition)}); download it again"
    )


def explained(error: Exception, doing: str, competition: Competition) -> Exception:
    """An error of the file system, or a missing package, as one sentence for the user; any other error as it is.

    Args:
        error: the error.
        doing: what failed, such as `preparing`; the message of an outcome begins with whose data it is.
        competition: whose data it is.
    """
    if isinstance(error, OSError):
        return folders.explain(error, doing, competition.root)
    if isinstance(error, ModuleNotFoundError):
        return missing_extra(error) or error
    return error


def keep_traceback(competition: Competition) -> str:
    """Write the current traceback next to the data; return a clause that says where it is."""
    path = competition.root / _LOG
    try:
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return ""
    return f"; see the traceback in {path}"


def _file_at_fault(error: Exception, raw: Path) -> Path | None:
    """The raw file that was being processed when an error occurred, if the error or its traceback shows it."""
    named = [error.filename] if isinstance(error, OSError) and error.filename else []
    for name in [*named, *(name for frame in reversed(list(_frames(error.__traceback__))) for name in frame)]:
        path = Path(name)
        if raw in path.parents and path.is_file():
            return path
    return None


def _lacks_columns(error: Exception, raw: Path) -> RawDataFault | None:
    """The error for columns that a table of the raw data lacks, where that is what failed."""
    if not isinstance(error, KeyError | AttributeError):
        return None
    columns = _columns_in_use(error)
    wanted = [name for name in _names_told(error) if columns is not None and name not in columns]
    if not columns or not wanted:
        return None
    table = _table_with(columns, raw)
    where = f"{table}" if table else f"a table in {raw}"
    there = ", ".join(f"`{name[:_LONGEST_NAME]}`" for name in columns[:_MOST_COLUMNS]) + (
        ", …" if len(columns) > _MOST_COLUMNS else ""
    )
    for path in [table] if table else sorted(raw.glob("*.csv")):
        if trouble := trouble_of_table(read_head(path)):
            return RawDataFault(f"{path} cannot be read as csv: {or_again(trouble)}")
    lacking = " and ".join(f"`{name}`" for name in wanted[:_MOST_COLUMNS])
    return RawDataFault(f"{where} has no column {lacking} but {there}: it may belong to another competition; download it again")


def _names_told(error: Exception) -> list[str]:
    """The names that an error of pandas says were not found."""
    if isinstance(error, AttributeError):
        return [error.name] if error.name else []
    told = error.args[0] if error.args else ""
    if not isinstance(told, str):
        return [str(name) for name in told] if isinstance(told, tuple | list) else []
    quoted = (
        re.findall(r"'([^']+)'", told) if "not in index" in told or "not found in axis" in told or "are in the" in told else []
    )
    return quoted or [told]


def _columns_in_use(error: Exception) -> list[str] | None:
    """The columns of the table that the innermost code with one worked on."""
    for frame in reversed(list(_variables(error.__traceback__))):
        table = frame.get("self")
        for value in [table, *frame.values()]:
            if type(value).__name__ == "DataFrame":
                # one that was half made when the error arose has none
                with contextlib.suppress(Exception):
                    return [str(name) for name in value.columns]  # type: ignore[attr-defined]
    return None


def _table_with(columns: Sequence[str], raw: Path) -> Path | None:
    """The csv table at the top of the raw data whose first line holds these columns."""
    for path in sorted(raw.glob("*.csv")):
        with contextlib.suppress(OSError), path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader([file.readline(1 << 16)]), [])
            if header and set(header) <= set(columns):
                return path
    return None


def _variables(trace: TracebackType | None) -> Iterator[dict[str, object]]:
    """The variables of each frame, outermost frame first."""
    while trace is not None:
        yield trace.tb_frame.f_locals
        trace = trace.tb_next


def _frames(trace: TracebackType | None) -> Iterator[list[str]]:
    """The names of files among the variables of each frame, outermost frame first."""
    for variables in _variables(trace):
        names = [value if isinstance(value, Path) else _filename(value) for value in variables.values()]
        yield [str(name) for name in names if isinstance(name, str | Path)]


def _filename(value: object) -> object:
    try:
        return getattr(value, "filename", None)
    except Exception:
        # an object that was half made when the error arose
        return None
