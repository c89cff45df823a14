"""Copies: rows, texts and files that are equal or nearly so, found by what the audit compares both sides with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from grading.printable import printable
from grading.wording import counted
from mlebench.data.groups import same_content
from mlebench.preparation.audit.checks.twin_rows import (
    FEWEST_COLUMNS_NEAR,
    FEWEST_TWIN_COLUMNS,
    SPARE_BITS,
    is_measured,
    names_rows,
    numbers_in,
)
from mlebench.preparation.audit.checks.twin_texts import FEWEST_LETTERS, ComparedTexts
from mlebench.preparation.audit.likeness import pictures
from mlebench.preparation.audit.likeness.measures import FEWEST_COLUMNS, near_copies
from mlebench.preparation.audit.likeness.neighbours import near_prints
from mlebench.preparation.audit.likeness.row_hashes import normal, rarities, row_hashes, told_bits
from mlebench.preparation.audit.likeness.same_bytes import FEWEST as FEWEST_BYTES
from mlebench.scaffold.draft.binding.labelled import Labelled
from mlebench.scaffold.draft.bond import Bond

_MOST_TEXTS = 20_000
"""Texts that say what common phrases are."""
_FORM = 0.02
"""A text or file that so many rows have, at least ten, is a form, no copy."""
_FEWEST_OF_A_FORM = 10
_MOST_PICTURES = 50_000
"""Pictures among which near copies are looked for."""
_CONTROLS = 200
_MOST_CANDIDATES = 20_000


class _Pairs(NamedTuple):
    """Rows that are alike, two by two."""

    left: np.ndarray
    right: np.ndarray
    how: str

    @property
    def rows(self) -> int:
        """How many rows have a copy."""
        return len(np.unique(np.concatenate([self.left, self.right])))


def copy_bonds(labelled: Labelled, files: Sequence[Path] | None) -> Iterator[tuple[Bond, np.ndarray]]:
    """Bonds of copies, each with the group of every labelled row that was looked at.

    Args:
        labelled: the table.
        files: the file of each row of the whole table, if rows have files.
    """
    found: list[_Pairs] = []
    for name in labelled.described:
        if labelled.is_text(name):
            equal = _equal_texts(labelled, name)
            if equal is not None:
                yield equal
            found += _texts(labelled, name)
    found += _rows(labelled)
    if files is not None:
        found += _files([files[int(row)] for row in labelled.rows])
    found = [pairs for pairs in found if len(pairs.left)]
    if found:
        yield _made(labelled, found)


def _equal_texts(labelled: Labelled, name: str) -> tuple[Bond, np.ndarray] | None:
    cells = labelled.cells(name)
    long = np.array([len(normal(cell)) >= FEWEST_LETTERS for cell in cells], dtype=bool)
    repeated = pd.Series(cells).duplicated(keep=False).to_numpy() & long
    if not repeated.any():
        return None
    different = len({*cells[repeated]})
    why = f"{counted(int(repeated.sum()), 'labelled row')} share {counted(different, 'text')} in `{printable(name, 80)}`"
    return Bond("copies", name, why), cells


def _texts(labelled: Labelled, name: str) -> Iterator[_Pairs]:
    """Texts that differ, but not in their letters, or in few stretches; equal cells are bound by their column."""
    cells = labelled.cells(name)
    texts = [normal(cell) for cell in cells]
    compared = ComparedTexts(texts, texts[:_MOST_TEXTS])
    for how, (left, right) in (("equal letters", compared.equal(texts)), ("nearly equal texts", compared.like(texts))):
        other = np.array([cells[one] != cells[two] for one, two in zip(left, right, strict=True)], dtype=bool)
        yield _uncommon(left[other], right[other], len(texts), f"{how} in `{printable(name, 80)}`")


def _uncommon(left: np.ndarray, right: np.ndarray, rows: int, how: str) -> _Pairs:
    """Pairs of two rows, without those of rows that very many are like."""
    apart = left != right
    left, right = left[apart], right[apart]
    count = np.bincount(np.concatenate([left, right]), minlength=max(rows, 1)) // 2
    most = max(_FEWEST_OF_A_FORM, _FORM * rows)
    kept = (count[left] <= most) & (count[right] <= most)
    return _Pairs(left[kept], right[kept], how)


def _rows(labelled: Labelled) -> Iterator[_Pairs]:
    """Rows equal in all columns that Kaggle's test has, too, or in all but one, and rows of which all numbers are near."""
    offered = [name for name in labelled.described if labelled.test is None or name in labelled.test.columns]
    table = pd.DataFrame({name: labelled.cells(name) for name in offered})
    halves = table.iloc[::2], table.iloc[1::2]
    columns = [name for name in offered if not names_rows(name, halves[0][name], halves[1][name])]
    if len(columns) >= FEWEST_TWIN_COLUMNS and len(table) > 1:
        yield from _equal_rows(table, columns)
    measures = [name for name in columns if is_measured(table[name])]
    if len(measures) >= FEWEST_COLUMNS:
        numbers = numbers_in(table[measures])
        finite = np.flatnonzero(np.isfinite(numbers).all(axis=1))
        drawn = np.random.default_rng(0).permutation(finite)
        mine, theirs = drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]
        left, right = near_copies(numbers[mine], numbers[theirs])
        yield _Pairs(mine[left], theirs[right], "small differences in each measurement")


