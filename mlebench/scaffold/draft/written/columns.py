"""What a column of a table holds, and the expression that makes up another one like it.

Expressions use `rng`, a generator, and `count`, the number of rows. Of a real column they keep its kind, range, share of gaps and
the names of its categories; never an id, a text, or a value that stands in one row alone.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlebench.scaffold.draft.written.script import Script, literal

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["empty", "boolean", "whole number", "number", "date", "category", "numbers", "tags", "code", "text", "list"]

MOST_CATEGORIES = 40
_LONGEST_CATEGORY = 40
_FEW_NUMBERS = 12
_SEEN = 2_000
"""Different values that are looked at for a pattern."""
_FORMS = {
    r"\d{4}-\d\d-\d\d": "%Y-%m-%d",
    r"\d{4}/\d\d/\d\d": "%Y/%m/%d",
    r"\d\d?/\d\d?/\d{4}": "%m/%d/%Y",
    r"\d\d?\.\d\d?\.\d{4}": "%d.%m.%Y",
    r"\d\d?-\d\d?-\d{4}": "%d-%m-%Y",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "%Y-%m-%d %H:%M",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "%Y-%m-%d %H:%M:%S",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC": "%Y-%m-%d %H:%M:%S UTC",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,6}": "%Y-%m-%d %H:%M:%S.%f",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d": "%Y-%m-%dT%H:%M:%S",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "%Y-%m-%dT%H:%M:%SZ",
    r"\d\d?/\d\d?/\d{4} \d\d:\d\d": "%m/%d/%Y %H:%M",
    r"\d\d?/\d\d?/\d{4} \d\d:\d\d:\d\d": "%m/%d/%Y %H:%M:%S",
    r"\d\d:\d\d:\d\d": "%H:%M:%S",
}
"""How dates are written, by a pattern; months come before days unless that makes a month 13."""
_DAYS_FIRST = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S": "%d/%m/%Y %H:%M:%S"}
_NUMBERS = re.compile(r"[\[(]?\s*-?\d+(\.\d+)?(?:([,;|\s]\s*)-?\d+(\.\d+)?)+\s*[\])]?")
_PARTS = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]+")
_RUNS = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]+")


class Column(NamedTuple):
    """A column of a raw table.

    Attributes:
        name: its name.
        values: its cells with their types.
        written: its cells as text; None if the format has types of its own.
    """

    name: str
    values: pd.Series
    written: pd.Series | None = None

    @property
    def gaps(self) -> float:
        """Share of empty cells, 0 to 1."""
        return float(self.values.isna().mean()) if len(self.values) else 0.0

    @property
    def present(self) -> pd.Series:
        """The cells that are not empty."""
        return self.values.dropna()

    @property
    def words(self) -> list[str]:
        """The different cells as they are written, those seen first in front."""
        if self.written is not None:
            kept = self.written[self.values.notna()]
            return list(dict.fromkeys(kept.tolist()))[:_SEEN]
        return list(dict.fromkeys(map(_as_text, self.present.tolist())))[:_SEEN]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else literal(value)


def kind_of(column: Column) -> Kind:
    """What a column holds."""
    import numpy as np
    import pandas as pd

    present = column.present
    if present.empty:
        return "empty"
    if isinstance(present.iloc[0], list | tuple | dict | np.ndarray):
        return "list"
    if pd.api.types.is_bool_dtype(present) or set(map(type, present.unique()[:3])) == {bool}:
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(present):
        return "date"
    if pd.api.types.is_numeric_dtype(present):
        return _kind_of_numbers(column)
    return _kind_of_texts(column)


def _kind_of_numbers(column: Column) -> Kind:
    import numpy as np

    if is_padded(column.words):
        return "code"
    numbers = column.present.to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    whole = len(finite) == len(numbers) and bool((finite == np.round(finite)).all()) and bool((np.abs(finite) < 2**62).all())
    return "whole number" if whole else "number"


def is_padded(words: Sequence[str]) -> bool:
    """Whether these are numbers with zeros in front, as in `007`."""
    return any(re.fullmatch(r"0\d+", word) for word in words) and all(word.isascii() and word.isdigit() for word in words)


def _kind_of_texts(column: Column) -> Kind:
    words = column.words
    if date_form(words):
        return "date"
    if categories(column):
        return "category"
    if all(_NUMBERS.fullmatch(word) for word in words):
        return "numbers"
    if tags(words):
        return "tags"
    return "code" if pattern_of(words) else "text"


def categories(column: Column) -> list[str]:
    """The names of a column's categories, sorted; empty if its cells are something else.

    A value of one row alone is left out, since it may say whose row it is.
    """
    counts = Counter(map(_as_text, column.present.tolist()))
    often = sorted(word for word, number in counts.items() if number > 1)
    if len(counts) > MOST_CATEGORIES or 2 * len(counts) > len(column.present) or len(often) < 1:
        return []
    if any(len(word) > _LONGEST_CATEGORY for word in often) or _identify(often):
        return []
    return often


def _identify(words: Sequence[str]) -> bool:
    """Whether words are numbered names, such as those of patients, rather than categories."""
    if len(words) <= _FEW_NUMBERS:
        return len(words) > 2 and all(re.fullmatch(r"\W*\w*?\d{3,}|[0-9a-f]{8,}", word) for word in words)
    return all(any(letter.isdigit() for letter in word) for word in words) and pattern_of(words) is not None


def date_form(words: Sequence[str]) -> str | None:
    """How dates are written, in the codes of `strftime`; None if they are not dates."""
    import pandas as pd

    for pattern, form in _FORMS.items():
        if all(re.fullmatch(pattern, word) for word in words):
            for candidate in (form, _DAYS_FIRST.get(form)):
                if candidate and pd.to_datetime(pd.Series(words), format=candidate, errors="coerce").notna().all():
                    return candidate
    return None


def tags(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Of cells that list some of a few words: what divides them, and the words that more than one cell has."""
    for separator in (" ", "|", ";", ", ", ","):
        cells = [word.split(separator) for word in words]
        counts = Counter(tag for cell in cells for tag in set(cell))
        if max(map(len, cells), default=0) > 1 and len(counts) <= MOST_CATEGORIES and len(words) > 2:
            often = sorted(tag for tag, number in counts.items() if number > 1 and tag)
            if len(often) > 1 and sum(map(len, cells)) > 3 * len(counts) and max(map(len, often)) <= _LONGEST_CATEGORY:
                return separator, often
    return None


