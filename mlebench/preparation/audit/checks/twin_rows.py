"""Rows that are in train and in test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness.measures import FEWEST_COLUMNS, near_copies
from mlebench.preparation.audit.likeness.row_hashes import RowHashes, block_count, matches, rarities, row_hashes, told_bits
from mlebench.preparation.audit.likeness.sides import TablePair, TestUnits, labels_of_rows, table_pairs, table_sides
from mlebench.preparation.audit.likeness.votes import guesses_of, told_rows

if TYPE_CHECKING:
    import pandas as pd

NAME = "twin-rows"

_SAMPLED = 200_000
"""Rows from which frequencies of values are estimated."""
SPARE_BITS = 12
"""Twins must be this many doublings more improbable than one pair by chance."""
FEWEST_TWIN_COLUMNS = 2
"""A single column with as much information is a text, and left to that check."""
FEWEST_COLUMNS_NEAR = 5
_MEASURED = 300_000
"""Training rows among which near copies of a tenth of this many test rows are looked for."""
_MOST_PAIRS = 1_000_000
_MOST_TEST_ROWS = 5_000_000
"""Of more, the first."""
_ID = re.compile(r"(^|[_\W])(id|ids|uuid|guid|index|idx|file|filename|path|url|name|key|row)$|Id$|ID$", re.ASCII)


def twin_rows(case: Case) -> Iterator[Clue]:
    """Rows equal in all columns that both tables have, or in all but one, and too rich to be equal by chance."""
    units = TestUnits(case.truth)
    for pair in table_pairs(table_sides(case, units), case.truth):
        twins = _Twins(case, pair, units)
        yield from twins.clues()
        yield from twins.near_clues()


@dataclass
class _Found:
    """Pairs of one kind, chunk by chunk."""

    mine: list[np.ndarray] = field(default_factory=list)
    labels: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, case: Case, mine: np.ndarray, twins: pd.DataFrame) -> None:
        """Take test rows and the training rows that they equal."""
        self.mine.append(mine)
        for target in case.truth.targets:
            self.labels.setdefault(target.name, []).append(labels_of_rows(case, target, twins))

    def count(self) -> int:
        """How many pairs."""
        return sum(map(len, self.mine))


@dataclass(frozen=True)
class _Wanted:
    """Test rows that are looked for, whole or without one block of columns."""

    block: int | None
    places: np.ndarray
    """Which test rows, by their hashes ascending."""
    hashes: np.ndarray
    found: _Found

    @classmethod
    def of(cls, hashes: RowHashes, block: int | None, rich: np.ndarray) -> _Wanted:
        """Those that say enough to be no twins by chance."""
        own = hashes.whole if block is None else hashes.without(block)
        kept = np.flatnonzero(rich)
        places = kept[np.argsort(own[kept], kind="stable")]
        return cls(block, places, own[places], _Found())


class _Twins:
    """The comparison of one pair of tables."""

    def __init__(self, case: Case, pair: TablePair, units: TestUnits) -> None:
        self._case, self._pair, self._units = case, pair, units
        head, test = pair.train.table.read(_SAMPLED), pair.test.table.read(_SAMPLED)
        self._columns = [name for name in pair.columns if not names_rows(name, head[name], test[name])]
        self._rare = {name: rarities(head[name]) for name in self._columns}
        self._train_rows = len(head)

    def clues(self) -> Iterator[Clue]:
        """What was found."""
        if len(self._columns) < FEWEST_TWIN_COLUMNS:
            return
        owners, hashes, bits = self._test_rows()
        wanted = self._wanted(hashes, bits) if len(owners) else []
        if not any(len(one.places) for one in wanted):
            return
        self._search(wanted)
        yield from self._clue(wanted[0].found, owners, f"in all {len(self._columns)} columns that both tables have")
        equal = np.unique(np.concatenate(wanted[0].found.mine or [np.zeros(0, np.int64)]))
        for one in wanted[1:]:
            left_out = "`, `".join(self._columns[one.block :: hashes.cells.shape[1]][:5])
            how = f"in all {len(self._columns)} columns except `{left_out}`"
            yield from self._clue(one.found, owners, how, besides=equal)

    def near_clues(self) -> Iterator[Clue]:
        """Rows of measurements of which each is a little changed."""
        train, test = self._pair.train.table.read(_MEASURED), self._pair.test.table.read(_MEASURED // 10)
        own = np.flatnonzero(self._pair.train.units(train, 0, self._units, self._case.truth) < 0)
        owners = self._pair.test.units(test, 0, self._units, self._case.truth)
        mine = np.flatnonzero(owners >= 0)
        columns = [name for name in self._columns if is_measured(train[name])]
        if len(columns) < FEWEST_COLUMNS:
            return
        wanted, offered = numbers_in(test.iloc[mine][columns]), numbers_in(train.iloc[own][columns])
        finite = [np.flatnonzero(np.isfinite(numbers).all(axis=1)) for numbers in (wanted, offered)]
        left, right = near_copies(wanted[finite[0]], offered[finite[1]])
        if len(left):
            found = _Found()
            found.add(self._case, mine[finite[0][left]], train.iloc[own[finite[1][right]]])
            yield from self._clue(found, owners, f"except for small differences in each of {len(columns)} measurements")

    def _test_rows(self) -> tuple[np.ndarray, RowHashes, np.ndarray]:
        """The units of test rows, their hashes, and how much the equality of each block says, in bits."""
        owners, cells, bits, offset = [], [], [], 0
        blocks = block_count(self._columns)
        for chunk in self._pair.test.table.chunks():
            place = self._pair.test.units(chunk, offset, self._units, self._case.truth)
            offset += len(chunk)
            part = chunk[place >= 0]
            owners.append(place[place >= 0])
            cells.append(row_hashes(part, self._columns).cells)
            said = np.zeros((len(part), blocks), dtype=np.float32)
            for number, name in enumerate(self._columns):
                said[:, number % blocks] += told_bits(part[name], *self._rare[name])
            bits.append(said)
            if offset >= _MOST_TEST_ROWS:
                break
        if not owners:
            return np.zeros(0, np.int64), RowHashes(np.zeros((0, blocks), np.uint64)), np.zeros((0, blocks))
        return np.concatenate(owners), RowHashes(np.concatenate(cells)), np.concatenate(bits)

    def _wanted(self, hashes: RowHashes, bits: np.ndarray) -> list[_Wanted]:
        enough = np.log2(max(len(bits), 2)) + np.log2(max(self._train_rows, 2)) + SPARE_BITS
        whole = bits.sum(axis=1)
        wanted = [_Wanted.of(hashes, None, whole >= enough)]
        if len(self._columns) >= FEWEST_COLUMNS_NEAR:
            wanted += [_Wanted.of(hashes, block, whole - bits[:, block] >= enough) for block in range(bits.shape[1])]
        return wanted

    def _search(self, wanted: Sequence[_Wanted]) -> None:
        """Look at each training row once."""
        offset = 0
        for chunk in self._pair.train.table.chunks():
            own = self._pair.train.units(chunk, offset, self._units, self._case.truth) < 0
            offset += len(chunk)
            hashes = row_hashes(chunk, self._columns)
            for one in wanted:
                left, right = matches(one.hashes, hashes.whole if one.block is None else hashes.without(one.block))
                left, right = left[own[right]], right[own[right]]
                if len(right) and one.found.count() < _MOST_PAIRS:
                    one.found.add(self._case, one.places[left], chunk.iloc[right])

    def _clue(self, found: _Found, owners: np.ndarray, how: str, besides: np.ndarray | None = None) -> Iterator[Clue]:
        if not found.count():
            return
        mine = np.concatenate(found.mine)
        kept = np.ones(len(mine), dtype=bool) if besides is None else ~np.isin(mine, besides)
        if not kept.any():
            return
        things, twins = np.unique(owners[mine[kept]], return_inverse=True)
        rows = [self._units.rows(int(unit)) for unit in things]
        labels = {name: np.concatenate(parts)[kept] for name, parts in found.labels.items()}
        count = told_rows(rows, twins)
        told = guesses_of(self._case.truth, rows, twins, labels)
        what = f"{count:,} of {self._case.truth.rows:,} test rows equal rows of {self._pair.train.table.path} {how}"
        yield Clue(NAME, self._pair.test.table.path, what, told, count)


def is_measured(cells: pd.Series) -> bool:
    """Whether a column holds numbers with fractions, of many values."""
    head = cells.head(1000)
    return bool(head.str.fullmatch(r"-?\d*\.\d+(e[-+]?\d+)?", case=False).mean() > 0.5 and head.nunique() > 0.3 * len(head))


def numbers_in(table: pd.DataFrame) -> np.ndarray:
    import pandas as pd

    numbers: np.ndarray = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    return numbers


def names_rows(name: str, train: pd.Series, test: pd.Series) -> bool:
    """Whether a column is an id: it has another value in nearly every row, none on both sides, and its name or form says so."""
    different = {*train}, {*test}
    if any(len(values) < 0.95 * len(cells) for values, cells in zip(different, (train, test), strict=True)):
        return False
    if len(different[0] & different[1]) > 0.5 * len(different[1]):
        # numbering that starts again on each side
        return bool(_ID.search(name))
    return bool(_ID.search(name)) or all(len(text) <= 40 and " " not in text and "." not in text for text in test.head(200))