def _equal_rows(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[_Pairs]:
    hashes = row_hashes(table, columns)
    blocks = hashes.cells.shape[1]
    bits = np.zeros((len(table), blocks))
    # copies themselves make their values no less rare
    single = table[[*columns]].drop_duplicates()
    for number, name in enumerate(columns):
        bits[:, number % blocks] += told_bits(table[name], *rarities(single[name]))
    enough = 2 * np.log2(len(table)) + SPARE_BITS
    whole = bits.sum(axis=1)
    yield _equal(hashes.whole, whole >= enough, f"equal cells in {counted(len(columns), 'column')}")
    if len(columns) >= FEWEST_COLUMNS_NEAR:
        for block in range(blocks):
            but = "`, `".join(printable(name, 40) for name in columns[block::blocks][:5])
            near = _equal(hashes.without(block), whole - bits[:, block] >= enough, f"equal cells in all columns but `{but}`")
            other = hashes.whole[near.left] != hashes.whole[near.right]
            yield _Pairs(near.left[other], near.right[other], near.how)


def _equal(hashes: np.ndarray, rich: np.ndarray, how: str) -> _Pairs:
    kept = np.flatnonzero(rich)
    order = kept[np.argsort(hashes[kept], kind="stable")]
    same = hashes[order[1:]] == hashes[order[:-1]]
    return _Pairs(order[:-1][same], order[1:][same], how)


def _files(files: Sequence[Path]) -> Iterator[_Pairs]:
    places = [place for place, file in enumerate(files) if _is_plain(file)]
    if not places:
        return
    codes, _ = pd.factorize(pd.Series(same_content(files[place] for place in places)))
    equal = _equal(codes.astype(np.uint64), np.ones(len(codes), bool), "files with equal bytes")
    form = np.bincount(codes)[codes] > max(_FEWEST_OF_A_FORM, _FORM * len(codes))
    kept = np.array([not form[one] and not _is_blank(files[places[one]]) for one in equal.left.tolist()], dtype=bool)
    own = np.array(places)
    yield _Pairs(own[equal.left[kept]], own[equal.right[kept]], equal.how)
    shown = [place for place in places if _is_picture(files[place])]
    if 1 < len(shown) <= _MOST_PICTURES:
        left, right = _near_pictures([str(files[place]) for place in shown])
        own = np.array(shown)
        yield _Pairs(own[left], own[right], "pictures that differ in format, size, brightness, orientation or crop")


def _is_plain(file: Path) -> bool:
    return not file.is_symlink() and file.is_file() and file.stat().st_size >= FEWEST_BYTES


def _is_picture(file: Path) -> bool:
    return file.suffix.lower().removeprefix(".") in pictures.ENDINGS


def _is_blank(file: Path) -> bool:
    return _is_picture(file) and pictures.is_blank(file.read_bytes())


def _near_pictures(paths: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    prints, good = pictures.prints_of(paths)
    own = np.flatnonzero(good)
    left, right, turn = near_prints(prints[own], prints[own], pictures.ORIENTATIONS, pictures.turned_prints)
    apart = left < right
    left, right, turn = own[left[apart]], own[right[apart]], turn[apart]
    if not len(left) or len(left) > _MOST_CANDIDATES:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    controls = np.random.default_rng(0).choice(own, (min(_CONTROLS, len(own)), 2))
    controls = controls[controls[:, 0] != controls[:, 1]]
    wanted = np.unique(np.concatenate([left, right, controls.ravel()]))
    thumbs = dict(zip(wanted.tolist(), pictures.thumbs_of([paths[place] for place in wanted]), strict=True))
    found = np.array([_alike(thumbs[one], thumbs[two], by) for one, two, by in zip(left, right, turn, strict=True)])
    chance = np.array([_alike(thumbs[one], thumbs[two], 0) for one, two in controls] or [0.0])
    kept = found >= pictures.least_likeness(found, chance)
    pairs = _uncommon(left[kept], right[kept], len(paths), "")
    return pairs.left, pairs.right


def _alike(one: np.ndarray | None, other: np.ndarray | None, turn: int) -> float:
    if one is None or other is None:
        return -1.0
    turned = pictures.turned(one.astype(np.float32), int(turn))
    return pictures.likeness(pictures.views(turned), pictures.views(other.astype(np.float32)))


def _made(labelled: Labelled, found: Sequence[_Pairs]) -> tuple[Bond, np.ndarray]:
    """One bond of all copies that no cell names."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = len(labelled.train)
    left, right = (np.concatenate([getattr(pairs, side) for pairs in found]) for side in ("left", "right"))
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(rows, rows))
    groups = connected_components(graph, directed=False)[1]
    column, names = _names(labelled)
    sets: dict[int, list[str]] = {}
    for row in np.unique(np.concatenate([left, right])).tolist():
        sets.setdefault(int(groups[row]), []).append(names[row])
    said = ", ".join(f"{counted(pairs.rows, 'labelled row')} with {pairs.how}" for pairs in found[:3])
    more = f" and {counted(len(found) - 3, 'other kind')}" if len(found) > 3 else ""
    among = "" if rows == labelled.whole else f", among the {rows:,} of {labelled.whole:,} rows that were compared"
    return Bond("copies", column, f"{said}{more} are copies{among}", sets=tuple(map(tuple, sets.values()))), groups


def _names(labelled: Labelled) -> tuple[str, Sequence[str]]:
    """The column that names rows with what it says of each; else the numbers of rows."""
    for name in [*labelled.ids, *labelled.described]:
        if name in labelled.train:
            cells = labelled.cells(name)
            if len({*cells}) == len(cells) and (cells != "").all() and not labelled.is_text(name):
                return name, cells.tolist()
    return "", [str(row) for row in labelled.rows]