# patterns of codes

Part = str | tuple[str, int, int]
"""Fixed text, or an alphabet with the shortest and longest length of a run of its letters."""

_ALPHABETS = ("digits", "ascii_lowercase", "ascii_uppercase", "ascii_letters")
HEX = "0123456789abcdef"


def pattern_of(words: Sequence[str]) -> list[Part] | None:
    """The parts that codes are made of; None if the words are not all of one pattern."""
    if not words or max(map(len, words)) > 100:
        return None
    for splitter in (_PARTS, _RUNS):
        rows = [splitter.findall(word) for word in words]
        lengths = {len(row) for row in rows}
        if len(lengths) == 1 and 0 < len(rows[0]) <= 24 and "".join(rows[0]) == words[0]:
            parts = [_part(column) for column in zip(*rows, strict=True)]
            if all(part is not None for part in parts):
                return [part for part in parts if part is not None]
    return None


def _part(column: Sequence[str]) -> Part | None:
    """What one position of all codes holds; None if punctuation varies, or words beside numbers do."""
    different = set(column)
    if len(different) == 1:
        return column[0]
    letters = set("".join(different))
    if not all(letter.isascii() and letter.isalnum() for letter in letters):
        return None
    low, high = min(map(len, different)), max(map(len, different))
    if letters <= set(HEX) and low == high >= 6 and len(letters) > 10:
        return HEX, low, high
    if letters <= set(HEX.upper()) and low == high >= 6 and len(letters) > 10:
        return HEX.upper(), low, high
    return _alphabet(letters, high), low, high


