"""Predictions that stand in a program as constants instead of coming from a model.

A list of the test's length (or of more than half of it), rows by id of the test, or both packed into a text. Constants of which
all are equal, counts up from a number, class names and maps of classes are none. A table in `code/` that the code reads and
nothing writes is only worth a look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.held_out import HeldOut, held_out_of, is_telling
from mlebench.evidence.review.python_source import sources_of
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.data_files import data_files_of
from mlebench.evidence.review.rules.quotes import evidence, first_few
from mlebench.evidence.review.rules.rule import Rule, RuleOptions
from mlebench.evidence.review.written import Written, written_in_python

NAME = "hard-coded-predictions"
_FEWEST_ROWS = 10
_FEWEST_VALUES = 20
_MANY_VALUES = 100
_LEAST_PART = 0.5
_LEAST_IDS = 0.05


def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """See the module."""
    for group in groups:
        for run in group.runs:
            if (known := held_out_of(run)) is not None:
                yield from _of_run(group, run, known)


def _of_run(group: ReviewedGroup, run: ReviewedRun, known: HeldOut) -> Iterator[ReviewFinding]:
    places: dict[Level, list[Evidence]] = {"violation": [], "look": []}
    most: dict[Level, int] = {"violation": 0, "look": 0}
    hows: dict[Level, str] = {}
    for source in sources_of(run):
        found = list(written_in_python(source, known))
        for written in (*found, *_joined(found, known)):
            level, count = _judged(written, known)
            if level is not None:
                places[level].append(evidence(source.action.file, written.line, written.quote))
                if count > most[level]:
                    most[level], hows[level] = count, written.how
    for level, shown in places.items():
        if shown:
            text = f"{hows[level]} in the code holds predictions or ids of {most[level]:,} of {len(known):,} rows of the test"
            yield ReviewFinding(NAME, level, group.group.name, (run.run_id,), text, first_few(shown))
    for file in data_files_of(run):
        if file.is_read and not file.is_written and len(file.rows) >= _LEAST_PART * len(known):
            text = f"the code reads a table with {len(file.rows):,} rows of the test that nothing in the run writes"
            places_ = [evidence(file.text.name, 1, file.text.text[:300])]
            yield ReviewFinding(NAME, "look", group.group.name, (run.run_id,), text, places_)


def _joined(found: Sequence[Written], known: HeldOut) -> Iterator[Written]:
    """Several lists that make up the test together."""
    pieces = [
        one for one in found if len(one.values) >= _FEWEST_VALUES and not any(one.rows.values()) and len(one.values) < len(known)
    ]
    if len(pieces) > 1 and sum(len(one.values) for one in pieces) == len(known):
        values = [value for one in pieces for value in one.values]
        yield Written(values, how="several lists", line=pieces[0].line, quote=pieces[0].quote)


def _judged(written: Written, known: HeldOut) -> tuple[Level | None, int]:
    """What a constant is, and of how many rows."""
    cells = {name: row for name, row in written.rows.items() if row}
    if cells:
        return _of_rows(cells, known)
    if written.rows and (telling := [name for name in written.rows if is_telling(name)]):
        return _of_ids(telling, written, known)
    if _is_sequence(written.values, known):
        return "violation", len(written.values)
    return None, 0


def _of_rows(cells: dict[str, tuple[str, ...]], known: HeldOut) -> tuple[Level | None, int]:
    telling = sum(map(is_telling, cells))
    values = list(cells.values())
    if telling >= _FEWEST_ROWS:
        # a sample that somebody shows is a few rows; a constant for all is no prediction
        is_constant = len(set(values)) == 1 and len(cells) >= 0.9 * len(known)
        return (None, 0) if is_constant else ("violation", len(cells))
    is_map = len(set(values)) == len(values) and not _are_numbers(values)
    if len(cells) >= max(_FEWEST_VALUES, _LEAST_PART * len(known)) and len(set(values)) > 1 and not is_map:
        return "violation", len(cells)
    return None, 0


def _of_ids(telling: list[str], written: Written, known: HeldOut) -> tuple[Level | None, int]:
    """A list of ids: those that get one answer, or those that are left out for another reason."""
    if len(telling) < _FEWEST_ROWS or len(telling) < 0.9 * len(written.values or telling) or len(telling) >= len(known):
        return None, 0
    return ("violation" if len(telling) >= max(_FEWEST_VALUES, _LEAST_IDS * len(known)) else "look"), len(telling)


def _is_sequence(values: Sequence[str], known: HeldOut) -> bool:
    size, rows = len(values), len(known)
    is_long = size == rows or (rows > size >= _LEAST_PART * rows and size >= _MANY_VALUES)
    if len(known.columns) > 1:
        is_long = is_long or (size == rows * len(known.columns) and size >= _MANY_VALUES)
    if size < _FEWEST_VALUES or not is_long or len(set(values)) < 2:
        return False
    if known.labels:
        return sum(value in known.labels for value in values) >= 0.9 * size or (_are_numbers_(values) and not _counts_up(values))
    return _are_numbers_(values) and not _counts_up(values)


def _are_numbers(rows: Sequence[tuple[str, ...]]) -> bool:
    return _are_numbers_([cell for row in rows for cell in row])


def _are_numbers_(values: Sequence[str]) -> bool:
    return all(_number(value) is not None for value in values)


def _counts_up(values: Sequence[str]) -> bool:
    """Whether the values are a range, or numbers in order of which none stands twice, as thresholds and grids are."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    return numbers == sorted(set(numbers)) or numbers == sorted(set(numbers), reverse=True)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


RULE = Rule(NAME, "Do predictions stand in the code as constants?", find)
