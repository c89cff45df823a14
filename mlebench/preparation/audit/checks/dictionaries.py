"""Cells that say answers by the names which a public table gives to these: a label for its number, a tag for its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.linked import is_sample
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.checks.readings import normal
from mlebench.preparation.audit.seen.tables import tables_of
from mlebench.preparation.audit.truth import Target

_MOST_ENTRIES = 20_000
_MOST_COLUMNS = 12
_LEAST_ENTRIES = 3
_LEAST_HELD = 0.95
"""Minimum share of the words in answers that a dictionary must contain."""
_PROBED = 60
_SIGNS = ("|", ";", ",", " ")


@dataclass(frozen=True)
class Dictionary:
    """What the values of one column of a public table are called in another."""

    where: str
    """Such as `labels.csv`."""
    targets: frozenset[str]
    """Targets whose answers consist of such values."""
    meanings: Mapping[str, str]
    """By the normal form of a name its value."""

    def read(self, cells: np.ndarray) -> np.ndarray | None:
        """The values that cells name, joined by blanks, shape (cells,), None if there is none; None if most name none."""
        some = [text for text in dict.fromkeys(str(cell) for cell in cells) if text.strip()][:_PROBED]
        named = {sign: sum(len(self._values(text, sign)) for text in some) for sign in (None, *_SIGNS)}
        sign = max(named, key=lambda key: named[key])
        if not some or sum(bool(self._values(text, sign)) for text in some) < len(some) / 2:
            return None
        return np.array([" ".join(self._values(str(cell), sign)) or None for cell in cells], dtype=object)

    def _values(self, text: str, sign: str | None) -> Sequence[str]:
        """The values of all names in a text; none if it holds anything else."""
        names = [text] if sign is None else [part for part in text.split(sign) if part.strip()]
        found = [self.meanings.get(normal(name)) for name in names]
        return [value for value in found if value is not None] if None not in found else []


@once
def dictionaries_of(case: Case) -> Sequence[Dictionary]:
    """Those of all small public tables."""
    words = {target.name: _words_of(target) for target in case.truth.targets if target.kind != "number"}
    return [*_found(case, {name: held for name, held in words.items() if len(held) >= _LEAST_ENTRIES})]


def _words_of(target: Target) -> frozenset[str]:
    texts = target.classes if target.kind == "class" else target.values
    return frozenset(word for text in texts for word in str(text).split())


def _found(case: Case, words: Mapping[str, frozenset[str]]) -> Iterator[Dictionary]:
    for table in tables_of(case.seen) if words else ():
        if is_sample(case, table.path):
            continue
        cells = table.read(_MOST_ENTRIES)
        columns = [column for column in cells.columns[:_MOST_COLUMNS] if cells[column].nunique() == len(cells) >= _LEAST_ENTRIES]
        for meant in columns:
            values = [str(value) for value in cells[meant]]
            held = {*values}
            targets = frozenset(name for name, asked in words.items() if len(asked & held) >= _LEAST_HELD * len(asked))
            for name in columns if targets else ():
                meanings = {normal(str(text)): value for text, value in zip(cells[name], values, strict=True)}
                if name != meant and len(meanings) == len(values):
                    yield Dictionary(table.path, targets, meanings)
