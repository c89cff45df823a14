"""Matching the rows of a submission to the answers by id.

Every check here raises `InvalidSubmission`; its message names columns and the submission's own ids and cells, never an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from grading.header import require_columns
from grading.invalid import InvalidSubmission as InvalidSubmission
from grading.wording import ID_SEPARATOR, counted, is_in_exponent_form
from grading.wording import show_ids as show_ids

MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""The words that pandas 2 reads as a missing value."""


class Aligned(NamedTuple):
    """A submission whose row `i` belongs to id `i`."""

    ids: pd.Series
    submission: pd.DataFrame


def align(
    submission: pd.DataFrame,
    known: pd.DataFrame,
    id_columns: tuple[str, ...],
    required: Iterable[str],
    *,
    graded: pd.DataFrame | None = None,
) -> Aligned:
    """Bring the submission's rows into the order of the answers' ids.

    Args:
        submission: the submitted table; extra columns are ignored.
        known: the ids that are asked for; one may fill several rows, its first appearance gives the order.
        id_columns: the columns that together identify a row.
        required: columns that the submission must have beside the ids.
        graded: those of the ids that are graded, where that is not to be told: the submission may hold further ids, and either
            all of `known` or just these, in which case cells of the others are NaN.

    Returns:
        The ids, each once, and the submission's rows in their order.

    Raises:
        InvalidSubmission: on missing columns, or missing, unknown or repeated ids.
    """
    require_columns(submission, [*id_columns, *required])
    expected = id_text(known, id_columns)
    index = pd.Index(expected)
    if not index.is_unique:
        index = index.drop_duplicates()
    rows = _match_all(id_text(submission, id_columns), index)
    if rows is None:
        rows = _match_with_care(submission, known, id_columns, index.to_series(), graded)
    matched = submission.iloc[rows].reset_index(drop=True)
    if (rows < 0).any():
        matched = matched[rows >= 0].reindex(range(len(rows)))
    return Aligned(index.to_series(index=range(len(index)), name=expected.name), matched)


def _match_all(submitted: pd.Series, index: pd.Index) -> np.ndarray | None:
    """The row of each id, where every id stands in the submission once, and nothing else; None otherwise."""
    if len(submitted) != len(index):
        return None
    places = index.get_indexer(pd.Index(submitted))
    if (places < 0).any() or (np.bincount(places, minlength=len(index)) != 1).any():
        return None
    rows = np.empty(len(index), dtype=np.int64)
    rows[places] = np.arange(len(index))
    return rows


def _match_with_care(
    submission: pd.DataFrame, known: pd.DataFrame, id_columns: tuple[str, ...], expected: pd.Series, graded: pd.DataFrame | None
) -> np.ndarray:
    """The row of each id, -1 for those that may be missing; ids in another spelling are found, and it is told what is wrong."""
    submitted = id_text_like(known, submission, id_columns)
    return _match(submitted, expected) if graded is None else _match_most(submitted, expected, id_text(graded, id_columns))


def id_text(frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """One text per row that identifies it; several id columns are joined by a character that no csv cell holds."""
    return _joined(_as_text(frame[column]) for column in id_columns)


def id_text_like(expected: pd.DataFrame, frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """`id_text` of `frame`, its whole numbers spelled as those of `expected` (`7.0` or `007` as `7`, `7` as `007`)."""
    return _joined(_in_spelling_of(_as_text(frame[column]), _as_text(expected[column])) for column in id_columns)


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
        text = text + ID_SEPARATOR + part
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
    return ids.str.strip(" \t").str.replace(r"\.0*$", "", regex=True).str.replace(r"^(-?)0+(?=[0-9])", r"\1", regex=True)


def _match(submitted: pd.Series, expected: pd.Series) -> np.ndarray:
    _refuse_repeated(submitted)
    rows = pd.Index(submitted).get_indexer(pd.Index(expected))
    known = len(expected) - int((rows < 0).sum())
    if known < len(submitted):
        raise InvalidSubmission(_about_unknown(submitted[~submitted.isin(expected)], expected))
    if known < len(expected):
        lacking = expected[rows < 0]
        verb = "is" if len(lacking) == 1 else "are"
        raise InvalidSubmission(
            f"{len(lacking):,} of {counted(len(expected), 'test id')} {verb} missing: {show_ids(lacking)}; write one row for each"
        )
    return np.asarray(rows)


def _match_most(submitted: pd.Series, expected: pd.Series, graded: pd.Series) -> np.ndarray:
    """`_match` where further ids may stand in the submission, and where those that are not graded may all be missing."""
    _refuse_repeated(submitted)
    rows = pd.Index(submitted).get_indexer(pd.Index(expected))
    if (rows < 0).any() and _digest(submitted) != _digest(graded):
        raise InvalidSubmission("ids of the sample submission are missing; ids that are not in the test set are ignored")
    return np.asarray(rows)


def _digest(ids: pd.Series) -> bytes:
    """The same for the same ids in any order; comparing it takes the same time whether all of them differ or one."""
    return hashlib.sha256("\n".join(sorted(ids)).encode("utf-8", errors="surrogatepass")).digest()


def _refuse_repeated(submitted: pd.Series) -> None:
    repeated = submitted.duplicated()
    if repeated.any():
        raise InvalidSubmission(f"each id must appear once; repeated: {show_ids(submitted[repeated].unique())}")


def _other_spelling(unknown: str, expected: pd.Series) -> str | None:
    """Whether an id is one of those asked for but for what says nothing of its answer: blanks, capitals, a path, an ending."""
    parts = unknown.split(ID_SEPARATOR)
    if (expected == ID_SEPARATOR.join(part.strip() for part in parts)).any():
        return "ids have no blanks around them"
    if (expected == ID_SEPARATOR.join(part.strip("'\"` ") for part in parts)).any():
        return "ids have no quotes around them"
    if (expected.str.casefold() == unknown.casefold()).any():
        return "capitals and small letters differ"
    stem = unknown.replace("\\", "/").rsplit("/", 1)[-1]
    if stem != unknown and (expected == stem).any():
        return "ids hold no folder"
    if stem.rpartition(".")[2][:1].isalpha() and (expected == stem.rpartition(".")[0]).any():
        return "ids hold no file ending"
    example = str(expected.iloc[0])
    ending = example.rpartition(".")[2]
    if "." in example and ending.isalpha() and (expected == f"{stem}.{ending}").any():
        return f"ids end in `.{ending}`"
    return None


def _about_unknown(unknown: pd.Series, expected: pd.Series) -> str:
    """What is wrong with ids that the test set does not hold; says of no single id that it is one."""
    said = f"{counted(len(unknown), 'id')} {'is' if len(unknown) == 1 else 'are'} not in the test set: {show_ids(unknown)}"
    first = str(unknown.iloc[0])
    if is_in_exponent_form(first):
        return f"{said}; numbers with an exponent have lost digits: write ids as text"
    if hint := _other_spelling(first, expected):
        return f"{said}; {hint}"
    if not first.strip():
        return f"{said}; an id is empty: see whether the last lines are whole"
    if len(unknown) == len(expected) and unknown.str.fullmatch("[0-9]{1,18}").all():
        return f"{said}; ids that number the rows are not those asked for: take them from the sample submission"
    return f"{said}; copy the ids exactly as the sample submission has them"
