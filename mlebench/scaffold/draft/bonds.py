"""Rows that a split must not part: groups, times and copies, found in the data itself.

What counts is what `mlebench audit` would object to after a split that parts it, and what Kaggle's own split does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlebench.data.groups import united
from mlebench.scaffold.draft.binding.copies import copy_bonds
from mlebench.scaffold.draft.binding.groups import group_bonds
from mlebench.scaffold.draft.binding.labelled import Labelled, as_text
from mlebench.scaffold.draft.binding.times import time_bonds
from mlebench.scaffold.draft.bond import Bond

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 0.5
"""Share of the rows that may belong together; with more, there would be no test set of the size wanted."""


def find_bonds(
    train: pd.DataFrame,
    test: pd.DataFrame | None,
    *,
    ids: Sequence[str],
    targets: Sequence[str],
    files: Sequence[Path] | None = None,
) -> list[Bond]:
    """Find out which rows belong together.

    Args:
        train: the labelled rows.
        test: Kaggle's unlabelled rows, if there are any.
        ids: columns that identify a row.
        targets: columns to predict.
        files: the file of each labelled row, if rows have files.

    Returns:
        Bonds that can hold together, the surest first; a column whose groups lie within those of another bond is left out.

    Raises:
        ValueError: `files` are not as many as the labelled rows.
    """
    if files is not None and len(files) != len(train):
        raise ValueError(f"{len(files)} files are given for {len(train)} rows")
    labelled = Labelled(train, test, ids, targets)
    later = list(time_bonds(labelled))
    found = [(bond, groups) for bond, groups in group_bonds(labelled) if not later or _is_new(bond, labelled)]
    together = list(_compatible([*found, *copy_bonds(labelled, files)]))
    return [*later, *_without_finer(together)]


def groups_of(table: pd.DataFrame, bonds: Sequence[Bond]) -> np.ndarray | None:
    """The group of each row of a table under all bonds of groups and copies.

    Returns:
        Shape (rows,), int64, the position of the first row of each row's group; None if nothing binds rows.
    """
    kinds = [_groups(table, bond) for bond in bonds if bond.kind != "time"]
    return united(*kinds) if kinds else None


def _groups(table: pd.DataFrame, bond: Bond) -> Sequence[object]:
    names = as_text(table[bond.column]) if bond.column else np.arange(len(table)).astype(str).astype(object)
    if bond.sets:
        number = {value: place for place, values in enumerate(bond.sets) for value in values}
        return [number.get(name) for name in names]
    if bond.separator is not None:
        split = [name.split(bond.separator) for name in names]
        return [parts[bond.part] if bond.part < len(parts) else None for parts in split]
    return [name or None for name in names]


def _is_new(bond: Bond, labelled: Labelled) -> bool:
    """Whether Kaggle's later test rows are of other groups as well; of known groups the past may be known, too."""
    asked = labelled.asked(bond.column)
    if asked is None:
        return False
    return not bool(np.isin(asked.astype(str), labelled.cells(bond.column).astype(str)).any())


def _without_finer(found: Sequence[tuple[Bond, np.ndarray]]) -> Iterator[Bond]:
    """Without bonds whose groups lie within those of another one; of two that part rows in the same way the first stays."""
    for place, (bond, groups) in enumerate(found):
        within = [number for number, (_, other) in enumerate(found) if number != place and _lies_within(groups, other)]
        if not any(number < place or not _lies_within(found[number][1], groups) for number in within):
            yield bond


def _lies_within(fine: np.ndarray, coarse: np.ndarray) -> bool:
    """Whether rows of one fine group are always of one coarse group; rows without a group belong to none."""
    import pandas as pd

    table = pd.DataFrame({"fine": pd.factorize(fine)[0], "coarse": pd.factorize(coarse)[0]})
    named = table[(fine.astype(str) != "")]
    repeated = named[named["fine"].duplicated(keep=False)]
    return bool(len(repeated)) and bool((repeated.groupby("fine")["coarse"].nunique() == 1).all())


def _compatible(found: Sequence[tuple[Bond, np.ndarray]]) -> Iterator[tuple[Bond, np.ndarray]]:
    """Bonds, without those by which chains of rows would come to most of the table."""
    kept: list[np.ndarray] = []
    for bond, groups in found:
        named = [_none_alone(one) for one in (*kept, groups)]
        if np.bincount(united(*named)).max() <= _LARGEST * len(groups):
            kept.append(groups)
            yield bond, groups


def _none_alone(groups: np.ndarray) -> Sequence[object]:
    return [group if group != "" else None for group in groups]
