"""What is asked of units: of a table's rows, of files, of studies that have several test rows each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import Target, Truth

if TYPE_CHECKING:
    import pandas as pd

MOST_TARGETS = 40
_MOST_SLOTS = 6
_MOST_JOINED = 200
_OFTEN = 0.1
_MOST_FEW, _FEW_OF = 50, 0.1
_MOST_UNITS = 0.7
"""More units for each row, or families for each unit, group nothing."""
_FEWEST_FAMILIES = 20
"""Fewer have no order that could be judged."""
OTHER = "(another answer)"
_ALL_BUT_LAST = re.compile(r"^.*[_\-:]")
_LAST_PART = re.compile(r"(?<=.)[_\-:][^_\-:]*$")


@dataclass(frozen=True)
class Asked:
    """One target of units instead of test rows."""

    target: Target
    """Its values have one entry for each unit; NaN or the empty text where a unit has none."""
    units: np.ndarray
    """Shape (test rows,), int64: which unit's value answers a row, -1 for none."""
    other: str | None = None
    """The class that represents all answers except the most frequent one, without guessing which."""

    def guess(self, values: np.ndarray) -> Guess:
        """The rows' guess for values that units are said to have, shape (units,); see `Guess.values`."""
        if self.target.kind == "number":
            return Guess(self.target.name, np.append(values.astype(np.float64), np.nan)[self.units])
        padded = np.empty(len(values) + 1, dtype=object)
        padded[:-1] = [None if value == self.other else value for value in values]
        padded[-1] = None
        return Guess(self.target.name, padded[self.units])


def asked_of(truth: Truth, units: np.ndarray, count: int) -> Iterator[Asked]:
    """What is asked of units that have one value each.

    Where a unit has several test rows, these have one value, or the same endings of ids in all units, each of which is asked for
    separately; otherwise the values of all its rows, joined, are asked for, which can be compared but not submitted.

    Args:
        truth: the answers.
        units: shape (test rows,), int64: the unit of each row, -1 for none.
        count: units.
    """
    rows = np.flatnonzero(units >= 0)
    rows = rows[np.argsort(units[rows], kind="stable")]
    if not len(rows):
        return
    sizes = np.bincount(units[rows], minlength=count)
    for target in truth.targets[:MOST_TARGETS]:
        if sizes.max() == 1:
            yield (whole := _asked(truth, target, rows, units, count))
            yield from _whether_usual(whole)
        elif _is_constant(target.values[rows], units[rows]):
            first = rows[np.append(True, np.diff(units[rows]) > 0)]
            yield Asked(_asked(truth, target, first, units, count).target, units)
        else:
            yield from _slots(truth, target, rows, units, count)


def _asked(truth: Truth, target: Target, rows: np.ndarray, units: np.ndarray, count: int) -> Asked:
    """Of each unit the value of one of its rows."""
    values = np.full(count, np.nan) if target.kind == "number" else np.full(count, "", dtype=object)
    values[units[rows]] = target.values[rows]
    own = np.full(truth.rows, -1, dtype=np.int64)
    own[rows] = units[rows]
    return Asked(replace(target, values=values), own)


def _whether_usual(question: Asked) -> Iterator[Asked]:
    """Of texts that are often the same, as the runs of empty masks are: which class they are of, or whether they are that one."""
    target = question.target
    values = [str(value) for value in target.values]
    counts = Counter(value for value, row in zip(values, np.isin(np.arange(len(values)), question.units), strict=True) if row)
    if target.kind == "number" or target.is_one_hot or not counts:
        return
    usual, often = counts.most_common(1)[0]
    if len(counts) <= min(_MOST_FEW, _FEW_OF * counts.total()):
        if target.kind == "text":
            yield replace(question, target=replace(target, kind="class"))
    elif _OFTEN < often / counts.total() < 1 - _OFTEN:
        classes = np.array([value if value == usual else OTHER for value in values], dtype=object)
        yield replace(question, target=replace(target, kind="class", values=classes), other=OTHER)