def _alphabet(letters: set[str], longest: int) -> str:
    import string

    if longest == 1 and len(letters) <= _FEW_NUMBERS:
        return "".join(sorted(letters))
    found = next((name for name in _ALPHABETS if letters <= set(getattr(string, name))), None)
    if found:
        return str(getattr(string, found))
    if letters <= set(string.ascii_lowercase + string.digits):
        return string.ascii_lowercase + string.digits
    if letters <= set(string.ascii_uppercase + string.digits):
        return string.ascii_uppercase + string.digits
    return string.ascii_letters + string.digits


def _codes(script: Script, parts: Sequence[Part], count: str, *, distinct: bool = False) -> str:
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    said = ", ".join(_said(script, part) for part in joined)
    return f"{script.use('codes')}(rng, {count}, {said}{', distinct=True' if distinct else ''})"


def _said(script: Script, part: Part) -> str:
    import string

    if isinstance(part, str):
        return literal(part)
    letters, low, high = part
    named = next((name for name in _ALPHABETS if getattr(string, name) == letters), None)
    if named:
        alphabet = script.use(named, "string")
    elif letters == string.ascii_lowercase + string.digits:
        alphabet = f"{script.use('ascii_lowercase', 'string')} + {script.use('digits', 'string')}"
    elif letters == string.ascii_uppercase + string.digits:
        alphabet = f"{script.use('ascii_uppercase', 'string')} + {script.use('digits', 'string')}"
    elif letters == string.ascii_letters + string.digits:
        alphabet = f"{script.use('ascii_letters', 'string')} + {script.use('digits', 'string')}"
    else:
        alphabet = literal(letters)
    return f"({alphabet}, {low})" if low == high else f"({alphabet}, {low}, {high})"


# ids


def distinct_expression(script: Script, column: Column, count: str = "count") -> str:
    """An expression for `count` values like those of a column, none of them twice."""
    words = column.words
    if not words:
        return f"list(range({count}))"
    kind = kind_of(column)
    if kind == "whole number" and not is_padded(words):
        return _distinct_numbers(script, column, count)
    if kind == "date":
        return _distinct_dates(script, column, count)
    parts = pattern_of(words)
    if parts is None and " " in words[0].strip():
        return f'[f"{{text}} {{k}}" for k, text in enumerate({_text(script, column, False, count)})]'
    if parts is None:
        longest = max(6, min(max(map(len, words)), 32))
        return _codes(script, [(_alphabet(set("aA0"), 2), longest, longest)], count, distinct=True)
    if len(parts) == 1 and parts[0] == (HEX, len(words[0]), len(words[0])):
        return f"{script.use('hex_ids')}(rng, {count}, {len(words[0])})"
    return _numbered(parts, count) or _codes(script, _roomy(parts), count, distinct=True)


def _distinct_numbers(script: Script, column: Column, count: str) -> str:
    import numpy as np

    numbers = column.present.to_numpy()
    first, last = int(numbers.min()), int(numbers.max())
    if len(numbers) == last - first + 1 or len(np.unique(numbers)) < len(numbers):
        in_order = f"range({first}, {first} + {count})" if first else f"range({count})"
        return in_order if bool((np.diff(numbers) >= 0).all()) else f"{first} + rng.permutation({count})"
    script.use("gapped_ids")
    many = f"10 * {count}" if count.isidentifier() else f"10 * ({count})"
    drawn = f"np.array(gapped_ids(rng, {count}, {many}))" + (" * 10" if last >= 1_000_000 else "")
    start = f" + {_rounded_down(first)}" if _rounded_down(first) else ""
    made = f"{drawn}{start}"
    return made if bool((np.diff(numbers) > 0).all()) else f"rng.permutation({made})"


