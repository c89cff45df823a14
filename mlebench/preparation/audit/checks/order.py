"""`order`: the place of a test row, in a table, in an archive or among sorted ids, reveals its answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import Asked, asked_of, one_row_each
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
"""Of what neighbours could have in common beyond chance, so much must be."""
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
    best: dict[str, _Found] = {}
    for name, way in orders.items():
        units = np.full(case.truth.rows, -1, dtype=np.int64)
        units[way] = np.arange(len(way))
        for question in asked_of(case.truth, units, len(way)) if len(way) >= _LEAST_ROWS else ():
            found = search.look(question, name)
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
    """Orders of test rows in which archives hold their files."""
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

    def look(self, question: Asked, name: str) -> _Found | None:
        """Whether places tell a target: in halves and quarters, by a period, or by neighbours."""
        count = len(question.target.values)
        places = np.arange(count, dtype=np.float64)[:, None]
        found = predicted(places, question, self.family, Bounds())
        file = name.removeprefix("the rows of ").removeprefix("the members of ")
        if found is not None and not self._is_sequence(question):
            return _Found(file, f"the position among {name} predicts", found.quality, found.guess, found.log_p)
        if question.target.kind != "class":
            return self._by_neighbours(question, name, file) if question.target.kind == "number" else None
        return self._by_period(question, name, file) or self._by_neighbours(question, name, file)

    def _is_sequence(self, question: Asked) -> bool:
        """Whether classes come in runs as the parts of a sequence do: in no sorted order, and in training rows as well."""
        if question.target.kind != "class":
            return False
        answers = classes_of(question.target)
        runs = 1 + int((answers[1:] != answers[:-1]).sum())
        together, _ = _together(answers)
        usual = self._in_training(question.target)
        if together < _NEIGHBOURS or (usual is not None and together >= 2 * usual):
            return False
        is_sorted = abs(float(np.corrcoef(np.arange(len(answers)), statistics.ranks(answers.astype(float)))[0, 1])) > _SORTED
        return runs > 1.5 * len({*answers}) or (usual is None and not is_sorted and together < _NEIGHBOURS_ALONE)

    def _by_period(self, question: Asked, name: str, file: str) -> _Found | None:
        answers = classes_of(question.target)
        places = np.arange(len(answers))
        for period in range(2, min(_LONGEST_PERIOD, len(answers) // 4) + 1):
            self.family.tried += 1
            told = learnt_code("", places % period, answers, question.target, _PERIODIC_LIFT)
            if told is not None and self.family.improbable(told.log_p, self.family.tried + 1_000):
                how = f"in {told.right:,} of {told.of:,} cases"
                what = f"the position among {name} modulo {period} encodes"
                return _Found(file, what, how, question.guess(told.values), told.log_p)
        return None

    def _by_neighbours(self, question: Asked, name: str, file: str) -> _Found | None:
        """Whether every second answer is that of its neighbour more often than chance and training rows let expect."""
        target = question.target
        self.family.tried += 1
        answers = target.values if target.kind == "number" else classes_of(target)
        together, log_p = _together(answers)
        usual = self._in_training(target)
        least = _NEIGHBOURS_ALONE if usual is None else max(_NEIGHBOURS, 2 * usual)
        if together < least or not self.family.improbable(log_p, self.family.tried + 100):
            return None
        said = _from_before(answers)
        values = said if target.kind == "number" else named(said, target)
        what, how = f"neighbours among {name} share", f"by {together:.2f} of what chance leaves unexplained"
        return _Found(file, what, how, question.guess(values), log_p)

    def _in_training(self, target: Target) -> float | None:
        """By how much neighbours among training rows have their answers in common; None if they are not known."""
        known = self.case.labels.of.get(target.name)
        if known is None or len(known) < _LEAST_ROWS:
            return None
        values = known.to_numpy()[:_MOST_TRAINING]
        answers = values.astype(np.float64) if target.kind == "number" else np.unique(values.astype(str), return_inverse=True)[1]
        return _together(answers)[0]


def _together(answers: np.ndarray) -> tuple[float, float]:
    """By how much neighbours have answers in common, at most 1 and 0 by chance, and the log-probability of so much.

    Args:
        answers: shape (rows,): float64 numbers, or int64 classes.
    """
    if answers.dtype.kind == "f":
        line = statistics.ranks(answers[~np.isnan(answers)])
        if len(line) < _LEAST_ROWS or line.std() == 0:
            return 0.0, 0.0
        together = float(np.corrcoef(line[:-1], line[1:])[0, 1])
        return together, statistics.log_normal_tail(together * math.sqrt(len(line)))
    expected = float(((np.bincount(answers) / len(answers)) ** 2).sum())
    if len(answers) < _LEAST_ROWS or expected == 1:
        return 0.0, 0.0
    same = int((answers[1:] == answers[:-1]).sum())
    return (same / (len(answers) - 1) - expected) / (1 - expected), statistics.log_binomial_tail(same, len(answers) - 1, expected)


def _from_before(values: np.ndarray) -> np.ndarray:
    """For each value another that is next to it: for the second of a pair the first, and the other way round."""
    partner = np.arange(len(values)) ^ 1
    partner[partner >= len(values)] = len(values) - 2
    return np.asarray(values[partner])