def _is_constant(values: np.ndarray, units: np.ndarray) -> bool:
    same_unit = units[1:] == units[:-1]
    return bool((values[1:][same_unit] == values[:-1][same_unit]).all())


def _slots(truth: Truth, target: Target, rows: np.ndarray, units: np.ndarray, count: int) -> Iterator[Asked]:
    """One for each ending of ids that most units have and whose values differ."""
    import pandas as pd

    ending = endings(truth)[rows]
    codes, names = pd.factorize(ending)
    held = np.bincount(codes)
    frequent = np.flatnonzero(held > 0.5 * len(np.unique(units[rows])))
    common = [slot for slot in frequent if len(np.unique(target.values[rows[codes == slot]].astype(str))) > 1]
    most = _MOST_SLOTS if len(truth.targets) <= _MOST_SLOTS else 1
    for slot in common[:: max(1, -(-len(common) // most))]:
        yield (whole := _asked(truth, target, rows[codes == slot], units, count))
        yield from _whether_usual(whole)
    if not len(names) or len(common):
        return
    joined = np.full(count, "", dtype=object)
    for part in np.split(rows, np.flatnonzero(np.diff(units[rows])) + 1):
        joined[units[part[0]]] = " ".join(str(value) for value in target.values[part[:_MOST_JOINED]])
    yield Asked(Target(target.name, "text", joined, ()), np.full(truth.rows, -1, dtype=np.int64))


def endings(truth: Truth) -> np.ndarray:
    """What distinguishes the rows of one unit: the further ids, or the last part of the only one; shape (rows,) text."""
    ids = truth.ids
    if len(truth.id_columns) > 1:
        return ids.iloc[:, 1:].agg("\0".join, axis=1).to_numpy(dtype=object)
    return ids.iloc[:, 0].str.replace(_ALL_BUT_LAST, "", regex=True).to_numpy(dtype=object)


def ids_of(truth: Truth, units: np.ndarray, count: int) -> np.ndarray:
    """The first id of a row of each unit, shape (count,), object; the empty text where a unit has no row."""
    ids = np.full(count, "", dtype=object)
    rows = np.flatnonzero(units >= 0)[::-1]
    ids[units[rows]] = truth.ids.iloc[:, 0].to_numpy(dtype=object)[rows]
    return ids


def one_row_each(truth: Truth) -> np.ndarray | None:
    """Positions of one test row of each unit, ascending, where units have several; None if each row is its own."""
    import pandas as pd

    codes, names = pd.factorize(_names_of_units(truth))
    if len(names) > _MOST_UNITS * truth.rows:
        return None
    return np.sort(np.unique(codes, return_index=True)[1])


def families_of(truth: Truth, rows: np.ndarray) -> np.ndarray | None:
    """Which units are of one problem, as their names begin alike; None if names tell nothing of the kind.

    Args:
        truth: the answers.
        rows: positions of one test row of each unit.

    Returns:
        Shape (test rows,), int64: a number for each of these rows, -1 for others.
    """
    import pandas as pd

    codes, names = pd.factorize(_names_of_units(truth).iloc[rows].str.replace(_LAST_PART, "", regex=True))
    if not _FEWEST_FAMILIES <= len(names) <= _MOST_UNITS * len(rows):
        return None
    family = np.full(truth.rows, -1, dtype=np.int64)
    family[rows] = codes
    return family


def _names_of_units(truth: Truth) -> pd.Series:
    """The first ids where they repeat, otherwise what they begin with."""
    ids = truth.ids.iloc[:, 0]
    if ids.duplicated().any():
        return ids
    heads = ids.str.replace(_LAST_PART, "", regex=True)
    # an ending may have two parts, such as `_patient_overall` next to `_C1`
    shorter = heads.str.replace(_LAST_PART, "", regex=True)
    return heads.where(~shorter.isin({*heads}), shorter)
