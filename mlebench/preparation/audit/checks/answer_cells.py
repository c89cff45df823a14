"""`answer-cells`: cells of a table, or fields of a text file, that reveal the answer of the test row they belong to."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from grading.printable import printable
from mlebench.preparation.audit.bought import Market
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import readings, statistics, training
from mlebench.preparation.audit.checks.asked import Asked, asked_of, ids_of
from mlebench.preparation.audit.checks.comparing import Column, Comparer, Told, classes_of, plainly_equal
from mlebench.preparation.audit.checks.described import described
from mlebench.preparation.audit.checks.dictionaries import dictionaries_of
from mlebench.preparation.audit.checks.fields import fields_of_files, lists_in_texts, tables_of_units
from mlebench.preparation.audit.checks.linked import (
    Linked,
    Linker,
    Looked,
    by_place,
    is_sample,
    look_into,
    orders_of,
    tables_with_links,
)
from mlebench.preparation.audit.checks.masks import masks_of_units
from mlebench.preparation.audit.checks.outlines import outlined
from mlebench.preparation.audit.checks.packed import packed_in
from mlebench.preparation.audit.checks.tracks import followed
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.truth import Target

NAME = "answer-cells"
NEARLY_ALL = 0.995
"""From this share of training rows on a column is the answer, even if the task text names it."""
_AS_IN_TRAINING = 1e-6
"""Probability from which on a column agrees with answers no more than training rows let expect."""
_FEW = 3
_LIKELY = 0.05
_LEAST_INDICATED = 0.98
_MOST_NAMED = 3
_MOST_INDICATING = 10
_MOST_UNPACKED = 1_000
"""Rows whose cells are unpacked before it is known whether they are informative."""


def answer_cells(case: Case) -> Iterator[Clue]:
    """Tables by id, then those without ids by place, then text files of single units."""
    search = _Search(case)
    looked = [looked for looked in tables_with_links(case) if not is_sample(case, looked.table.path)]
    told: set[str] = set()
    for table in looked:
        for clue in search.in_table(table.linked) if table.linked is not None else ():
            told.add(clue.file)
            yield clue
    orders = orders_of(case, [table.linked for table in looked if table.linked is not None])
    for table in looked:
        if table.table.path not in told and _may_be_by_place(case, table):
            for source in by_place(case, table.table, orders, case.truth.rows):
                clues = [*search.in_table(source)]
                yield from clues
                if clues:
                    break
    for path, way, cells in lists_in_texts(case, orders):
        found = search.in_list(path, way, cells) if path not in told else None
        if found is not None:
            told.add(path)
            yield found
    for files in (*fields_of_files(case), *tables_of_units(case)):
        yield from search.in_fields(files.pattern, files.units, files.cells)
    for masks in masks_of_units(case) if not case.quick else ():
        what = f"the bright pixels are the mask {printable(masks.target, 40)} of {masks.alike:,} of {masks.of:,} files"
        yield Clue(NAME, masks.pattern, what, (masks.guess,))
    yield from followed(case, NAME)
    yield from outlined(case, NAME)


def _may_be_by_place(case: Case, looked: Looked) -> bool:
    """Whether a table's rows could be the test rows in some order: the number is the same, and no column is named like an id."""
    named = looked.linked is not None and bool(looked.linked.id_columns & {*case.truth.id_columns})
    return looked.rows == case.truth.rows and not named


