"""Reading a submission and matching its rows to the answers by id.

Every check here raises `InvalidSubmission`; its message names columns and the submission's own ids and cells, never an answer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from grading.invalid import InvalidSubmission as InvalidSubmission

MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""The words that pandas 2 reads as a missing value."""

_SEPARATOR = "\x1f"
_SHOWN = 3


class Aligned(NamedTuple):
    """A submission and the answers, row `i` of one belonging to row `i` of the other."""

    ids: pd.Series
    submission: pd.DataFrame
    answers: pd.DataFrame


def read_table(path: Path, text_columns: Iterable[str], *, once: Iterable[str] = (), max_rows: int | None = None) -> pd.DataFrame:
    """Read a csv file without losing anything of its text columns.

    Args:
        path: the csv file.
        text_columns: columns kept as text to the letter (leading zeros, `NA` as a word); all others are parsed as pandas does,
            with round-trip float precision.
        once: columns that the file must not name twice, as it could then be read in two ways.
        max_rows: rows beyond this many are not read.

    Raises:
        InvalidSubmission: if the file is empty, binary or not a table, or names a column of `once` twice.
    """
    try:
        # read as a row, since pandas renames the second of two columns of one name
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
        _refuse_repeated(header, once)
        text = set(text_columns).intersection(header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                dtype=dict.fromkeys(text, str),
                keep_default_na=False,
                na_values={column: MISSING_WORDS for column in header if column not in text},
                float_precision="round_trip",
                low_memory=False,
                nrows=max_rows,
                index_col=False,
            )
    except pd.errors.ParserWarning:
        raise InvalidSubmission("a row has more cells than there are column names; quote cells that hold commas") from None
    except pd.errors.EmptyDataError:
        raise InvalidSubmission("the file is empty; the first line must hold the column names") from None
    except UnicodeDecodeError:
        raise InvalidSubmission("the file is not UTF-8 text; submit a csv file") from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise InvalidSubmission(f"the file cannot be read as csv: {' '.join(str(error).split())[:200]}") from None


def align(
    submission: pd.DataFrame,
    answers: pd.DataFrame,
    id_columns: tuple[str, ...],
    required: Iterable[str],
    *,
    ungraded_ids: bool = False,
) -> Aligned:
    """Bring the submission's rows into the order of the answers' ids.

    Args:
        submission: the submitted table; extra columns are ignored.
        answers: the answers; an id may fill several rows (boxes of one image), its first appearance gives the order.
        id_columns: the columns that together identify a row.
        required: columns that the submission must have beside the ids.
        ungraded_ids: whether ids beyond the answers' are allowed; messages then do not tell which ids are graded.

    Returns:
        The ids and the two tables; the answers are reduced to one row per id only if they already hold one row per id.

    Raises:
        InvalidSubmission: on missing columns, or missing, unknown or repeated ids.
    """
    require_columns(submission, [*id_columns, *required])
    expected = id_text(answers, id_columns)
    unique = expected.drop_duplicates()
    submitted = id_text_like(answers, submission, id_columns)
    rows = _match(submitted, unique, ungraded_ids)
    matched = submission.iloc[rows].reset_index(drop=True)
    return Aligned(unique.reset_index(drop=True), matched, answers.reset_index(drop=True))


def require_columns(submission: pd.DataFrame, required: Iterable[str]) -> None:
    """Refuse a table that lacks a required column or names one twice."""
    required = list(required)
    columns = [str(column) for column in submission.columns]
    lacking = [column for column in required if column not in columns]
    if lacking:
        raise InvalidSubmission(f"missing column {_listed(lacking)}; the file has {_listed(columns) or 'no columns'}")
    _refuse_repeated(columns, required)


def _refuse_repeated(columns: Sequence[str], required: Iterable[str]) -> None:
    repeated = [column for column in required if columns.count(column) > 1]
    if repeated:
        raise InvalidSubmission(f"column {_listed(repeated)} appears more than once; keep one")


def id_text(frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """One text per row that identifies it; several id columns are joined by a character that no csv cell holds."""
    return _joined(_as_text(frame[column]) for column in id_columns)


def id_text_like(expected: pd.DataFrame, frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """`id_text` of `frame`, its whole numbers spelled as those of `expected` (`7.0` or `007` as `7`, `7` as `007`)."""
    return _joined(_in_spelling_of(_as_text(frame[column]), _as_text(expected[column])) for column in id_columns)


def show_ids(ids: Iterable[object]) -> str:
    """The first few ids for a message, cut to a readable length."""
    shown = [str(value).replace(_SEPARATOR, ", ")[:80] for value in ids]
    more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
    return ", ".join(repr(value) for value in shown[:_SHOWN]) + more


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        whole = column.notna() & (column == column.round()) & (column.abs() < 2**53)
        text = column.astype(str)
        text[whole] = column[whole].astype("int64").astype(str)
        return text.mask(column.isna(), "")
    return column.astype(str).mask(column.isna(), "")


def _joined(parts: Iterable[pd.Series]) -> pd.Series:
    text, *others = parts
    for part in others:
        text = text + _SEPARATOR + part
    return text


def _in_spelling_of(submitted: pd.Series, expected: pd.Series) -> pd.Series:
    unknown = ~submitted.isin(expected)
    if not unknown.any() or not expected.str.fullmatch("-?[0-9]+").all():
        return submitted
    expected = expected.drop_duplicates()
    spelling = pd.Series(expected.to_numpy(), index=_plain_number(expected))
    if spelling.index.has_duplicates:
        return submitted
    spelled = _plain_number(submitted[unknown]).map(spelling)
    return submitted.where(~unknown, spelled.reindex(submitted.index).fillna(submitted))


def _plain_number(ids: pd.Series) -> pd.Series:
    return ids.str.strip().str.replace(r"\.0*$", "", regex=True).str.replace(r"^(-?)0+(?=[0-9])", r"\1", regex=True)


def _match(submitted: pd.Series, expected: pd.Series, ungraded_ids: bool) -> np.ndarray:
    repeated = submitted.duplicated()
    if repeated.any():
        raise InvalidSubmission(f"each id must appear once; repeated: {show_ids(submitted[repeated].unique())}")
    rows = pd.Index(submitted).get_indexer(pd.Index(expected))
    if ungraded_ids:
        if (rows < 0).any():
            raise InvalidSubmission("ids of the sample submission are missing; ids that are not in the test set are ignored")
        return np.asarray(rows)
    known = len(expected) - int((rows < 0).sum())
    if known < len(submitted):
        unknown = submitted[~submitted.isin(expected)]
        raise InvalidSubmission(f"{len(unknown):,} ids are not in the test set: {show_ids(unknown)}; see the sample submission")
    if known < len(expected):
        lacking = expected[rows < 0]
        raise InvalidSubmission(f"{len(lacking):,} of {len(expected):,} test ids are missing: {show_ids(lacking)}")
    return np.asarray(rows)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in list(names)[:20])
