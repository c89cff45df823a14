"""`order`: the place of a test row, in a table, in an archive or among sorted ids, reveals its answer."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import Asked, asked_of, families_of, one_row_each
from mlebench.preparation.audit.checks.comparing import classes_of, learnt_code, named
from mlebench.preparation.audit.checks.files import file_groups
from mlebench.preparation.audit.checks.linked import Linked, linked_tables, orders_of
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.truth import Target

NAME = "order"
_PERIODIC_LIFT = 0.5
_LONGEST_PERIOD = 64
_NEIGHBOURS = 0.3
"""Minimum agreement of neighbours, as a share of the possible agreement beyond chance."""
_NEIGHBOURS_ALONE = 0.9
"""The same where there are no training rows to compare with: test rows may be the parts of a sequence."""
_LEAST_ROWS = 20
_LONGEST_RUN = 500
_SORTED = 0.8
_MOST_RUNS = 0.9
_MOST_TRAINING = 20_000


def order(case: Case) -> Iterator[Clue]:
    """For each target, the most informative order."""
    linked = [*linked_tables(case)]
    kept = _one_of_each_group(case, linked)
    search = _Search(case)
    orders = {name: way[np.isin(way, kept)] for name, way in {**orders_of(case, linked), **_in_archives(case)}.items()}
    family = families_of(case.truth, kept)
    best: dict[str, _Found] = {}
    for line in (part for name, way in orders.items() for part in _parts(name, way, family)):
        if _is_stated(line, linked):
            continue
        units = np.full(case.truth.rows, -1, dtype=np.int64)
        units[line.rows] = np.arange(len(line.rows))
        for question in asked_of(case.truth, units, len(line.rows)) if len(line.rows) >= _LEAST_ROWS else ():
            found = search.look(question, line)
            target = question.target.name
            if found is not None and (target not in best or found.log_p < best[target].log_p):
                best[target] = found
    for target, found in best.items():
        yield Clue(NAME, found.file, f"{found.what} {printable(target, 40)} {found.how}", (found.guess,))


def _one_of_each_group(case: Case, linked: Sequence[Linked]) -> np.ndarray:
    """Positions of test rows of which none two are of one unit, or of one run of a column that groups the rows of a table."""
    rows = one_row_each(case.truth)
    kept = np.arange(case.truth.rows) if rows is None else rows
    if rows is not None:
        return kept
    for source in linked:
        for column in source.cells.columns:
            cells = source.cells[column].to_numpy(dtype=object)
            starts = np.append(True, cells[1:] != cells[:-1])
            first = np.flatnonzero(starts)
            if len(first) == len({*cells}) and max(2, len(cells) / _LONGEST_RUN) <= len(first) < _MOST_RUNS * len(cells):
                owners = np.flatnonzero(np.isin(source.units, first))
                kept = kept[np.isin(kept, owners)]
                break
    return kept


def _in_archives(case: Case) -> Mapping[str, np.ndarray]:
    """Orders of test rows given by the order of files in archives."""
    found: dict[str, np.ndarray] = {}
    for group in file_groups(case):
        archives = {file.archive for file in group.files}
        if len(archives) != 1 or None in archives:
            continue
        places = np.array([file.position for file in group.files])
        rows = np.flatnonzero(group.units >= 0)
        rows = rows[np.argsort(places[group.units[rows]], kind="stable")]
        found[f"the members of {next(iter(archives))}"] = rows
    return found


@dataclass(frozen=True)
class _Line:
    """Test rows in an order."""

    name: str
    """Such as `the rows of test.csv`."""
    rows: np.ndarray
    """Positions of test rows, first to last."""
    family: np.ndarray
    """Shape (rows,), int64: rows of one family are next to each other, and only they are compared."""
    among: str
    """Which rows these are, as a finding says it."""

    @property
    def file(self) -> str:
        """Where the order is seen."""
        return self.name.removeprefix("the rows of ").removeprefix("the members of ")

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """Rows of each row's family, shape (rows,)."""
        return np.asarray(np.bincount(self.family)[self.family])

    @functools.cached_property
    def places(self) -> np.ndarray:
        """The place of each row in its family, from 0, shape (rows,)."""
        starts = np.append(0, np.flatnonzero(np.diff(self.family)) + 1)
        return np.asarray(np.arange(len(self.family)) - np.repeat(starts, np.diff(np.append(starts, len(self.family)))))


def _parts(name: str, way: np.ndarray, family: np.ndarray | None) -> Iterator[_Line]:
    """An order as a whole or, where it keeps the rows of each family together, the order of families and that inside them.

    Rows of one problem, patient or place may be alike without a leak. Neighbours in the order as a whole show it; one row of each
    family does not, nor do neighbours that are compared with others of their family.
    """
    if family is not None:
        _, own = np.unique(family[way], return_inverse=True)
        first = np.flatnonzero(np.append(True, np.diff(own) != 0))
        if len(first) == own.max() + 1:
            yield _Line(name, way[first], np.zeros(len(first), dtype=np.int64), f"groups of {name}")
            yield _Line(name, way, own, f"{name} inside groups")
            return
    yield _Line(name, way, np.zeros(len(way), dtype=np.int64), name)


def _is_stated(line: _Line, linked: Sequence[Linked]) -> bool:
    """Whether a column gives the places of rows inside their families, such as the row of a grid: the order then adds nothing."""
    import pandas as pd

    for source in linked if line.family.any() else ():
        units = source.units[line.rows]
        for column in source.columns if (units >= 0).all() else ():
            cells = pd.to_numeric(source.cells[column].iloc[units], errors="coerce").to_numpy(dtype=np.float64)
            by_place = np.full(int(line.sizes.max()), np.nan)
            by_place[line.places] = cells
            if (by_place[line.places] == cells).all() and (np.diff(by_place) > 0).all():
                return True
    return False


