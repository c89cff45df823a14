"""The kinds of cells in a submission, each with its own check.

A kind turns a column of a submission into an array or raises `InvalidSubmission` with the column, the first few ids and what is
expected. The same kind reads the answers.
"""

from __future__ import annotations

import copy
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from grading.invalid import RefusedCells
from grading.printable import printable
from grading.submission import MISSING_WORDS, InvalidSubmission
from grading.wording import counted, name_ids, quoted

_MOST_DIGITS = 10_000
"""Maximum characters in a number: far more than any real number needs, few enough to read in one go."""

_LETTERS_OF_NUMBERS = b"0123456789+-.eE"

_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?\s*")

_LARGEST = 1e100
"""Up to this size, squares, products and sums of numbers stay finite, so every metric returns a number."""

_LARGEST_EXACT = 2**53 - 1
"""Above this, a float64 cannot represent every integer."""

_ROWS_AT_ONCE = 2_000
"""Rows of lists processed together."""

_MISSING_WORDS = frozenset(MISSING_WORDS) - {""}

_BOOLEAN_WORDS = {word: float(word.lower() == "true") for word in ("True", "TRUE", "true", "False", "FALSE", "false")}


@dataclass(frozen=True)
class Column(ABC):
    """One kind of cell.

    Attributes:
        missing_words: whether a text cell that pandas reads as a missing value (`NA`, `null`, …) counts as a blank
            cell; otherwise such a word is text like any other.
    """

    missing_words: bool = field(default=False, kw_only=True)

    reads_text: ClassVar[bool] = False
    """Whether cells are kept verbatim, as text, when a csv file is read."""

    @property
    def most_characters(self) -> int:
        """Generous upper bound on the characters in a valid cell."""
        return 2**20 if self.reads_text else _MOST_DIGITS

    @abstractmethod
    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        """Parse cells into an array of the same length.

        Args:
            cells: the column; its name is used in messages.
            ids: the id of each row, a string or an integer, for messages.

        Raises:
            InvalidSubmission: if a cell is not of this kind.
        """

    def with_missing_words(self) -> Self:
        """The same kind with `missing_words`."""
        # not `dataclasses.replace`: a kind may define its own `__init__`
        kind = copy.copy(self)
        object.__setattr__(kind, "missing_words", True)
        return kind

    def text_of(self, cells: pd.Series) -> pd.Series:
        """The cells as text. Blank cells become the empty string, as do words for a missing value if `missing_words` is set.

        The result may be `cells` itself; do not modify it.
        """
        text = cells if _holds_text_only(cells) else cells.astype(str).mask(cells.isna(), "")
        if self.missing_words and not _MISSING_WORDS.isdisjoint(text.tolist()):
            text = text.mask(text.isin(_MISSING_WORDS), "")
        return text

    def refused_cells(self) -> Mapping[str, Any]:
        """Cells that this kind rejects, keyed by what is wrong with them; for documentation and tests."""
        return {}


def refuse(
    bad: np.ndarray | pd.Series, cells: pd.Series, ids: pd.Series, expected: str, hint: Callable[[str], str | None] | None = None
) -> None:
    """Raise `InvalidSubmission` for the rows marked in `bad`, if any; `hint` suggests a fix based on the first bad cell."""
    bad = np.asarray(bad)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        verb = "is" if bad.sum() == 1 else "are"
        raise RefusedCells(
            f"column `{printable(str(cells.name), 200)}`: {int(bad.sum()):,} of {counted(len(bad), 'cell')} {verb} not "
            f"{expected}; the first is {_shown(cells.iloc[row], hint)} ({name_ids(ids[bad])})"
        )


def _shown(cell: Any, hint: Callable[[str], str | None] | None) -> str:
    """A cell as it appears in the file."""
    if pd.isna(cell) or not str(cell):
        return "empty"
    helps = hint(str(cell)) if hint else None
    return f"{quoted(cell)}; {helps}" if helps else quoted(cell)


def _hint_for_number(cell: str) -> str | None:
    return "use a decimal point, not a comma" if _DECIMAL_COMMA.fullmatch(cell[:40]) else None


def hint_for_list(cell: str) -> str | None:
    """A hint for lists whose items are separated or enclosed by anything but spaces."""
    return "separate items by spaces only" if any(mark in cell[:10_000] for mark in ",;[(|") else None


