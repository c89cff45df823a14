"""Rows of arrays that share stretches of numbers with training rows, as windows of one recording do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness.row_hashes import matches
from mlebench.preparation.audit.likeness.sides import side_of
from mlebench.preparation.audit.likeness.votes import guesses_of
from mlebench.preparation.audit.seen.listing import SeenFile

NAME = "twin-stretches"

STRETCH = 8
"""Numbers in a row that are equal by no chance."""
_ANCHORS = 5
"""Stretches of a test row that are looked for."""
_NARROWEST = 2 * STRETCH
_CELLS_AT_ONCE = 4_000_000
_MOST_CELLS = 2_000_000_000
_MOST_PAIRS = 5_000_000
_FEWEST_ROWS = 3
_LEAST_SHARE = 0.02


def twin_stretches(case: Case) -> Iterator[Clue]:
    """Arrays (npy) of test rows with stretches of `STRETCH` numbers that training rows hold as well, wherever in a row."""
    arrays = list(_arrays(case))
    for test in [array for array in arrays if array.side == "test" and array.rows == case.truth.rows]:
        for train in [array for array in arrays if array.side == "train" and array.width == test.width]:
            yield from _compare(case, test, train)


@dataclass(frozen=True)
class _Array:
    """A table of numbers with fractions."""

    file: SeenFile
    side: str | None
    rows: int
    width: int


def _arrays(case: Case) -> Iterator[_Array]:
    for file in case.seen.files:
        if file.name.endswith(".npy"):
            with contextlib.suppress(OSError, ValueError), case.seen.open(file) as stream:
                shape, _, kind = _header(stream)
                if len(shape) == 2 and kind.kind == "f" and shape[1] >= _NARROWEST and shape[0] * shape[1] <= _MOST_CELLS:
                    yield _Array(file, side_of(file.path), shape[0], shape[1])


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, kind = read(stream)
    return shape, by_columns, kind


def _pieces(case: Case, array: _Array) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The rows, some at once, with the place of the first."""
    with case.seen.open(array.file) as stream:
        shape, by_columns, kind = _header(stream)
        if by_columns:
            return
        rows = max(1, _CELLS_AT_ONCE // array.width)
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start)
            content = stream.read(count * array.width * kind.itemsize)
            whole = len(content) // (array.width * kind.itemsize)
            cells = np.frombuffer(content[: whole * array.width * kind.itemsize], dtype=kind).reshape(whole, array.width)
            yield start, np.ascontiguousarray(cells, dtype=np.float32)


def _hashes(cells: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """One number for each stretch, shape (rows, width - STRETCH + 1); 0 if neighbours are equal, as padding is."""
    bits = cells.view(np.uint32).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for width in (1, 2, 4):
        bits = bits[:, :-width] * np.uint64(0xD6E8FEB86659FD93 + 2 * width) + (
            bits[:, width:] ^ (bits[:, width:] >> np.uint64(31))
        )
    same = np.cumsum(np.pad(cells[:, 1:] == cells[:, :-1], ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    flat = same[:, STRETCH - 1 :] - same[:, : cells.shape[1] - STRETCH + 1] > STRETCH // 2
    mixed: npt.NDArray[np.uint64] = np.where(flat, np.uint64(0), bits ^ (bits >> np.uint64(29)))
    return mixed


def _compare(case: Case, test: _Array, train: _Array) -> Iterator[Clue]:
    wanted, places = _anchors(case, test)
    filled = np.zeros(2**24, dtype=bool)
    filled[wanted & np.uint64(2**24 - 1)] = True
    mine: list[np.ndarray] = []
    theirs: list[np.ndarray] = []
    shifts: list[np.ndarray] = []
    for start, cells in _pieces(case, train):
        hashes = _hashes(cells)
        likely = np.flatnonzero(filled[(hashes & np.uint64(2**24 - 1)).ravel()])
        left, right = matches(wanted, hashes.ravel()[likely])
        row, column = np.divmod(likely[right], hashes.shape[1])
        mine.append(places[left, 0])
        theirs.append(row + start)
        shifts.append(column - places[left, 1])
        if sum(map(len, mine)) > _MOST_PAIRS:
            break
    if mine:
        yield from _clue(case, test, train, np.concatenate(mine), np.concatenate(theirs), np.concatenate(shifts))


def _anchors(case: Case, test: _Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Stretches of test rows, ascending, and the row and column of each."""
    columns = np.unique(np.linspace(0, test.width - STRETCH, _ANCHORS).astype(int))
    hashes, places = [], []
    for start, cells in _pieces(case, test):
        part = _hashes(cells)[:, columns]
        hashes.append(part.ravel())
        rows = np.repeat(np.arange(start, start + len(part)), len(columns))
        places.append(np.stack([rows, np.tile(columns, len(part))], axis=1))
    if not hashes:
        return np.zeros(0, np.uint64), np.zeros((0, 2), np.int64)
    every, where = np.concatenate(hashes), np.concatenate(places)
    kept = every != 0
    order = np.argsort(every[kept], kind="stable")
    return every[kept][order], where[kept][order]


def _clue(case: Case, test: _Array, train: _Array, mine: np.ndarray, theirs: np.ndarray, shifts: np.ndarray) -> Iterator[Clue]:
    """The answer of the training row with the largest overlap, one per test row."""
    order = np.lexsort((np.abs(shifts), mine))
    rows, first = np.unique(mine[order], return_index=True)
    if len(rows) < max(_FEWEST_ROWS, _LEAST_SHARE * case.truth.rows):
        return
    nearest = theirs[order][first]
    labels = {target.name: _labels(case, target.name, train, nearest) for target in case.truth.targets}
    told = guesses_of(case.truth, [np.array([row]) for row in rows], np.arange(len(rows)), labels)
    share = f"share {STRETCH} or more neighbouring numbers with rows of {train.file.path}"
    what = f"{len(rows):,} of {case.truth.rows:,} test rows {share}"
    yield Clue(NAME, test.file.path, what, told, len(rows))


def _labels(case: Case, target: str, train: _Array, rows: np.ndarray) -> np.ndarray:
    """The answers of training rows, which are in their order in a table of their number."""
    found = np.full(len(rows), None, dtype=object)
    for path, (ids, _) in case.labels.tables.items():
        known = case.labels.of.get(target)
        if not ids and known is not None:
            values = [known.get(f"{path}:{row}") for row in rows]
            if known.get(f"{path}:{train.rows - 1}") is not None and known.get(f"{path}:{train.rows}") is None:
                found[:] = values
    return found
