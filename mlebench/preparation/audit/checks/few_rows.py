"""Test sets of few rows, where chance hides nearly everything: data that should not exist at all is a finding there as well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.comparing import Column, classes_of, named, plainly_equal
from mlebench.preparation.audit.checks.linked import Linked, by_place, linked_tables, orders_of, tables_with_links
from mlebench.preparation.audit.clue import Guess

OF_ALL = ", and its values reveal the answers of all test rows"
LEAST_ROWS, _MOST_ROWS = 5, 60
_UNLIKELY = math.log(0.02)
"""The bound for data that is out of place anyway; nothing else is tried, so it needs no correction."""


def told_by_columns(case: Case, path: str, columns: Iterable[str]) -> tuple[Guess, ...]:
    """What columns that are out of place reveal about all test rows.

    Args:
        case: the case.
        path: of their table, as `Linked.table.path`.
        columns: their names.
    """
    if not LEAST_ROWS <= case.truth.rows <= _MOST_ROWS:
        return ()
    tables = [source for source in linked_tables(case) if source.table.path == path]
    wanted = {*columns}
    return _guesses(case, tables, [[column for column in source.columns if column in wanted] for source in tables])


def told_by_files(case: Case, paths: Sequence[str]) -> tuple[Guess, ...]:
    """What tables in files that are out of place reveal about all test rows, by id, else by position."""
    if not LEAST_ROWS <= case.truth.rows <= _MOST_ROWS:
        return ()
    among = {*paths}
    looked = [one for one in tables_with_links(case) if one.table.only is not None and one.table.only.file.path in among]
    tables = [one.linked for one in looked if one.linked is not None]
    found = _guesses(case, tables, [source.columns for source in tables])
    if found:
        return found
    orders = orders_of(case, [*linked_tables(case)])
    placed = [
        source for one in looked if one.rows == case.truth.rows for source in by_place(case, one.table, orders, case.truth.rows)
    ]
    return _guesses(case, placed, [[*source.cells.columns] for source in placed])


def _guesses(case: Case, tables: Sequence[Linked], columns: Sequence[Sequence[str]]) -> tuple[Guess, ...]:
    found: dict[str, Guess] = {}
    for source, names in zip(tables, columns, strict=True):
        if (source.units < 0).any():
            continue
        for question in asked_of(case.truth, source.units, len(source.cells)):
            for column in names:
                values = told(source.cells[column].to_numpy(dtype=object), question)
                if values is not None and question.target.name not in found:
                    found[question.target.name] = question.guess(values)
    return tuple(found.values())


def told(cells: np.ndarray, question: Asked) -> np.ndarray | None:
    """What cells say about units, as `Guess.values`, if they say it of all of them correctly and chance hardly would.

    A code is read for each unit as the others teach it, so that values of which each occurs once teach nothing.
    """
    target, count = question.target, len(cells)
    column = Column.of(cells.astype(str))
    if count < LEAST_ROWS or column.is_constant:
        return None
    codes = np.unique(target.values.astype(str), return_inverse=True)[1].reshape(-1)
    if -statistics.log_arrangements(codes) > _UNLIKELY:
        return None
    plain = plainly_equal(column, target)
    if plain is not None and plain.right == count:
        return plain.values
    if target.kind == "number":
        return _along(column, target.values)
    return _by_others(column, question) if target.kind == "class" else None


def _by_others(column: Column, question: Asked) -> np.ndarray | None:
    answers = classes_of(question.target)
    same = (column.codes[:, None] == column.codes[None, :]) & ~np.eye(len(answers), dtype=bool)
    votes = same @ np.eye(len(question.target.classes))[answers]
    said = np.where(votes.sum(axis=1) > 0, votes.argmax(axis=1), -1)
    return named(said, question.target) if (said == answers).all() else None


def _along(column: Column, values: np.ndarray) -> np.ndarray | None:
    numbers = column.numbers("", str.strip)
    if np.isnan(numbers).any() or np.isnan(values).any() or len(np.unique(numbers)) < len(numbers):
        return None
    order = np.argsort(numbers)
    steps = np.diff(values[order])
    if not ((steps > 0).all() or (steps < 0).all()):
        return None
    others = [np.delete(order, place) for place in range(len(order))]
    said = [np.interp(numbers[row], numbers[rest], values[rest]) for row, rest in zip(order, others, strict=True)]
    result = np.empty(len(values))
    result[order] = said
    return result