@dataclass
class _Search:
    case: Case
    comparer: Comparer = field(default_factory=Comparer)
    kept: tuple[pd.DataFrame, dict[str, Column]] | None = None
    packed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Column and position within its cells, by the name of the packed content."""

    def in_table(self, source: Linked) -> Iterator[Clue]:
        """One clue for all informative columns of a table."""
        found: list[tuple[str, Asked, Told]] = []
        asked = [*asked_of(self.case.truth, source.units, len(source.cells))]
        ids = ids_of(self.case.truth, source.units, len(source.cells))
        for column in source.columns:
            cells = self._column(source, column)
            for question in asked:
                told = self._worth(question, self.comparer.best(cells, question.target, ids))
                told = told or self._as_labelled(source, column, cells, question.target)
                if told is not None and not self._is_the_task(source, column, told):
                    found.append((column, question, told))
        found = found or [*self._within_cells(source, asked)] or [*self._by_dictionary(source, asked)]
        if not found:
            yield from self._indicators(source, asked)
            return
        guesses = self._of_all_rows(source, found)
        yield Clue(NAME, source.table.path, _what(source.by, found, len(source.cells)), guesses)

    def _by_dictionary(self, source: Linked, asked: Sequence[Asked]) -> Iterator[tuple[str, Asked, Told]]:
        """Cells that hold answers by the names that another public table gives to them."""
        for dictionary in dictionaries_of(self.case):
            if dictionary.where == source.table.path:
                continue
            for column in source.columns:
                said = dictionary.read(source.cells[column].to_numpy(dtype=object))
                if said is None:
                    continue
                read = Column.of(said)
                for question in asked:
                    if question.target.name in dictionary.targets:
                        told = self._worth(question, self.comparer.best(read, question.target, learn=False))
                        if told is not None and not self._is_the_task(source, column, told):
                            yield column, question, told

    def _within_cells(self, source: Linked, asked: Sequence[Asked]) -> Iterator[tuple[str, Asked, Told]]:
        """Informative content within cells; with many rows, a sample is checked first."""
        rows = statistics.drawn(len(source.cells), _MOST_UNPACKED)
        for column in source.columns:
            cells = source.cells[column].to_numpy(dtype=object)
            if len(rows) < len(cells) and not any(self._told_within(column, cells[rows], [_of_some(one, rows) for one in asked])):
                continue
            for name, question, told in self._told_within(column, cells, asked):
                if not self._is_the_task(source, column, told, self.packed[name][1]):
                    yield name, question, told

    def _told_within(self, column: str, cells: np.ndarray, asked: Sequence[Asked]) -> Iterator[tuple[str, Asked, Told]]:
        for where, inner in packed_in(cells).items():
            inside = Column.of(inner)
            self.packed[f"{column}{where}"] = column, where
            for question in asked:
                told = self._worth(question, self.comparer.best(inside, question.target))
                if told is not None:
                    yield f"{column}{where}", question, told

    def _column(self, source: Linked, column: str) -> Column:
        """A column's cells, kept while its table is read in one order after another."""
        if self.kept is None or self.kept[0] is not source.cells:
            self.kept = source.cells, {}
        columns = self.kept[1]
        if column not in columns:
            columns[column] = Column.of(source.cells[column].to_numpy(dtype=object))
        return columns[column]

    def _as_labelled(self, source: Linked, column: str, cells: Column, target: Target) -> Told | None:
        """What a column says that is the label of training rows; it is believed of few test rows, as nothing else was tried."""
        if source.by != "id" or not (column in target.columns or self._is_label(column, target)):
            return None
        told = plainly_equal(cells, target)
        return told if told is not None and told.right == told.of >= _FEW and told.log_p < math.log(_LIKELY) else None

    def _is_label(self, column: str, target: Target) -> bool:
        tables = self.case.labels.tables.items()
        if any(label == column and "train" in path.lower() for path, (_, label) in tables):
            return True
        share = training.share_equal(self.case, column, target)
        return share is not None and share >= NEARLY_ALL

    def _worth(self, question: Asked, told: Told | None) -> Told | None:
        """The match, unless it has only the words although their order is the answer."""
        if told is None or not told.is_unordered or question.units.max() < 0:
            return told
        bought = self.market.bought((question.guess(told.values),))
        if bought.score is None or bought.baseline is None:
            return told
        gain = bought.score - bought.baseline
        return told if (-gain if self.case.competition.is_lower_better else gain) > 0 else None

    @functools.cached_property
    def market(self) -> Market:
        """Grades the guesses of clues."""
        return Market(self.case.competition, self.case.truth)

    def _is_the_task(self, source: Linked, column: str, told: Told, where: str = "") -> bool:
        """Whether the task text names the column, and training rows show it to agree with the answer as often."""
        if not described(self.case, column, source.cells.columns):
            return False
        share = training.share_equal(self.case, column, told.target)
        if share is not None and (where or told.how != "equals"):
            share = max(share, self._share_told(column, where, told.target))
        if share is None:
            return False
        if share >= NEARLY_ALL:
            # what can be learned from training rows is the task; a copy of the answers is not
            return told.how == "stands for"
        cells = told.of if where else int((self._column(source, column).codes >= 0).sum())
        return statistics.log_binomial_tail(told.right, cells, share) > math.log(_AS_IN_TRAINING)

    def _share_told(self, column: str, where: str, target: Target) -> float:
        """The share of training rows in which a column, or part of it, gives the answer in any reading."""
        known = training.taught(self.case, target, column)
        if known is None:
            return 0.0
        cells = known.cells[column].to_numpy(dtype=object)
        within = packed_in(cells).get(where) if where else cells
        taught = None if within is None else self.comparer.best(within, replace(target, values=known.answers))
        return 0.0 if taught is None else taught.right / taught.of

    def _of_all_rows(self, source: Linked, found: Sequence[tuple[str, Asked, Told]]) -> tuple[Guess, ...]:
        """For every target, the guess of the most informative column."""
        best: dict[str, tuple[str, Asked, Told]] = {}
        for entry in found:
            name = entry[1].target.name
            if name not in best or entry[2].right > best[name][2].right:
                best[name] = entry
        if source.by == "id" and (source.units >= 0).sum() < self.case.truth.rows and len(source.cells) >= 20_000:
            whole = look_into(self.case, Linker(self.case.truth), source.table, self.case.truth.rows).linked
            if whole is not None:
                return tuple(self._again(whole, best))
        return tuple(question.guess(told.values) for _, question, told in best.values() if question.units.max() >= 0)

    def _again(self, whole: Linked, best: Mapping[str, tuple[str, Asked, Told]]) -> Iterator[Guess]:
        for question in asked_of(self.case.truth, whole.units, len(whole.cells)):
            if (entry := best.get(question.target.name)) is None:
                continue
            column, where = self.packed.get(entry[0], (entry[0], ""))
            cells = whole.cells[column].to_numpy(dtype=object)
            cells = packed_in(cells).get(where, cells) if entry[0] in self.packed else cells
            told = self.comparer.best(cells, question.target)
            if told is not None:
                yield question.guess(told.values)

    def _indicators(self, source: Linked, asked: Sequence[Asked]) -> Iterator[Clue]:
        """Columns that each indicate whether one class is the answer, as in a one-hot table."""
        for question in asked:
            if question.target.kind != "class" or len(question.target.classes) < 3:
                continue
            found = indicated(source.cells[[*source.columns]], question.target, self.comparer)
            if found:
                values = np.full(len(source.cells), None, dtype=object)
                for name, (_, rows) in found.items():
                    values[rows] = name
                columns = _listed([column for column, _ in found.values()])
                what = f"columns {columns} each state whether the answer is one of {len(found)} classes"
                yield Clue(NAME, source.table.path, what, (question.guess(values),))

    def in_list(self, path: str, way: np.ndarray, cells: np.ndarray) -> Clue | None:
        """A list in a text, of as many words as there are test rows, read in one of their orders."""
        units = np.full(self.case.truth.rows, -1, dtype=np.int64)
        units[way] = np.arange(len(way))
        for question in asked_of(self.case.truth, units, len(way)):
            told = self.comparer.best(cells, question.target)
            if told is not None:
                asked = printable(question.target.name, 40)
                what = f"a list in the text {told.how} {asked} in {told.right:,} of {told.of:,} rows"
                return Clue(NAME, path, what, (question.guess(told.values),))
        return None

    def in_fields(self, pattern: str, units: np.ndarray, cells: Mapping[str, np.ndarray]) -> Iterator[Clue]:
        """Fields of text files, one file for each unit."""
        found: list[tuple[str, Asked, Told]] = []
        count = len(next(iter(cells.values()))) if cells else 0
        columns = {name: Column.of(column) for name, column in cells.items()}
        for question in asked_of(self.case.truth, units, count):
            for name, column in columns.items():
                told = self._worth(question, self.comparer.best(column, question.target))
                if told is not None:
                    found.append((name, question, told))
        if found:
            best: dict[str, tuple[str, Asked, Told]] = {}
            for entry in found:
                best.setdefault(entry[1].target.name, entry)
            guesses = tuple(question.guess(told.values) for _, question, told in best.values() if question.units.max() >= 0)
            yield Clue(NAME, pattern, _what("file", found, count, "field"), guesses)


