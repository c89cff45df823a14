"""Whether cells of test rows reveal the answers: directly, in another notation, as a code, or as a function."""

from __future__ import annotations

import functools
import math
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlebench.preparation.audit.checks import readings, statistics
from mlebench.preparation.audit.checks.digits import ALONG, Digits
from mlebench.preparation.audit.checks.readings import Reading
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import Target

RIGHT = 0.9
"""Minimum share of correct cells among those that give an answer in a reading."""
LIFT = 0.7
"""Minimum share of the answers other than the most frequent one that must be revealed."""
CODE_LIFT = 0.95
"""A code without a known meaning must reveal nearly all answers."""
SORTED_LIFT = 0.85
"""The share if classes follow from quantiles of digits, some of which fall between two classes."""
MONOTONE = 0.999
MOST_COMPARED = 20_000
"""Rows that decide whether cells are informative."""
_MOST_CODES = 400
_SHIFTS = 20
_DECIMALS = 3
_SHORTEST_HEAD = 3
_TOGETHER, _LEAST_TOGETHER, _MOST_TOGETHER = 0.5, 6, 2_000
_UNORDERED = ", in another order,"
_LONGEST_SHORT = 120
"""Longer cells are texts: their parts are not labels."""


@dataclass(frozen=True)
class Told:
    """A match: cells reveal a target."""

    how: str
    """Completes `the cell …`: `equals`, `equals, decoded from base64,`, `stands for`."""
    target: Target
    values: np.ndarray
    """As `Guess.values`."""
    right: int
    """Rows told correctly."""
    of: int
    """Rows told."""
    log_p: float

    @property
    def is_unordered(self) -> bool:
        """Whether only the words of texts are revealed, not their order."""
        return self.how.endswith(_UNORDERED)

    @property
    def guess(self) -> Guess:
        """As a clue holds it."""
        return Guess(self.target.name, self.values)


