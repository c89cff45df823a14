"""Matching the rows of a submission to the answers by id.

Every check raises `InvalidSubmission`; its message shows columns and the submission's own ids and cells, never an answer.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

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
"""The words that pandas 2 reads as missing values."""

Rows = np.ndarray | slice
"""Row numbers, or a slice if all are in order."""
_IN_ORDER = slice(None)


class AskedIds:
    """The unique ids of a test set in order of first appearance.

    What matching needs is computed once, however many submissions are matched. Integers and strings are compared as
    they are, which distinguishes ids exactly as their texts do; all other cells are converted to text first.
    """

    def __init__(self, known: pd.DataFrame, id_columns: tuple[str, ...]) -> None:
        """Take the ids of a table; an id may fill several rows.

        Args:
            known: the table.
            id_columns: the columns that jointly identify a row.
        """
        names = {known[column].name for column in id_columns}
        self._name = names.pop() if len(names) == 1 else None
        self.columns = id_columns
        parts = [_comparable(known[column]) for column in id_columns]
        index = _index_of(parts)
        self._first: np.ndarray | None = None
        if not _is_unique(index):
            self._first = ~index.duplicated()
            parts, index = [part[self._first] for part in parts], index[self._first]
        self._parts, self._index = parts, index

    def __len__(self) -> int:
        """Number of distinct ids."""
        return len(self._index)

    def once(self, known: pd.DataFrame) -> pd.DataFrame:
        """The table that the ids were taken from, with the first row of each."""
        first = known if self._first is None else known[self._first]
        return first.reset_index(drop=True)

    @functools.cached_property
    def shown(self) -> pd.Series:
        """Each id as shown in messages."""
        return pd.Series(self._index.to_numpy(), name=self._name)

    @functools.cached_property
    def text(self) -> pd.Series:
        """The text of each id."""
        return pd.Series(_texts(self._index.to_numpy()), name=self._name, dtype=object)

    @functools.cached_property
    def plain(self) -> pd.DataFrame:
        """The id columns, one row per id, of comparable cells."""
        return pd.DataFrame(dict(zip(self.columns, self._parts, strict=True)))

    @property
    def texts(self) -> pd.DataFrame:
        """The id columns, one row per id, as texts."""
        return pd.DataFrame({name: _texts(part) for name, part in zip(self.columns, self._parts, strict=True)}, dtype=object)

    def match(self, submission: pd.DataFrame) -> Rows | None:
        """The row of each id, if the submission holds every id exactly once and nothing else; None otherwise."""
        if len(submission) != len(self):
            return None
        parts = [_comparable(submission[column]) for column in self.columns]
        if all(map(_are_equal, self._parts, parts)):
            return _IN_ORDER
        own, submitted = self._index, _index_of(parts)
        if own.dtype != submitted.dtype and object in (own.dtype, submitted.dtype):
            own, submitted = pd.Index(self.text, dtype=object), pd.Index(_texts(submitted.to_numpy()), dtype=object)
        places = own.get_indexer(submitted)
        if (places < 0).any() or (np.bincount(places, minlength=len(own)) != 1).any():
            return None
        rows = np.empty(len(own), dtype=np.int64)
        rows[places] = np.arange(len(own))
        return rows


@dataclass(frozen=True)
class Aligned:
    """A submission whose rows are matched to the expected ids."""

    asked: AskedIds
    submission: pd.DataFrame
    """Without its ids if these were matched while reading."""
    rows: Rows
    """The row of each id, -1 if it is absent."""

    @property
    def shown(self) -> pd.Series:
        """Each id as shown in messages."""
        return self.asked.shown

    @property
    def ids(self) -> pd.DataFrame:
        """The id columns as the submission spells them."""
        columns = self.asked.columns
        if set(columns) <= {*self.submission}:
            return pd.DataFrame({name: self.cells(name) for name in columns})
        return self.asked.texts

    def cells(self, name: str) -> pd.Series:
        """A copy of a submission column in the order of the ids; NaN for absent ids."""
        cells = self.submission[name].iloc[self.rows].reset_index(drop=True)
        if isinstance(self.rows, np.ndarray) and (self.rows < 0).any():
            return cells[self.rows >= 0].reindex(range(len(self.rows)))
        return cells


def align(submission: pd.DataFrame, asked: AskedIds, required: Iterable[str], *, graded: pd.DataFrame | None = None) -> Aligned:
    """Find the row of each expected id.

    Args:
        submission: the submitted table; extra columns are ignored.
        asked: the ids.
        required: columns the submission must have besides the id columns.
        graded: the ids that are graded, if this must stay secret: the submission may hold further ids, and either
            all expected ids or just these, in which case cells of the others are NaN.

    Raises:
        InvalidSubmission: on missing columns, or missing, unknown or repeated ids.
    """
    require_columns(submission, [*asked.columns, *required])
    rows = asked.match(submission)
    if rows is None:
        rows = _match_with_care(submission, asked, graded)
    return Aligned(asked, submission, rows)


def _match_with_care(submission: pd.DataFrame, asked: AskedIds, graded: pd.DataFrame | None) -> np.ndarray:
    """The row of each id, -1 for ids that may be absent; accepts alternative spellings and reports what is wrong."""
    submitted = id_text_like(asked.plain, submission, asked.columns)
    return _match(submitted, asked.text) if graded is None else _match_most(submitted, asked.text, id_text(graded, asked.columns))


def id_text(frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """One identifying text per row; several id columns are joined by a character that never occurs in a csv cell."""
    return _joined(_as_text(frame[column]) for column in id_columns)


def id_text_like(expected: pd.DataFrame, frame: pd.DataFrame, id_columns: tuple[str, ...]) -> pd.Series:
    """`id_text` of `frame`, its whole numbers spelled as those of `expected` (`7.0` or `007` as `7`, `7` as `007`)."""
    return _joined(_in_spelling_of(_as_text(frame[column]), _as_text(expected[column])) for column in id_columns)


def are_plain(column: pd.Series) -> bool:
    """Whether a column holds only strings or only integers, so that cells are equal exactly if their texts are."""
    return _whole_numbers(column) is not None or _holds_texts(column)


def are_alike(known: pd.Series, submitted: pd.Series) -> bool:
    """Whether two columns of ids hold the same texts in the same order."""
    return len(known) == len(submitted) and _are_equal(_comparable(known), _comparable(submitted))


def _whole_numbers(column: pd.Series) -> np.ndarray | None:
    """The cells as int64 if all are integers that fit; None otherwise."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i":
        return column.to_numpy()
    if column.dtype == object and len(column) and pd.api.types.infer_dtype(column, skipna=False) == "integer":
        with contextlib.suppress(OverflowError):
            return column.to_numpy().astype(np.int64)
    return None