@dataclass(frozen=True)
class _Found:
    file: str
    what: str
    how: str
    guess: Guess
    log_p: float


@dataclass
class _Search:
    case: Case
    family: Family = field(default_factory=Family)

    def look(self, question: Asked, line: _Line) -> _Found | None:
        """Whether positions predict a target: in halves and quarters, by a period, or by neighbours."""
        found = predicted((line.places / line.sizes)[:, None], question, self.family, Bounds())
        if found is not None and not self._is_sequence(question, line):
            return _Found(line.file, f"the position among {line.among} predicts", found.quality, found.guess, found.log_p)
        if question.target.kind != "class":
            return self._by_neighbours(question, line) if question.target.kind == "number" else None
        return self._by_period(question, line) or self._by_neighbours(question, line)

    def _is_sequence(self, question: Asked, line: _Line) -> bool:
        """Whether classes come in runs as the parts of a sequence do: in no sorted order, and in training rows as well."""
        if question.target.kind != "class":
            return False
        answers = classes_of(question.target)
        runs = 1 + int((answers[1:] != answers[:-1]).sum())
        together, _ = _together(answers, line.family)
        usual = self._in_training(question.target)
        if together < _NEIGHBOURS or (usual is not None and together >= 2 * usual):
            return False
        is_sorted = abs(float(np.corrcoef(np.arange(len(answers)), statistics.ranks(answers.astype(float)))[0, 1])) > _SORTED
        return runs > 1.5 * len({*answers}) or (usual is None and not is_sorted and together < _NEIGHBOURS_ALONE)

    def _by_period(self, question: Asked, line: _Line) -> _Found | None:
        answers = classes_of(question.target)
        longest = min(_LONGEST_PERIOD, len(answers) // 4, int(line.sizes.max()))
        for period in range(2, longest + 1):
            self.family.tried += 1
            told = learnt_code("", line.places % period, answers, question.target, _PERIODIC_LIFT)
            if told is not None and self.family.improbable(told.log_p, self.family.tried + 1_000):
                how = f"in {told.right:,} of {told.of:,} cases"
                what = f"the position among {line.among} modulo {period} encodes"
                return _Found(line.file, what, how, question.guess(told.values), told.log_p)
        return None

    def _by_neighbours(self, question: Asked, line: _Line) -> _Found | None:
        """Whether every second answer equals its neighbour's more often than expected from chance and training rows."""
        target = question.target
        self.family.tried += 1
        answers = target.values if target.kind == "number" else classes_of(target)
        together, log_p = _together(answers, line.family)
        usual = self._in_training(target)
        least = _NEIGHBOURS_ALONE if usual is None else max(_NEIGHBOURS, 2 * usual)
        if together < least or not self.family.improbable(log_p, self.family.tried + 100):
            return None
        said = _from_before(answers)
        values = said if target.kind == "number" else named(said, target)
        what, how = f"neighbours among {line.among} share", f"by {together:.2f} of what chance leaves unexplained"
        return _Found(line.file, what, how, question.guess(values), log_p)

    def _in_training(self, target: Target) -> float | None:
        """By how much neighbours among training rows have their answers in common; None if they are not known."""
        known = self.case.labels.of.get(target.name)
        if known is None or len(known) < _LEAST_ROWS:
            return None
        values = known.to_numpy()[:_MOST_TRAINING]
        answers = values.astype(np.float64) if target.kind == "number" else np.unique(values.astype(str), return_inverse=True)[1]
        return _together(answers, np.zeros(len(answers), dtype=np.int64))[0]


def _together(answers: np.ndarray, family: np.ndarray) -> tuple[float, float]:
    """How much the answers of neighbours agree beyond those of two rows of their family, at most 1, and its log-probability.

    Args:
        answers: shape (rows,): float64 numbers, or int64 classes.
        family: shape (rows,), int64: rows of one family are next to each other.
    """
    if answers.dtype.kind == "f":
        family, line = family[~np.isnan(answers)], statistics.ranks(answers[~np.isnan(answers)])
        if len(line) < _LEAST_ROWS:
            return 0.0, 0.0
        beside = family[1:] == family[:-1]
        line = line - (np.bincount(family, weights=line) / np.maximum(np.bincount(family), 1))[family]
        before, after = line[:-1][beside], line[1:][beside]
        if len(before) < 2 or before.std() == 0 or after.std() == 0:
            return 0.0, 0.0
        together = float(np.corrcoef(before, after)[0, 1])
        return together, statistics.log_normal_tail(together * math.sqrt(len(before) + 1))
    beside = family[1:] == family[:-1]
    expected = _alike(answers, family)
    if len(answers) < _LEAST_ROWS or not beside.any() or expected == 1:
        return 0.0, 0.0
    same, pairs = int((answers[1:] == answers[:-1])[beside].sum()), int(beside.sum())
    return (same / pairs - expected) / (1 - expected), statistics.log_binomial_tail(same, pairs, expected)


def _alike(answers: np.ndarray, family: np.ndarray) -> float:
    """The share of neighbours with one class if the rows of each family are in random order."""
    sizes = np.bincount(family)
    codes, counts = np.unique(family * (int(answers.max()) + 1) + answers, return_counts=True)
    of = sizes[codes // (int(answers.max()) + 1)]
    return float(((counts / of) ** 2 * (of - 1)).sum() / max(1, int(np.maximum(sizes - 1, 0).sum())))


def _from_before(values: np.ndarray) -> np.ndarray:
    """For each value another that is next to it: for the second of a pair the first, and the other way round."""
    partner = np.arange(len(values)) ^ 1
    partner[partner >= len(values)] = len(values) - 2
    return np.asarray(values[partner])
