"""Rows that are in train and in test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness.row_hashes import block_count, matches, normal, row_hashes
from mlebench.preparation.audit.likeness.sides import TablePair, TestUnits, labels_of_rows, table_pairs, table_sides
from mlebench.preparation.audit.likeness.votes import guesses_of, told_rows

if TYPE_CHECKING:
    import pandas as pd

NAME = "twin-rows"

_SAMPLED = 200_000
"""Rows from which the frequencies of values are told."""
_SPARE_BITS = 12
"""Twins must be this many doublings more improbable than one pair by chance."""
_FEWEST_COLUMNS_NEAR = 5
_LETTERS_OF_A_TEXT = 20
_MOST_PAIRS = 1_000_000
_ID = re.compile(r"(^|[_\W])(id|ids|uuid|guid|index|idx|file|filename|path|url|name|key|row)$|Id$|ID$", re.ASCII)


def twin_rows(case: Case) -> Iterator[Clue]:
    """Rows equal in all columns that both tables have, or in all but one, and too rich to be equal by chance."""
    units = TestUnits(case.truth)
    for pair in table_pairs(table_sides(case, units), case.truth):
        try:
            twins = _Twins(case, pair, units)
            yield from twins.clues()
        except (OSError, ValueError):
            continue


@dataclass
class _Found:
    """Pairs of one kind, chunk by chunk."""

    mine: list[np.ndarray]
    labels: dict[str, list[np.ndarray]]

    def count(self) -> int:
        return sum(map(len, self.mine))


class _Twins:
    def __init__(self, case: Case, pair: TablePair, units: TestUnits) -> None:
        self._case, self._pair, self._units = case, pair, units
        head = pair.train.table.read(_SAMPLED)
        test = pair.test.table.read(_SAMPLED)
        self._columns = [name for name in pair.columns if not _names_rows(name, head[name], test[name])]
        self._rare = {name: _bits(head[name]) for name in self._columns}
        self._train_rows = len(head)

    def clues(self) -> Iterator[Clue]:
        if not self._columns:
            return
        test = self._test_rows()
        if not len(test):
            return
        hashes = row_hashes(test, self._columns)
        bits = np.stack([_told_bits(test[name], *self._rare[name]) for name in self._columns], axis=1)
        owners = test.index.to_numpy()
        exact = self._against(hashes.whole, bits.sum(axis=1), None)
        yield from self._clue(exact, owners, f"in all {len(self._columns)} columns that both tables have")
        if len(self._columns) < _FEWEST_COLUMNS_NEAR:
            return
        seen = {int(row) for part in exact.mine for row in part}
        for block in range(block_count(self._columns)):
            left_out = self._columns[block :: block_count(self._columns)]
            rest = bits.sum(axis=1) - bits[:, block :: block_count(self._columns)].sum(axis=1)
            rest[[*seen]] = -1
            near = self._against(hashes.without(block), rest, block)
            named = "`, `".join(left_out[:5])
            yield from self._clue(near, owners, f"in all of {len(self._columns)} columns but `{named}`")

    def _test_rows(self) -> pd.DataFrame:
        """The test rows, with their units as the index."""
        import pandas as pd

        parts, offset = [], 0
        for chunk in self._pair.test.table.chunks():
            place = self._pair.test.units(chunk, offset, self._units, self._case.truth)
            offset += len(chunk)
            part = chunk.loc[place >= 0, self._columns]
            parts.append(part.set_axis(place[place >= 0], axis=0))
        return pd.concat(parts) if parts else pd.DataFrame()

    def _against(self, wanted: np.ndarray, bits: np.ndarray, block: int | None) -> _Found:
        """Training rows with one of some hashes; test rows of too few bits are left out."""
        rows = len(wanted)
        kept = np.flatnonzero(bits >= np.log2(max(rows, 2)) + np.log2(max(self._train_rows, 2)) + _SPARE_BITS)
        order = kept[np.argsort(wanted[kept], kind="stable")]
        found = _Found([], {target.name: [] for target in self._case.truth.targets})
        if not len(order):
            return found
        for chunk, own in self._train_chunks():
            hashes = row_hashes(chunk, self._columns)
            offered = hashes.whole if block is None else hashes.without(block)
            left, right = matches(wanted[order], offered)
            fits = own[right]
            left, right = left[fits], right[fits]
            found.mine.append(order[left])
            for target in self._case.truth.targets:
                found.labels[target.name].append(labels_of_rows(self._case, target, chunk.iloc[right]))
            if found.count() > _MOST_PAIRS:
                break
        return found

    def _train_chunks(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pieces of the training table, and which of their rows are training rows."""
        offset = 0
        for chunk in self._pair.train.table.chunks():
            place = self._pair.train.units(chunk, offset, self._units, self._case.truth)
            offset += len(chunk)
            yield chunk, place < 0

    def _clue(self, found: _Found, owners: np.ndarray, how: str) -> Iterator[Clue]:
        if not found.count():
            return
        mine = np.concatenate(found.mine)
        things, twins = np.unique(owners[mine], return_inverse=True)
        rows = [self._units.rows(int(unit)) for unit in things]
        labels = {name: np.concatenate(parts) for name, parts in found.labels.items()}
        count = told_rows(rows, twins)
        told = guesses_of(self._case.truth, rows, twins, labels)
        what = f"{count:,} of {self._case.truth.rows:,} test rows equal rows of {self._pair.train.table.path} {how}"
        yield Clue(NAME, self._pair.test.table.path, what, told, count)


def _names_rows(name: str, train: pd.Series, test: pd.Series) -> bool:
    """Whether a column is an id: it has another value in nearly every row, none on both sides, and its name or form says so."""
    different = {*train}, {*test}
    if any(len(values) < 0.95 * len(cells) for values, cells in zip(different, (train, test), strict=True)):
        return False
    if len(different[0] & different[1]) > 0.5 * len(different[1]):
        # numbering that starts anew on each side
        return bool(_ID.search(name))
    return bool(_ID.search(name)) or all(len(text) <= 40 and " " not in text and "." not in text for text in test.head(200))


def _bits(cells: pd.Series) -> tuple[dict[str, float], float]:
    """How rare each value is, and one that was never seen: the negative binary logarithm of its share."""
    count = cells.value_counts()
    rows = max(len(cells), 1)
    return dict(zip(count.index, np.log2((rows + 1) / count.to_numpy()), strict=True)), float(np.log2(rows + 1))


def _told_bits(cells: pd.Series, known: dict[str, float], unseen: float) -> np.ndarray:
    """How much equality of each cell says: by the rarity of its value, or by its length if it is a text."""
    rare = cells.map(known).fillna(unseen).to_numpy(dtype=np.float64)
    letters = cells.str.len().to_numpy()
    for place in np.flatnonzero((letters >= _LETTERS_OF_A_TEXT) & (rare > 1)):
        rare[place] += min(len(normal(cells.iloc[int(place)][:200])), 60) / 2
    return rare