def _distinct_dates(script: Script, column: Column, count: str) -> str:
    import pandas as pd

    script.use_module("import pandas as pd")
    form = None if pd.api.types.is_datetime64_any_dtype(column.present) else date_form(column.words)
    first = pd.Timestamp(column.present.min()) if form is None else pd.to_datetime(pd.Series(column.words), format=form).min()
    step = "D" if form is None or "%H" not in form else "h"
    dates = f"pd.date_range({literal(str(first.date()))}, periods={count}, freq={literal(step)})"
    return dates if form is None else f"{dates}.strftime({literal(form)}).tolist()"


def _numbered(parts: Sequence[Part], count: str) -> str | None:
    """Codes with one number in them, in order; None if they have more in them that varies."""
    open_parts = [part for part in parts if not isinstance(part, str)]
    if len(open_parts) != 1 or set(open_parts[0][0]) - set("0123456789"):
        return None
    width = open_parts[0][1] if open_parts[0][1] == open_parts[0][2] else 0
    before = "".join(part for part in parts[: parts.index(open_parts[0])] if isinstance(part, str))
    after = "".join(part for part in parts[parts.index(open_parts[0]) + 1 :] if isinstance(part, str))
    number = f"{{k:0{width}d}}" if width else "{k}"
    return f"[f{literal(_braced(before) + number + _braced(after))} for k in range({count})]"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _roomy(parts: Sequence[Part]) -> list[Part]:
    """The parts, with more letters in the last that varies if codes could run out."""
    room = sum(part[1] * math.log10(max(len(part[0]), 1)) for part in parts if not isinstance(part, str))
    roomy = list(parts)
    if room < 7:
        last = max((place for place, part in enumerate(parts) if not isinstance(part, str)), default=len(parts))
        roomy[last : last + 1] = [("0123456789", 8, 8)]
    return roomy


def made_up(column: Column, count: int) -> list[str]:
    """A few made-up values of a column of ids, as text, the same each time."""
    letters = random.Random(0)
    words = column.words
    kind = kind_of(column)
    if kind == "whole number" and not is_padded(words):
        first = int(column.present.min())
        return [str(first + 7 * place + 3) for place in range(count)]
    if kind == "date":
        form = date_form(words) or "%Y-%m-%d"
        return [datetime(2001, 1, place + 1).strftime(form) for place in range(count)]
    parts = pattern_of(words) or ["id_", ("0123456789", 6, 6)]
    if all(isinstance(part, str) for part in parts):
        parts = [*parts, ("0123456789", 4, 4)]
    return [
        "".join(part if isinstance(part, str) else "".join(letters.choices(part[0], k=part[1])) for part in parts)
        for _ in range(count)
    ]


# features


def expression(script: Script, column: Column, *, coarse: bool = False, count: str = "count") -> str:
    """An expression for `count` cells like those of a column, gaps included.

    Args:
        script: gets the imports and constants that the expression needs.
        column: the column.
        coarse: whether ranges and shares are rounded so far that many columns get the same expression.
        count: Python for the number of cells.
    """
    kind = kind_of(column)
    if kind == "empty":
        return f"[None] * {count}"
    made = _MAKERS[kind](script, column, coarse, count)
    gaps = round(column.gaps, 1 if coarse else 2) or (0.01 if column.gaps else 0.0)
    if gaps:
        made = f"{script.use('with_gaps')}(rng, {made}, {min(gaps, 0.99)})"
    return _typed(script, column, made)


def _typed(script: Script, column: Column, made: str) -> str:
    """The expression, with the type that a format with types of its own gives the column."""
    import pandas as pd

    if column.written is not None:
        return made
    kind = str(column.values.dtype)
    if kind in ("object", "int64", "float64", "bool", "str") or (kind.startswith("datetime64") and "," in kind):
        return made
    script.use_module("import pandas as pd")
    wanted = "category" if isinstance(column.values.dtype, pd.CategoricalDtype) else kind
    return f"pd.Series({made}, dtype={literal(wanted)})"