@dataclass
class Comparer:
    """Compares columns of cells with targets, and counts everything that it tries.

    Attributes:
        direct: comparisons of what a reading says.
        learnt: comparisons whose mapping was learnt from half of the test rows.
    """

    direct: Family = field(default_factory=Family)
    learnt: Family = field(default_factory=Family)

    def best(
        self, cells: np.ndarray | Column, target: Target, ids: np.ndarray | None = None, *, learn: bool = True
    ) -> Told | None:
        """The most direct reading that gives the target.

        Args:
            cells: shape (rows,), object: text, None or the empty text where there is none; a `Column` where several targets are
                compared with them.
            target: of as many rows.
            ids: shape (rows,), text: the rows' ids, which digests may be made of.
            learn: also take codes and monotone functions, whose mapping is learnt.
        """
        column = cells if isinstance(cells, Column) else Column.of(cells)
        if column.is_constant:
            return None
        rows = statistics.drawn(len(column.codes), MOST_COMPARED)
        if len(rows) == len(column.codes):
            return self._first(column, target, ids, learn)
        part = replace(target, values=target.values[rows])
        found = self._first(column.at(rows), part, None if ids is None else ids[rows], learn)
        return None if found is None else self._first(column, target, ids, learn)

    def _first(self, column: Column, target: Target, ids: np.ndarray | None, learn: bool) -> Told | None:
        return _most((compare(column, target, ids) for compare in self._comparisons(target, learn)), len(column.codes))

    def _comparisons(self, target: Target, learn: bool) -> Iterator[Callable[..., Told | None]]:
        if target.kind == "number":
            yield self._equal_number
            if learn:
                yield self._monotone
                yield self._along_digits
        elif target.kind == "class":
            yield self._equal_class
            yield self._digest
            if learn:
                yield self._code
                yield self._sorted_by_digits
        else:
            yield self._equal_text

    # -- classes

    def _equal_class(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        return _most(self._equal_classes(column, target), len(column.codes))

    def _equal_classes(self, column: Column, target: Target) -> Iterator[Told | None]:
        answers = classes_of(target)
        names = {form: place for place, name in enumerate(target.classes) for form in (name, readings.normal(name))}
        for how, read in _direct_readings(column, target):
            codes, texts = column.read(how, read)
            said = np.array([*(_lookup(names, text) for text in texts), -1], dtype=np.int64)[codes]
            if not _says_something(said):
                continue
            self.direct.tried += 1
            told = _told_classes(f"equals{how}", said, answers, target)
            if told is not None and self.direct.improbable(told.log_p):
                yield told

    def _digest(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        if not all(readings.is_digest(text) for text in column.texts[:50]):
            return None
        answers = classes_of(target)
        places = {name: place for place, name in enumerate(target.classes)}
        length = min(len(text.strip()) for text in column.texts)
        for name, digests in readings.digests(target.classes):
            short = {digest[:length]: places[text] for digest, text in digests.items()}
            said = column.map([short.get(cell.strip().lower()[:length], -1) for cell in column.texts])
            if ids is not None and not _says_something(said):
                said = _salted(column, ids, target.classes, dict(readings.ALGORITHMS)[name], length)
            self.direct.tried += 1
            told = _told_classes(f"is the {name} of", said, answers, target)
            if told is not None and self.direct.improbable(told.log_p):
                return told
        return None

    def _code(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        return _most(self._learnt_codes(column, target), len(column.codes))

    def _learnt_codes(self, column: Column, target: Target) -> Iterator[Told | None]:
        answers = classes_of(target)
        for how, codes in _codes(column, target):
            self.learnt.tried += 1
            told = learnt_code(how, codes, answers, target)
            if told is not None and self.learnt.improbable(told.log_p):
                yield told

    def _sorted_by_digits(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        """Classes that are adjacent when rows are sorted by some digits of their cells."""
        if not column.short:
            return None
        answers = classes_of(target)
        for how, codes in column.digits.sorting(answers):
            self.learnt.tried += 1
            told = learnt_code(f" in {how}", codes, answers, target, SORTED_LIFT)
            if told is not None and self.learnt.improbable(told.log_p):
                return told
        return None

    # -- numbers

    def _equal_number(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        for how, numbers in _numbers(column):
            if not _go_together(numbers, target.values):
                continue
            for function, inverse in _FUNCTIONS:
                with np.errstate(all="ignore"):
                    said = inverse(numbers)
                if np.isnan(said).mean() > 0.95:
                    continue
                self.direct.tried += 1
                told = _told_numbers(f"equals{how}{function}", said, numbers, target)
                if told is not None and self.direct.improbable(told.log_p):
                    return told
        return None

    def _monotone(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        for how, numbers in _numbers(column):
            known = ~np.isnan(numbers) & ~np.isnan(target.values)
            if known.sum() < 12 or not _go_together(numbers, target.values):
                continue
            self.learnt.tried += 1
            told = learnt_function(f"is a monotone function{how} of", numbers, known, target)
            if told is not None and self.learnt.improbable(told.log_p):
                return told
        return None

    def _along_digits(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        """Numbers that some of the digits of cells rise or fall with."""
        if not column.short:
            return None
        for how, numbers in column.digits.along(target.values):
            known = ~np.isnan(numbers) & ~np.isnan(target.values)
            self.learnt.tried += 1
            told = learnt_function(f"correlates, in {how}, with", numbers, known, target, ALONG)
            if told is not None and self.learnt.improbable(told.log_p):
                return told
        return None

    # -- texts

    def _equal_text(self, column: Column, target: Target, ids: np.ndarray | None) -> Told | None:
        true = target.values.astype(str)
        for how, read, form in _text_readings(column):
            said = column.map_texts(how, read)
            told = np.array([text is not None and text != "" for text in said], dtype=bool)
            if not told.any():
                continue
            self.direct.tried += 1
            found = _told_texts(f"equals{how}", said, told, form, true, target)
            if found is not None and self.direct.improbable(found.log_p):
                return found
        return self._behind_common_head(column, target) or self._word_for_word(column, target)

    def _behind_common_head(self, column: Column, target: Target) -> Told | None:
        """Texts that lack what all answers begin with."""
        true = target.values.astype(str)
        first, last = min(true), max(true)
        head = first[: next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)]
        # up to a sign: chance lets all answers go on with the same letter
        head = head.rstrip(string.ascii_letters + string.digits)
        if len(head) < _SHORTEST_HEAD:
            return None
        said = column.map_texts("", readings.plain)
        told = np.array([text is not None and text != "" for text in said], dtype=bool)
        if not told.any():
            return None
        whole = np.array([None if text is None else head + text for text in said], dtype=object)
        self.direct.tried += 1
        found = _told_texts("lacks only the beginning of", whole, told, readings.words, true, target)
        return found if found is not None and self.direct.improbable(found.log_p) else None

    def _word_for_word(self, column: Column, target: Target) -> Told | None:
        """Texts whose words stand for those of the answer, one for one."""
        said = [readings.words(text).split() for text in column.texts]
        self.learnt.tried += 1
        told = learnt_words([said[code] if code >= 0 else [] for code in column.codes], target)
        return told if told is not None and self.learnt.improbable(told.log_p) else None


@dataclass(frozen=True)
class Column:
    """Cells as positions in their different texts, so that each text is read once, for all targets."""

    codes: np.ndarray
    """Shape (rows,): position in `texts`, -1 where there is no cell."""
    texts: Sequence[str]
    _readings: dict[str, tuple[np.ndarray, Sequence[str]]] = field(default_factory=dict)
    _numbers: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: np.ndarray) -> Column:
        """Make one of cells, shape (rows,), object; None and the empty string are not cells."""
        import pandas as pd

        blank = np.array([cell is None or cell == "" for cell in cells], dtype=bool)
        codes, texts = pd.factorize(cells.astype(object))
        codes = np.where(blank, -1, codes)
        used, places = np.unique(codes[codes >= 0], return_inverse=True)
        codes[codes >= 0] = places.reshape(-1)
        return cls(codes, [str(texts[place]) for place in used])

    @property
    def is_constant(self) -> bool:
        """Whether all rows are the same."""
        return len(self.codes) == 0 or bool((self.codes == self.codes[0]).all())

    @functools.cached_property
    def short(self) -> bool:
        """Whether its cells are short enough to be labels."""
        return max((len(text) for text in self.texts[:200]), default=0) <= _LONGEST_SHORT

    @functools.cached_property
    def measured(self) -> bool:
        """Whether its cells are numbers with decimals, nearly each another: what is asked of labels is not asked of these."""
        some = self.texts[:500]
        decimals = sum(len(text.rpartition(".")[2]) >= _DECIMALS and not np.isnan(_number(text)) for text in some if "." in text)
        return len(self.texts) > len(self.codes) / 2 and decimals > 0.8 * len(some)

    @functools.cached_property
    def digits(self) -> Digits:
        """Parts of its cells that are numbers of their own."""
        return Digits(self.codes, self.texts)

    def at(self, rows: np.ndarray) -> Column:
        """Some of the rows."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        codes = codes.reshape(-1) - (used[:1] == -1).sum()
        return Column(codes, [self.texts[place] for place in used[used >= 0]])

    def map(self, values: Sequence[int]) -> np.ndarray:
        """A number for each row from one for each text, shape (rows,) int64, -1 where there is no cell."""
        return np.asarray(np.array([*values, -1], dtype=np.int64)[self.codes])

    def numbers(self, how: str, read: Reading) -> np.ndarray:
        """The number that a reading has for each row, shape (rows,) float64, NaN where there is none."""
        if how not in self._numbers:
            values = [_number(read(text) or "") for text in self.texts]
            self._numbers[how] = np.array([*values, math.nan], dtype=np.float64)[self.codes]
        return self._numbers[how]

    def read(self, how: str, read: Reading) -> tuple[np.ndarray, Sequence[str]]:
        """What a reading says: a code for each row, shape (rows,) int64, -1 for nothing, and the text of each code."""
        if how not in self._readings:
            import pandas as pd

            codes, texts = pd.factorize(np.array([*(read(text) for text in self.texts), None], dtype=object))
            self._readings[how] = np.asarray(codes)[self.codes], [str(text) for text in texts]
        return self._readings[how]

    def map_texts(self, how: str, read: Reading) -> np.ndarray:
        """What a reading says about each row, shape (rows,) object; None if it says nothing."""
        codes, texts = self.read(how, read)
        padded = np.empty(len(texts) + 1, dtype=object)
        padded[:-1] = texts
        padded[-1] = None
        return np.asarray(padded[codes])


def _most(found: Iterable[Told | None], rows: int) -> Told | None:
    """The first one that is right for all rows, else the one right for most."""
    best: Told | None = None
    for told in found:
        if told is not None and (best is None or told.right > best.right):
            best = told
            if told.right == rows:
                break
    return best


def classes_of(target: Target) -> np.ndarray:
    """Positions of a class target's values among its classes, shape (rows,) int64."""
    places = {name: place for place, name in enumerate(target.classes)}
    return np.array([places[str(value)] for value in target.values], dtype=np.int64)


def named(places: np.ndarray, target: Target) -> np.ndarray:
    """The classes at positions, shape (rows,) object; None for negative ones."""
    names = np.array([*target.classes, None], dtype=object)
    return np.asarray(names[np.where(places < 0, len(target.classes), places)])


def plainly_equal(column: Column, target: Target) -> Told | None:
    """Whether cells are the answers unchanged, whatever chance has to say to it."""
    if target.kind == "text":
        said = column.map_texts("", readings.plain)
        told = np.array([text is not None for text in said], dtype=bool)
        return _told_texts("equals", said, told, readings.plain, target.values.astype(str), target) if told.any() else None
    if target.kind == "number":
        numbers = column.numbers("", readings.plain)
        return _told_numbers("equals", numbers, numbers, target)
    names = {form: place for place, name in enumerate(target.classes) for form in (name, readings.normal(name))}
    codes, texts = column.read("", readings.plain)
    said = np.array([*(_lookup(names, text) for text in texts), -1], dtype=np.int64)[codes]
    return _told_classes("equals", said, classes_of(target), target)


def learnt_code(how: str, codes: np.ndarray, answers: np.ndarray, target: Target, lift: float = CODE_LIFT) -> Told | None:
    """Whether codes, shape (rows,) int64, -1 for none, stand for classes: each half of the rows is read as the other teaches."""
    codes = codes + 1
    if len(codes) < 8 or codes.min() == codes.max():
        return None
    half = np.random.default_rng(0).permutation(len(codes)) % 2
    said = np.empty(len(codes), dtype=np.int64)
    for part in (0, 1):
        teach, ask = half != part, half == part
        table = np.zeros((int(codes.max()) + 1, len(target.classes)))
        np.add.at(table, (codes[teach], answers[teach]), 1)
        usual = table.sum(axis=0).argmax()
        said[ask] = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), usual)[codes[ask]]
    share = np.bincount(answers).max() / len(answers)
    right = int((said == answers).sum())
    if share == 1 or (right / len(answers) - share) / (1 - share) < lift:
        return None
    log_p = max(statistics.log_binomial_tail(right, len(answers), float(share)), -statistics.log_arrangements(answers))
    return Told(f"stands for{how}", target, named(said, target), right, len(answers), log_p)


def learnt_function(how: str, numbers: np.ndarray, known: np.ndarray, target: Target, least: float = MONOTONE) -> Told | None:
    """Whether numbers, shape (rows,), order the answers; each half of the rows is read as the other half teaches."""
    x, y = numbers[known], target.values[known]
    if len(np.unique(x)) < 8 or len(np.unique(y)) < 8:
        return None
    together = float(np.corrcoef(statistics.ranks(x), statistics.ranks(y))[0, 1])
    if abs(together) < least:
        return None
    values = np.full(len(numbers), np.nan)
    order = np.argsort(x, kind="stable")
    places = np.flatnonzero(known)[order]
    for part in (0, 1):
        teach, ask = places[part::2], places[1 - part :: 2]
        values[ask] = np.interp(numbers[ask], numbers[teach], target.values[teach])
    different = min(len(np.unique(x)), len(np.unique(y)))
    return Told(how, target, values, int(known.sum()), int(known.sum()), -math.lgamma(different + 1) / 2)


def learnt_words(said: Sequence[Sequence[str]], target: Target) -> Told | None:
    """Whether words stand for those of the answers: each half of the rows is read with the dictionary that the other gives."""
    true = [str(value).split() for value in target.values]
    rows = [row for row, words in enumerate(said) if words]
    if len(rows) < 8 or sum(len(said[row]) == len(true[row]) for row in rows) < RIGHT * len(rows):
        return None
    values = np.full(len(said), None, dtype=object)
    right = words_right = 0
    for part in (0, 1):
        meanings: dict[str, Counter[str]] = {}
        for row in rows[1 - part :: 2]:
            for word, meaning in zip(said[row], true[row], strict=False):
                meanings.setdefault(word, Counter())[meaning] += 1
        best = {word: counts.most_common(1)[0][0] for word, counts in meanings.items()}
        for row in rows[part::2]:
            read = [best.get(word, word) for word in said[row]]
            values[row] = " ".join(read)
            right += read == true[row]
            words_right += sum(a == b for a, b in zip(read, true[row], strict=False))
    every = Counter(word for row in rows for word in true[row])
    share = every.most_common(1)[0][1] / every.total() if every else 1.0
    if right < LIFT * len(rows) or len({tuple(words) for words in true}) < 2 or len(every) < 2:
        return None
    log_p = statistics.log_binomial_tail(words_right, every.total(), share)
    return Told("stands, word for word, for", target, values, right, len(rows), log_p)


def _lookup(names: dict[str, int], text: str | None) -> int:
    if text is None:
        return -1
    found = names.get(text)
    return names.get(readings.normal(text), -1) if found is None else found


def _says_something(said: np.ndarray) -> bool:
    return bool((said >= 0).mean() >= 0.02)


def _told_classes(how: str, said: np.ndarray, answers: np.ndarray, target: Target) -> Told | None:
    told = said >= 0
    if not told.any():
        return None
    right, of = int((said == answers)[told].sum()), int(told.sum())
    share = np.bincount(answers[told]).max() / of
    if right < RIGHT * of or (share < 1 and (right / of - share) / (1 - share) < LIFT):
        return None
    log_p = statistics.log_match_by_chance(said, answers)
    if share == 1:
        log_p = statistics.log_match_by_chance(np.where(told, 1, 0), np.where(answers == answers[told][0], 1, 0))
    return Told(how, target, named(said, target), right, of, log_p)


def _direct_readings(column: Column, target: Target) -> Iterator[tuple[str, Reading]]:
    yield "", readings.plain
    if not column.measured and (column.short or len(column.texts) <= _MOST_CODES):
        yield from ((f", {how},", read) for how, read in readings.ENCODINGS)
        yield from ((f" in {how}", read) for how, read in readings.parts())


def _codes(column: Column, target: Target) -> Iterator[tuple[str, np.ndarray]]:
    """Ways in which the cells could be codes, except those with nearly as many codes as rows, which teach nothing."""
    most = min(_MOST_CODES, max(2, len(column.codes) // 3))
    if len(column.texts) <= most:
        yield "", column.codes
    if column.short and not column.measured:
        for how, read in readings.parts():
            codes, texts = column.read(f" in {how}", read)
            if 1 < len(texts) <= min(most, 4 * len(target.classes)):
                yield f" in {how}", codes
    numbers = column.numbers("", readings.plain)
    whole = ~np.isnan(numbers) & (np.abs(numbers) < 2**53) & (numbers == np.floor(numbers))
    if whole.mean() > 0.95:
        whole_numbers = np.where(whole, numbers, 0).astype(np.int64)
        for divisor in sorted({*range(2, 11), *([len(target.classes)] if 1 < len(target.classes) <= 64 else [])}):
            yield f" in its remainder by {divisor}", np.where(whole, whole_numbers % divisor, -1)


def _salted(column: Column, ids: np.ndarray, classes: Sequence[str], digest: Callable[[bytes], str], length: int) -> np.ndarray:
    """Which class a digest of a row's id and class names, shape (rows,), -1 for none."""
    result = np.full(len(column.codes), -1, dtype=np.int64)
    forms = ("{0}{1}", "{0}_{1}", "{0}-{1}", "{0}:{1}", "{0},{1}", "{1}{0}", "{1}_{0}", "{1}-{0}", "{1}:{0}")
    if len(classes) > 64:
        return result
    for form in forms:
        for row in range(len(result)):
            if row == 40 and not (result >= 0).any():
                break
            cell = column.texts[column.codes[row]].strip().lower() if column.codes[row] >= 0 else None
            for place, name in enumerate(classes):
                if cell is not None and digest(form.format(ids[row], name).encode())[:length] == cell[:length]:
                    result[row] = place
        if (result >= 0).any():
            return result
    return result


# -- numbers


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _numbers(column: Column) -> Iterator[tuple[str, np.ndarray]]:
    """Numbers that the cells hold, each shape (rows,) float64."""
    yield "", column.numbers("", readings.plain)
    if not column.short or column.measured:
        return
    for place in (0, 1, 2, 3, -1):
        where = f" in number {place + 1}" if place >= 0 else " in the last number"
        yield where, column.numbers(where, readings.number_at(place))
    for how, read in readings.ENCODINGS:
        yield f", {how},", column.numbers(f", {how},", read)


_FUNCTIONS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("", lambda x: x),
    (" with the opposite sign", lambda x: -x),
    (" times 10", lambda x: x / 10),
    (" times 100", lambda x: x / 100),
    (" times 1,000", lambda x: x / 1000),
    (" times a million", lambda x: x / 1e6),
    (" divided by 100", lambda x: x * 100),
    (" divided by 1,000", lambda x: x * 1000),
    (" as its logarithm", np.exp),
    (" as the logarithm of 1 plus it", np.expm1),
    (" as its exponential", np.log),
    (" as its square root", np.square),
    (" as its square", np.sqrt),
    (" as its inverse", lambda x: 1 / x),
    (" as its complement to 1", lambda x: 1 - x),
    (" in radians", np.degrees),
    (" in degrees", np.radians),
    (" in degrees and minutes", lambda x: np.sign(x) * (np.abs(x) // 100 + np.abs(x) % 100 / 60)),
)
"""What an answer may be made into, and the way back."""


def _go_together(numbers: np.ndarray, true: np.ndarray) -> bool:
    """Whether one rises or falls with the other, as it does where nearly all numbers are a function of an answer."""
    known = ~np.isnan(numbers) & ~np.isnan(true)
    rows = np.flatnonzero(known)[:_MOST_TOGETHER]
    if len(rows) < 2:
        return False
    x, y = numbers[rows].argsort().argsort(), true[rows].argsort().argsort()
    return len(rows) < _LEAST_TOGETHER or abs(float(np.corrcoef(x, y)[0, 1])) > _TOGETHER


def _told_numbers(how: str, said: np.ndarray, numbers: np.ndarray, target: Target) -> Told | None:
    known = np.isfinite(said) & ~np.isnan(target.values)
    x, y = said[known], target.values[known]
    if len(x) < 2:
        return None
    matches = numbers_match(x, y)
    right = int(matches.sum())
    if right < RIGHT * len(x) or len(np.unique(y)) < 2:
        return None
    shifts = [numbers_match(np.roll(x, 1 + k * (len(x) - 1) // _SHIFTS), y).sum() for k in range(min(_SHIFTS, len(x) - 1))]
    chance = (sum(shifts) + 1) / (len(shifts) * len(x) + 1)
    if right / len(x) - chance < LIFT * (1 - chance):
        return None
    by_shifts = statistics.log_binomial_tail(right, len(x), chance)
    values = np.where(np.isfinite(said), said, np.nan)
    return Told(how, target, values, right, len(x), min(by_shifts, _by_digits(y[matches], chance)))


def numbers_match(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Where numbers agree to six digits, or one is the other, rounded to no fewer than three digits; shape (rows,) bool."""
    close: np.ndarray = np.abs(said - true) <= 1e-6 * np.abs(true) + 1e-12
    for digits in (3, 4, 5):
        with np.errstate(all="ignore"):
            unit = 10.0 ** (np.floor(np.log10(np.abs(true))) - digits + 1)
            rounded = np.round(said / unit) * unit
            other = np.round(true / unit) * unit
        close |= (np.abs(said - rounded) <= 1e-9 * np.abs(true)) & (np.abs(said - other) <= 1e-9 * np.abs(true))
        close |= (np.abs(true - other) <= 1e-9 * np.abs(true)) & (np.abs(true - rounded) <= 1e-9 * np.abs(true))
    return close


def _by_digits(matched: np.ndarray, chance: float) -> float:
    """Log-probability of the matches, given the number of digits of the distinct answers."""
    different = np.unique(matched)
    digits = [len(f"{abs(value):.6g}".replace(".", "").strip("0").split("e")[0]) for value in different[:1000]]
    return -math.log(10) * sum(max(0, digit - 1) for digit in digits if digit >= 4) if chance < 0.5 else 0.0


# -- texts


def _text_readings(column: Column) -> Iterator[tuple[str, Reading, Reading]]:
    """Name, reading, and the form in which both sides are compared."""
    yield "", readings.plain, readings.plain
    yield ", ignoring punctuation and case,", readings.plain, readings.words
    yield _UNORDERED, readings.plain, readings.sorted_words
    yield " after its last separator", readings.inner, readings.words
    for how, read in readings.ENCODINGS:
        yield f", {how},", read, readings.words


def _told_texts(how: str, said: np.ndarray, told: np.ndarray, form: Reading, true: np.ndarray, target: Target) -> Told | None:
    places = np.flatnonzero(told)
    left = [form(str(said[place])) or "" for place in places]
    right = [form(str(true[place])) or "" for place in places]
    matches = np.array([a == b != "" for a, b in zip(left, right, strict=True)], dtype=bool)
    count = int(matches.sum())
    if count < RIGHT * len(places):
        return None
    both = np.unique(np.array([*left, *right], dtype=object).astype(str), return_inverse=True)[1].reshape(-1)
    log_p = statistics.log_match_by_chance(both[: len(left)], both[len(left) :])
    different = {text for text, match in zip(right, matches, strict=True) if match}
    if len(different) > max(1, len(right) // 2):
        log_p = min(log_p, -math.log(2) * sum(min(len(text), 40) for text in different))
    said[~told] = None
    return Told(how, target, said, count, len(places), log_p)
