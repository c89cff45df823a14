"""Whether the task text speaks of a column.

`described(case, column, siblings)` is shared by the checks: a column counts as described if the description names it as it is
spelled, names its words one after the other, names another of its numbered series (`f_00` of `f_07`), or shows its form with
places left open (`mean_<property>`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from mlebench.preparation.audit.case import Case

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")
_OPEN = re.compile(r"<[^<>\s]{1,30}>|\{[^{}\s]{1,30}\}")
_FORM = re.compile(rf"(?:[\w.\-]|{_OPEN.pattern}){{3,100}}")
_SERIES = 3
"""At least this many columns that differ only in a number are a series."""


def described(case: Case, column: str, siblings: Iterable[str] = ()) -> bool:
    """Whether the description of a competition speaks of a column.

    Args:
        case: the competition.
        column: the column's name; of a nested one (`a.b`) the last part may be named alone.
        siblings: all columns of its table.
    """
    text, words = _text_of(case.competition.description)
    return any(_is_named(name, text, words, siblings) for name in dict.fromkeys((column, column.rpartition(".")[2])) if name)


def named_itself(case: Case, column: str) -> bool:
    """Whether the description spells the column's whole name, not just that of its series."""
    return re.search(rf"(?<![\w]){re.escape(column.casefold())}(?![\w])", _text_of(case.competition.description)[0]) is not None


def _is_named(name: str, text: str, words: str, siblings: Iterable[str]) -> bool:
    folded = name.casefold()
    if re.search(rf"(?<![\w]){re.escape(folded)}(?![\w])", text):
        return True
    if any(form.fullmatch(folded) for form in _forms_in(text)):
        return True
    spoken = _spoken(name)
    if len(spoken) > 4 and f" {spoken} " in words:
        return True
    number = _LAST_NUMBER.search(folded)
    if number is None:
        return False
    head, tail = re.escape(folded[: number.start()]), re.escape(folded[number.end() :])
    if head and re.search(rf"(?<!\w){head}(\d+|\*|#|\[|\{{|<|x\b|n\b|i\b){'' if not tail else f'.{{0,12}}{tail}'}", text):
        return True
    shape = re.compile(rf"{head}\d+{tail}", re.IGNORECASE)
    stem = folded[: number.start()].strip("_-. ")
    is_series = sum(shape.fullmatch(other) is not None for other in siblings) >= _SERIES
    return is_series and len(stem) >= 1 and re.search(rf"(?<!\w){re.escape(stem)}s?(?!\w)", text) is not None


@functools.lru_cache(maxsize=4)
def _forms_in(text: str) -> tuple[re.Pattern[str], ...]:
    """Names with places left open that a text shows; one that leaves all open says nothing."""
    shown = {found for found in _FORM.findall(text) if _OPEN.search(found) and _OPEN.sub("", found).strip("_-.")}
    return tuple(re.compile(r"\w+?".join(map(re.escape, _OPEN.split(form)))) for form in sorted(shown))


def _spoken(name: str) -> str:
    return " ".join(_WORDS.findall(name)).casefold()


@functools.lru_cache(maxsize=4)
def _text_of(description: str) -> tuple[str, str]:
    return description.casefold(), f" {' '.join(word.casefold() for word in _WORDS.findall(description))} "