def _boolean(script: Script, column: Column, coarse: bool, count: str) -> str:
    share = round(float(column.present.astype(bool).mean()), 1 if coarse else 2)
    words = {word.lower(): word for word in column.words}
    made = f"rng.random({count}) < {share}"
    if set(words.values()) <= {"True", "False"}:
        return made
    script.use_module("import numpy as np")
    true, false = (next((word for low, word in words.items() if low[0] == first), first) for first in "tf")
    return f"np.where({made}, {literal(true)}, {literal(false)})"


def _whole_number(script: Script, column: Column, coarse: bool, count: str) -> str:
    numbers = column.present.to_numpy(dtype=float)
    different = sorted({int(number) for number in set(numbers.tolist())})
    low, high = different[0], different[-1]
    if low == high and abs(low) < 1_000:
        made = f"rng.integers({low}, {low + 1}, {count})"
    elif len(different) <= _FEW_NUMBERS and high - low + 1 > (2 if coarse else 1) * len(different):
        made = f"rng.choice({script.values(column.name, different)}, {count})"
    elif coarse and high - low > _FEW_NUMBERS:
        made = f"rng.integers({_rounded_down(low)}, {_rounded_up(high) + 1}, {count})"
    else:
        made = f"rng.integers({low}, {high + 1}, {count})" if low else f"rng.integers({high + 1}, size={count})"
    is_float = str(column.values.dtype).lower().startswith("float") and not column.gaps
    return f"{made}.astype(float)" if is_float else made


def _rounded_down(number: int) -> int:
    return -_rounded_up(-number) if number < 0 else 10 ** (len(str(number)) - 1) if number > 9 else 0


def _rounded_up(number: int) -> int:
    """To the next power of ten, away from 0."""
    return -_rounded_down(-number) if number < 0 else 10 ** len(str(number)) if number > 9 else 10


def _number(script: Script, column: Column, coarse: bool, count: str) -> str:
    import numpy as np

    numbers = column.present.to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return f"rng.random({count})"
    low, high = _bounds(float(finite.min()), float(finite.max()), coarse)
    zeros = round(float((finite == 0).mean()), 1)
    made = f"rng.uniform({low}, {high}, {count})"
    places = _decimals(column)
    if places is not None:
        made = f"{made}.round({places})"
    return f"{made} * (rng.random({count}) < {round(1 - zeros, 1)})" if 0.2 <= zeros < 1 and low <= 0 and not coarse else made


def _bounds(low: float, high: float, coarse: bool) -> tuple[float, float]:
    """The range, widened to two digits or to powers of ten; a bound of 0 stays."""
    if coarse:
        down = 0.0 if low >= 0 else -_power(-low)
        return down, max(_power(high), 1e-6) if high > 0 else 0.0
    span = max(abs(low), abs(high), 1e-9)
    step = 10.0 ** (math.floor(math.log10(span)) - 1)
    places = max(0, 1 - math.floor(math.log10(span)))
    down, up = round(math.floor(low / step) * step, places), round(math.ceil(high / step) * step, places)
    return (0.0 if low >= 0 and down < 0 else down), up


def _power(number: float) -> float:
    return float(f"1e{math.ceil(math.log10(number))}") if number > 0 else 0.0


def _decimals(column: Column) -> int | None:
    """Places behind the point; None for numbers of full precision."""
    words = column.words[:500]
    if any("e" in word.lower() for word in words):
        return None
    places = max((len(word.partition(".")[2]) for word in words), default=0)
    return places if places <= 6 else None