def _of_some(question: Asked, rows: np.ndarray) -> Asked:
    """A question of some of the units alone; its guesses are of no test rows."""
    target = replace(question.target, values=question.target.values[rows])
    return Asked(target, np.full(len(question.units), -1, dtype=np.int64))


def indicated(cells: pd.DataFrame, target: Target, comparer: Comparer) -> dict[str, tuple[str, np.ndarray]]:
    """By class the column that says so of its rows alone, and these rows, shape (units,) bool.

    Args:
        cells: a frame, shape (units, columns), text.
        target: of a class, of the units.
        comparer: counts what is tried.
    """
    answers = classes_of(target)
    found: dict[str, tuple[str, np.ndarray]] = {}
    for name in cells.columns:
        column = Column.of(cells[name].to_numpy(dtype=object))
        if len(column.texts) > _MOST_INDICATING:
            continue
        forms = column.map_texts("normal", readings.normal)
        values, counts = np.unique(np.array([form or "" for form in forms], dtype=object).astype(str), return_counts=True)
        if len(values) != 2:
            continue
        rows = np.array([form or "" for form in forms], dtype=object) == values[counts.argmin()]
        told = _class_of(rows, answers, target, comparer)
        if told is not None:
            found.setdefault(told, (str(name), rows))
    return found if len(found) >= 2 else {}


def _class_of(rows: np.ndarray, answers: np.ndarray, target: Target, comparer: Comparer) -> str | None:
    comparer.learnt.tried += 1
    place = int(np.bincount(answers[rows]).argmax())
    is_class = answers == place
    both = (rows & is_class).sum()
    if both < _LEAST_INDICATED * rows.sum() or both < _LEAST_INDICATED * is_class.sum():
        return None
    log_p = statistics.log_match_by_chance(rows.astype(np.int64), is_class.astype(np.int64))
    return target.classes[place] if comparer.learnt.improbable(log_p, comparer.learnt.tried * len(target.classes)) else None


def _what(by: str, found: Sequence[tuple[str, Asked, Told]], rows: int, noun: str = "column") -> str:
    column, question, told = found[0]
    others = [name for name in dict.fromkeys(name for name, _, _ in found) if name != column]
    beside = f"; so do {_listed(others)}" if others else ""
    joined = "" if by in ("id", "file") else f", read by {by},"
    asked = printable(question.target.name, 40)
    return f"the {noun} {printable(column)}{joined} {told.how} {asked} in {told.right:,} of {told.of:,} rows{beside}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name, 40) for name in names[:_MOST_NAMED])
    return f"{shown} and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else shown