def _holds_texts(column: pd.Series) -> bool:
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=False) in ("string", "empty")


def _comparable(column: pd.Series) -> np.ndarray:
    """Integers as int64, and the texts of all other cells."""
    numbers = _whole_numbers(column)
    return _as_text(column).to_numpy() if numbers is None else numbers


def _are_equal(known: np.ndarray, submitted: np.ndarray) -> bool:
    """Whether the texts of two columns of equal length are equal."""
    if (known.dtype == object) != (submitted.dtype == object):
        known, submitted = _texts(known), _texts(submitted)
    return np.array_equal(known, submitted)


def _texts(cells: np.ndarray) -> np.ndarray:
    """The texts of comparable cells."""
    return cells if cells.dtype == object else np.array([*map(str, cells.tolist())], dtype=object)


def _index_of(parts: list[np.ndarray]) -> pd.Index:
    """The comparable cells of one column unchanged, those of several columns joined."""
    key = parts[0] if len(parts) == 1 else _joined_texts(parts)
    index: pd.Index = pd.Index(key, dtype=key.dtype)
    return index


def _joined_texts(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.array([*map(ID_SEPARATOR.join, zip(*map(_texts, parts), strict=True))], dtype=object)


def _is_unique(index: pd.Index) -> bool:
    # ascending ids are detected quickly, and pandas then knows they are unique; for text, a Python dict is faster than pandas
    if index.is_monotonic_increasing or index.dtype != object:
        return bool(index.is_unique)
    return len({*index.to_numpy()}) == len(index)


def _as_text(column: pd.Series) -> pd.Series:
    if _holds_texts(column):
        return column
    if (numbers := _whole_numbers(column)) is not None:
        return pd.Series(_texts(numbers), index=column.index, name=column.name, dtype=object)
    if pd.api.types.is_float_dtype(column):
        whole = column.notna() & (column == column.round()) & (column.abs() < 2**53)
        text = column.astype(str)
        text[whole] = column[whole].astype("int64").astype(str)
        return text.mask(column.isna(), "")
    return column.astype(str).mask(column.isna(), "")


def _joined(parts: Iterable[pd.Series]) -> pd.Series:
    parts = [*parts]
    if len(parts) == 1:
        return parts[0]
    return pd.Series(_joined_texts(part.to_numpy() for part in parts), index=parts[0].index, dtype=object)


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
            f"{len(lacking):,} of {counted(len(expected), 'test id')} {verb} missing: {show_ids(lacking)}; write one row per id"
        )
    return np.asarray(rows)