def _date(script: Script, column: Column, coarse: bool, count: str) -> str:
    import pandas as pd

    form = None if pd.api.types.is_datetime64_any_dtype(column.present) else date_form(column.words)
    dates = column.present if form is None else pd.to_datetime(pd.Series(column.words), format=form)
    first, last = dates.min(), dates.max()
    has_days, has_hours = form is None or "%d" in form, form is None or "%H" in form
    ends = [moment.strftime("%Y-%m-%dT%H:%M:%S" if has_hours else "%Y-%m-%d") for moment in (first, last)]
    if has_days and has_hours:
        ends = [f"{end[:10]}T{clock}" for end, clock in zip(ends, ("00:00:00", "23:59:59"), strict=True)]
    said = (
        f"{script.use('moments')}(rng, {count}, {literal(ends[0])}, {literal(ends[1])}, {literal(form or '%Y-%m-%d %H:%M:%S')})"
    )
    if form is not None:
        return said
    script.use_module("import pandas as pd")
    zone = f".tz_localize({literal(str(dates.dt.tz))}, ambiguous=True, nonexistent='shift_forward')" if dates.dt.tz else ""
    return f"pd.to_datetime({said}){zone}"


def _category(script: Script, column: Column, coarse: bool, count: str) -> str:
    return f"rng.choice({script.values(column.name, categories(column))}, {count})"


def _numbers(script: Script, column: Column, coarse: bool, count: str) -> str:
    """Cells that list numbers: as many of them, as large, and divided alike."""
    lists = [re.findall(r"-?\d+(?:\.\d+)?", word) for word in column.words[:200]]
    lengths = sorted(map(len, lists))
    low, high = lengths[len(lengths) // 10], min(lengths[len(lengths) * 9 // 10], 20)
    separator = next(match[2] for word in column.words if (match := _NUMBERS.fullmatch(word)))
    opening, closing = (end if end in "[]()" else "" for end in (column.words[0][0], column.words[0][-1]))
    largest = max(abs(float(number)) for row in lists for number in row)
    is_whole = not any("." in number for row in lists for number in row)
    drawn = f"rng.integers({_rounded_up(int(largest))}, size=n)" if is_whole else f"rng.random(n).round(3) * {_power(largest)}"
    joined = f"{literal(separator)}.join(map(str, ({drawn}).tolist()))"
    wrapped = f"{literal(opening)} + {joined} + {literal(closing)}" if opening else joined
    return f"[{wrapped} for n in rng.integers({min(low, high)}, {high + 1}, {count})]"


def _tags(script: Script, column: Column, coarse: bool, count: str) -> str:
    found = tags(column.words)
    separator, words = found or (" ", ["a"])
    most = min(len(words), max(len(word.split(separator)) for word in column.words), 5)
    chosen = script.values(column.name, words)
    return f"[{literal(separator)}.join(rng.choice({chosen}, n, replace=False)) for n in rng.integers(1, {most + 1}, {count})]"


def _code(script: Script, column: Column, coarse: bool, count: str) -> str:
    return _codes(script, pattern_of(column.words) or ["x"], count)


def _text(script: Script, column: Column, coarse: bool, count: str) -> str:
    lengths = sorted(len(word.split()) for word in column.words)
    low, high = max(1, lengths[len(lengths) // 10]), max(1, min(lengths[len(lengths) * 9 // 10], MOST_CATEGORIES))
    return f"{script.use('phrases')}(rng, {count}, {min(low, high)}, {high})"


def _list(script: Script, column: Column, coarse: bool, count: str) -> str:
    lists = [list(cell) for cell in column.present[:200]]
    lengths = [min(len(cell), 20) for cell in lists]
    items = [item for cell in lists for item in cell]
    if all(isinstance(item, str) for item in items):
        return f"[{script.use('phrases')}(rng, n, 1, 1) for n in rng.integers({min(lengths)}, {max(lengths) + 1}, {count})]"
    is_whole = all(float(item) == int(item) for item in items if item is not None)
    drawn = "rng.integers(100, size=n)" if is_whole else "rng.random(n).round(4)"
    return f"[{drawn}.tolist() for n in rng.integers({min(lengths)}, {max(lengths) + 1}, {count})]"


_MAKERS = {
    "boolean": _boolean,
    "whole number": _whole_number,
    "number": _number,
    "date": _date,
    "category": _category,
    "numbers": _numbers,
    "tags": _tags,
    "code": _code,
    "text": _text,
    "list": _list,
}