def _of_each_spelling(cells: pd.Series, translate: Callable[[pd.Series], pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """The index of each cell's distinct text, and `translate` applied to each distinct text (dtype object)."""
    codes, spellings = pd.factorize(cells if _holds_text_only(cells) else cells.astype(str))
    return codes, translate(pd.Series(spellings, dtype=object)).to_numpy(dtype=object)


def _holds_text_only(cells: pd.Series) -> bool:
    return bool(cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=False) == "string")


def _valid_numbers(cells: pd.Series, minimum: float | None, maximum: float | None, largest: float) -> np.ndarray | None:
    """The values of a column of numbers that are all within the bounds and ±`largest`; None for any other column."""
    if not isinstance(cells.dtype, np.dtype) or cells.dtype.kind not in "fi" or cells.empty:
        return None
    values = cells.to_numpy()
    low = -largest if minimum is None else max(minimum, -largest)
    high = largest if maximum is None else min(maximum, largest)
    # NaN fails both comparisons
    return values if low <= values.min().item() and values.max().item() <= high else None


def _plain_numbers(cells: pd.Series) -> np.ndarray | None:
    """The numbers in text cells that hold only numbers, several times as fast as pandas; None otherwise."""
    if not _holds_text_only(cells):
        return None
    letters = "".join(cells)
    if not letters.isascii() or letters.encode().translate(None, _LETTERS_OF_NUMBERS):
        return None
    try:
        return cells.to_numpy().astype(np.float64)
    except ValueError:
        return None


@dataclass(frozen=True)
class Real(Column):
    """A finite number within ±1e100 and, if given, within `minimum` and `maximum` (both inclusive).

    Attributes:
        may_be_empty: whether empty cells are allowed, in any row; they are read as NaN and scored by the metric.
    """

    minimum: float | None = None
    maximum: float | None = None
    may_be_empty: bool = False

    _takes_booleans: ClassVar[bool] = False

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        if (valid := _valid_numbers(cells, self.minimum, self.maximum, _LARGEST)) is not None:
            return valid.astype(np.float64, copy=False)
        values = self.parse_finite(cells, ids)
        refuse(np.abs(values) > _LARGEST, cells, ids, f"within ±{_LARGEST:g}")
        return values

    def parse_finite(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        """`parse` for a kind that has its own bound: any finite number is accepted."""
        if pd.api.types.is_bool_dtype(cells) and not self._takes_booleans:
            refuse(np.ones(len(cells), dtype=bool), cells, ids, "a number")
        values = self._numbers(cells)
        allowed = np.isfinite(values) | (np.isnan(values) & self._is_empty(cells)) if self.may_be_empty else np.isfinite(values)
        refuse(~allowed, cells, ids, "a finite number", _hint_for_number)
        if self.minimum is not None:
            refuse(values < self.minimum, cells, ids, f"at least {self.minimum:g}")
        if self.maximum is not None:
            refuse(values > self.maximum, cells, ids, f"at most {self.maximum:g}")
        return values

    def _numbers(self, cells: pd.Series) -> np.ndarray:
        # how pandas reads a column of only these words
        if self._takes_booleans and cells.dtype == object and len(cells) and cells.isin(_BOOLEAN_WORDS).all():
            return cells.map(_BOOLEAN_WORDS).to_numpy(dtype=np.float64)
        if (values := _plain_numbers(cells)) is not None:
            return values
        return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)

    def _is_empty(self, cells: pd.Series) -> np.ndarray:
        return (cells.isna() | cells.isin(MISSING_WORDS)).to_numpy() if cells.dtype == object else cells.isna().to_numpy()

    def refused_cells(self) -> Mapping[str, Any]:
        cells: dict[str, Any] = {"infinite": "inf", "text": "abc", "huge": "-1e101"} | (
            {} if self.may_be_empty else {"missing": ""}
        )
        if self.minimum is not None:
            cells["below the range"] = str(self.minimum - 0.5)
        if self.maximum is not None:
            cells["above the range"] = str(self.maximum + 0.5)
        return cells


class Probability(Real):
    """A number from 0 to 1; a column of `True` and `False` holds 1 and 0."""

    _takes_booleans = True

    def __init__(self) -> None:
        super().__init__(minimum=0.0, maximum=1.0)


@dataclass(frozen=True)
class Integer(Column):
    """A whole number (`3` or `3.0`) below 2^53 in magnitude and, if given, within `minimum` and `maximum` (inclusive)."""

    minimum: int | None = None
    maximum: int | None = None

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        if (valid := _valid_numbers(cells, self.minimum, self.maximum, _LARGEST_EXACT)) is not None:
            whole = valid.astype(np.int64, copy=False)
            if valid.dtype.kind == "i" or (whole == valid).all():
                return whole
        values = Real(self.minimum, self.maximum).parse_finite(cells, ids)
        refuse(values != np.round(values), cells, ids, "a whole number")
        refuse(np.abs(values) > _LARGEST_EXACT, cells, ids, f"within ±{_LARGEST_EXACT}")
        return values.astype(np.int64)

    def refused_cells(self) -> Mapping[str, Any]:
        return {**Real(self.minimum, self.maximum).refused_cells(), "fraction": "0.25", "too large": "1e300"}


@dataclass(frozen=True)
class Boolean(Column):
    """`True` or `False` (case-insensitive), or 1 or 0."""

    reads_text = True

    _WORDS: ClassVar[Mapping[str, bool]] = {
        "true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False
    }  # fmt: skip

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        if cells.dtype == bool:
            return cells.to_numpy()
        codes, meanings = _of_each_spelling(cells, lambda text: text.str.strip().str.lower().map(self._WORDS))
        if pd.isna(meanings).any():
            refuse(pd.isna(meanings)[codes], cells, ids, "True or False")
        return np.asarray(meanings.astype(bool)[codes])

    def refused_cells(self) -> Mapping[str, Any]:
        return {"missing": "", "text": "abc", "infinite": "inf", "probability": "0.7", "other number": "2"}


@dataclass(frozen=True)
class Text(Column):
    """Any text, kept verbatim.

    Attributes:
        allow_empty: whether an empty cell is a valid answer.
    """

    allow_empty: bool = True

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        text = self.text_of(cells)
        if not self.allow_empty and not all(text.tolist()):
            refuse(text == "", cells, ids, "filled")
        return text.to_numpy(dtype=object)

    def refused_cells(self) -> Mapping[str, Any]:
        return {} if self.allow_empty else {"missing": ""}


@dataclass(frozen=True)
class IntegerList(Column):
    """Whole numbers separated by white space, normalised to single spaces and no leading zeros.

    Attributes:
        minimum: smallest allowed number.
        maximum: largest allowed number.
        allow_empty: whether an empty cell is a valid answer, the empty list.
        most: maximum count of numbers in a cell.
    """

    minimum: int | None = None
    maximum: int | None = None
    allow_empty: bool = True
    most: int = 10_000

    reads_text = True

    _SPELLING: ClassVar[str] = r"(?:[+-]?[0-9]{1,18}(?:\s+[+-]?[0-9]{1,18})*)?"
    _PLAIN_SPELLING: ClassVar[str] = "(?:(?:0|-?[1-9][0-9]{0,17})(?: (?:0|-?[1-9][0-9]{0,17}))*)?"

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        text = self.text_of(cells)
        if self._are_plain(text.tolist()):
            return text.to_numpy(dtype=object)
        refuse(self._is_long(text), cells, ids, f"a list of at most {self.most:,} numbers")
        odd = ~text.str.fullmatch(self._PLAIN_SPELLING)
        # a pattern with blanks at both ends would backtrack over every split of a long run of blanks
        stripped = text[odd].str.strip()
        is_wrong = odd.to_numpy(copy=True)
        is_wrong[odd] = ~stripped.str.fullmatch(self._SPELLING)
        refuse(is_wrong, cells, ids, "whole numbers separated by spaces", hint_for_list)
        plain = text.to_numpy(dtype=object, copy=True)
        plain[odd] = [" ".join(str(int(token)) for token in cell.split()) for cell in stripped]
        if not self.allow_empty:
            refuse(plain == "", cells, ids, "filled")
        if self.minimum is not None or self.maximum is not None:
            self._refuse_beyond(plain, cells, ids)
        return plain

    def _are_plain(self, texts: list[str]) -> bool:
        """Whether all cells hold unsigned numbers within the bounds, spelled as `parse` returns them."""
        # in blocks, since the positions of the numbers take more memory than the text
        parts = (texts[start : start + _ROWS_AT_ONCE] for start in range(0, len(texts), _ROWS_AT_ONCE))
        return (self.minimum is None or self.minimum <= 0) and all(map(self._are_few_plain, parts))

    def _are_few_plain(self, texts: list[str]) -> bool:
        joined = "\n".join(["", *texts, ""])
        if not joined.isascii() or (raw := joined.encode()).translate(None, b"0123456789 \n"):
            return False
        letters = np.frombuffer(raw, dtype=np.uint8)
        gaps = np.flatnonzero(letters < ord("0"))
        is_end = letters[gaps] == ord("\n")
        if is_end.sum() != len(texts) + 1 or np.diff(gaps[is_end]).max() > self.most:
            return False
        starts, digits = gaps[:-1] + 1, np.diff(gaps) - 1
        is_empty_cell = (digits == 0) & is_end[:-1] & is_end[1:]
        is_wrong = ((digits == 0) & ~is_empty_cell) | (digits > 18) | ((letters[starts] == ord("0")) & (digits > 1))
        if is_wrong.any() or (is_empty_cell.any() and not self.allow_empty):
            return False
        return self.maximum is None or _are_at_most(self.maximum, letters, starts, digits)

    def _is_long(self, text: pd.Series) -> np.ndarray:
        # splitting is costly, and short text holds few numbers
        return np.array([len(cell) > self.most and len(cell.split(None, self.most)) > self.most for cell in text], dtype=bool)

    def _refuse_beyond(self, plain: np.ndarray, cells: pd.Series, ids: pd.Series) -> None:
        low, high = (-math.inf if self.minimum is None else self.minimum), (math.inf if self.maximum is None else self.maximum)
        beyond = np.zeros(len(plain), dtype=bool)
        for row in np.flatnonzero(plain != ""):
            numbers = np.fromstring(plain[row], dtype=np.int64, sep=" ")
            beyond[row] = numbers.min() < low or numbers.max() > high
        refuse(beyond, cells, ids, f"numbers from {low} to {high}")

    def refused_cells(self) -> Mapping[str, Any]:
        cells = {
            "text": "1 abc",
            "fraction": "1.5",
            "infinite": "inf",
            "comma": "1,2",
            "too many": " ".join(["1"] * (self.most + 1)),
        }
        if not self.allow_empty:
            cells["missing"] = ""
        if self.minimum is not None:
            cells["below the range"] = f"{self.minimum - 1}"
        if self.maximum is not None:
            cells["above the range"] = f"{self.maximum} {self.maximum + 1}"
        return cells


def _are_at_most(maximum: int, letters: np.ndarray, starts: np.ndarray, digits: np.ndarray) -> bool:
    """Whether no unsigned number without leading zeros, given by its first digit and digit count, is larger."""
    most_digits = len(str(maximum))
    starts = starts[digits == most_digits]
    numbers = np.zeros(len(starts), dtype=np.int64)
    for place in range(most_digits if len(starts) else 0):
        numbers = 10 * numbers + (letters[starts + place] - ord("0"))
    return bool((digits <= most_digits).all() and (numbers <= maximum).all())


@dataclass(frozen=True)
class Label(Column):
    """One word from a fixed list; whole numbers may be written `3` or `3.0`."""

    choices: tuple[str, ...]

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        if _holds_text_only(cells) and frozenset(self.choices).issuperset(cells.tolist()):
            return cells.to_numpy()
        codes, words = _of_each_spelling(cells, self._choices_of)
        if pd.isna(words).any():
            refuse(pd.isna(words)[codes], cells, ids, f"one of {self._shown()}")
        return np.asarray(words[codes])

    def _choices_of(self, text: pd.Series) -> pd.Series:
        words = text.str.strip()
        words = words.where(words.isin(self.choices), words.str.replace(r"\.0+$", "", regex=True))
        return words.where(words.isin(self.choices))

    def refused_cells(self) -> Mapping[str, Any]:
        return {"missing": "", "unknown label": "no such label", "infinite": "inf"}

    def _shown(self) -> str:
        more = f", … ({len(self.choices):,} labels)" if len(self.choices) > 12 else ""
        return ", ".join(self.choices[:12]) + more


@dataclass(frozen=True)
class RunLengths(Column):
    """A run-length encoded mask (`start length` pairs, counted from 1); an empty cell is the empty mask.

    Parsing gives one `grading.metrics.run_length.Runs` per row.

    Attributes:
        pixels: number of pixels of every image, or of each image in the order of the answers' ids.
        empty_word: a word that also means the empty mask (`-` in some competitions).
        cut: cut runs at the last pixel instead of rejecting those that extend beyond it.
    """

    pixels: int | tuple[int, ...]
    empty_word: str = ""
    cut: bool = False

    reads_text = True

    @property
    def most_characters(self) -> int:
        pixels = max(self.pixels, default=0) if isinstance(self.pixels, tuple) else self.pixels
        # at most every second pixel starts a run, of two numbers each
        return max(super().most_characters, int(pixels) * (len(str(pixels)) + 1) * 2)

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        from grading.metrics.run_length import parse_column

        texts = self.text_of(cells)
        texts = texts.mask(texts == self.empty_word, "")
        try:
            masks = parse_column(list(texts), self.pixels, [str(value).replace("\x1f", ", ") for value in ids], cut=self.cut)
        except InvalidSubmission as error:
            raise InvalidSubmission(f"column `{cells.name}`: {error}") from None
        # assigning would unpack the pairs of arrays
        return np.fromiter(masks, dtype=object, count=len(masks))

    def refused_cells(self) -> Mapping[str, Any]:
        cells = {
            "text": "abc",
            "infinite": "inf",
            "odd count": "1 2 3",
            "negative": "-1 5",
            "start at zero": "0 5",
            "unsorted": "2 1 1 1",
            "overlapping": "1 2 2 1",
            "fraction": "1.5 2",
        }
        beyond = max(self.pixels) if isinstance(self.pixels, tuple) else self.pixels
        return cells if self.cut else {**cells, "beyond the image": f"{beyond} 2"}