def _match_most(submitted: pd.Series, expected: pd.Series, graded: pd.Series) -> np.ndarray:
    """`_match` for submissions that may hold further ids and may lack all ungraded ones."""
    _refuse_repeated(submitted)
    rows = pd.Index(submitted).get_indexer(pd.Index(expected))
    if (rows < 0).any() and _digest(submitted) != _digest(graded):
        raise InvalidSubmission("ids from the sample submission are missing; ids that are not in the test set are ignored")
    return np.asarray(rows)


def _digest(ids: pd.Series) -> bytes:
    """Equal for equal ids in any order; comparing takes the same time whether one or all differ."""
    return hashlib.sha256("\n".join(sorted(ids)).encode("utf-8", errors="surrogatepass")).digest()


def _refuse_repeated(submitted: pd.Series) -> None:
    repeated = submitted.duplicated()
    if repeated.any():
        raise InvalidSubmission(f"each id must appear once; repeated: {show_ids(submitted[repeated].unique())}")


def _other_spelling(unknown: str, expected: pd.Series) -> str | None:
    """Whether an id equals an expected one except for blanks, case, path or file extension, which reveal no answer."""
    parts = unknown.split(ID_SEPARATOR)
    if (expected == ID_SEPARATOR.join(part.strip() for part in parts)).any():
        return "ids must not have leading or trailing spaces"
    if (expected == ID_SEPARATOR.join(part.strip("'\"` ") for part in parts)).any():
        return "ids must not be enclosed in quotes"
    if (expected.str.casefold() == unknown.casefold()).any():
        return "ids are case-sensitive"
    stem = unknown.replace("\\", "/").rsplit("/", 1)[-1]
    if stem != unknown and (expected == stem).any():
        return "ids must not contain a folder"
    if stem.rpartition(".")[2][:1].isalpha() and (expected == stem.rpartition(".")[0]).any():
        return "ids must not have a file extension"
    example = str(expected.iloc[0])
    ending = example.rpartition(".")[2]
    if "." in example and ending.isalpha() and (expected == f"{stem}.{ending}").any():
        return f"ids end in `.{ending}`"
    return None


def _about_unknown(unknown: pd.Series, expected: pd.Series) -> str:
    """What is wrong with ids that are not in the test set; never reveals which single id is one."""
    said = f"{counted(len(unknown), 'id')} {'is' if len(unknown) == 1 else 'are'} not in the test set: {show_ids(unknown)}"
    first = str(unknown.iloc[0])
    if is_in_exponent_form(first):
        return f"{said}; numbers in exponent notation have lost digits: write ids as text"
    if hint := _other_spelling(first, expected):
        return f"{said}; {hint}"
    if not first.strip():
        return f"{said}; an id is empty: check whether the last lines are complete"
    if len(unknown) == len(expected) and unknown.str.fullmatch("[0-9]{1,18}").all():
        return f"{said}; row numbers are not the expected ids: take the ids from the sample submission"
    return f"{said}; copy the ids exactly from the sample submission"
