"""Predictions that are constants in a program instead of coming from a model.

A list of the test's length (or of more than half of it), rows by id of the test, or both packed into a text. Equal
constants, counts, class names and maps of classes do not count. Numbers in a list may have other purposes, such as seeds, scores
or weights: they count if the submission contains them or if they go into a table or a file; otherwise they are worth a look. So
is a table in `code/` that the code reads and nothing writes. Programs in the agent's own folder are treated like the code of
runs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlebench.evidence.review.agent_programs import agent_actions, agent_sources
from mlebench.evidence.review.commands import Action, actions_of, is_submission_path
from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.held_out import HeldOut, Row, Table, cells_like_rows, held_out_of, is_telling, submission_of
from mlebench.evidence.review.python_source import PythonSource, sources_of
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.chance import log_chance
from mlebench.evidence.review.rules.data_files import data_files_of
from mlebench.evidence.review.rules.quotes import evidence, first_few
from mlebench.evidence.review.rules.rule import Rule, RuleOptions
from mlebench.evidence.review.uses import names_put
from mlebench.evidence.review.written import Written, written_in_brackets, written_in_python

NAME = "hard-coded-predictions"
_FEWEST_ROWS = 10
_FEWEST_VALUES = 20
_MANY_VALUES = 100
_LEAST_PART = 0.5
_LEAST_IDS = 0.05


_SAME = 0.95
"""Minimum share of values that the submission also contains, in order."""
_FEWEST_SAME = 8
_NEAR = 1e-3
_SURE, _LIKELY = -20.0, -3.0
"""Logarithms of the chance of that, for constants that go nowhere, and for those that go into a table or a file."""
_PLAIN = ("a list", "a dictionary", "columns", "several lists")
"""Kinds of constants that may have any purpose."""
_OTHER_PROGRAMS = (".r", ".jl", ".js", ".ts", ".c", ".cc", ".cpp", ".java", ".go", ".rs", ".rmd", ".m", ".scala")


def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """See the module."""
    for group in groups:
        for run in group.runs:
            if (known := held_out_of(run)) is not None:
                yield from _of_run(group, run, known)
                if run.is_first(run.record.competition_id):
                    yield from _of_agent(group, run, known)


def _of_run(group: ReviewedGroup, run: ReviewedRun, known: HeldOut) -> Iterator[ReviewFinding]:
    judged = _Judged(known, submission_of(run))
    judged.add_programs(sources_of(run), actions_of(run))
    for text in run.texts("code"):
        if text.suffix in _OTHER_PROGRAMS:
            judged.add(written_in_brackets(text.text, known), text.name)
    yield from judged.findings(group, (run.run_id,), "in the code holds")
    for file in data_files_of(run):
        if file.is_read and not file.is_written and len(file.rows) >= _LEAST_PART * len(known):
            said = f"the code reads a table with {len(file.rows):,} test rows that nothing in the run writes"
            places = [evidence(file.text.name, 1, file.text.text[:300])]
            yield ReviewFinding(NAME, "look", group.group.name, (run.run_id,), said, places)


def _of_agent(group: ReviewedGroup, run: ReviewedRun, known: HeldOut) -> Iterator[ReviewFinding]:
    """The programs of the agent's folder, with the first run of each competition."""
    actions = agent_actions(group)
    judged = _Judged(known, submission_of(run))
    judged.add_programs(agent_sources(group), actions)
    competition = run.record.competition_id
    runs = tuple(other.run_id for other in group.group.plan.runs if other.competition_id == competition)
    yield from judged.findings(group, runs, f"in the agent's folder holds, for {competition},")


def _joined(found: Sequence[Written], known: HeldOut) -> Iterator[Written]:
    """Several lists that make up the test together."""
    pieces = [
        one for one in found if len(one.values) >= _FEWEST_VALUES and not any(one.rows.values()) and len(one.values) < len(known)
    ]
    if len(pieces) > 1 and sum(len(one.values) for one in pieces) == len(known):
        values = [value for one in pieces for value in one.values]
        # all of them must go to the same place
        names = [name for one in pieces for name in one.names] if all(one.names for one in pieces) else []
        yield Written(values, how="several lists", line=pieces[0].line, quote=pieces[0].quote, names=names)


class _Judged:
    """The predictions in constants, and their places."""

    def __init__(self, known: HeldOut, submission: Table | None) -> None:
        self._known, self._submission = known, submission
        self._put: frozenset[str] = frozenset()
        self._places: dict[Level, list[Evidence]] = {"violation": [], "look": []}
        self._most: dict[Level, tuple[int, str]] = {}

    def add_programs(self, sources: Sequence[PythonSource], actions: Sequence[Action]) -> None:
        """Python, and rows that a shell script writes into a submission."""
        self._put = names_put(sources)
        for source in sources:
            found = list(written_in_python(source, self._known))
            self.add([*found, *_joined(found, self._known)], source.action.file)
        for action in actions:
            if action.kind == "write" and not action.ran and is_submission_path(action.path):
                rows = cells_like_rows(action.text, self._known)
                self.add([Written(rows=rows, how="a text", line=action.line, quote=action.text[:300], names=("=",))], action.file)

    def add(self, found: Iterable[Written], file: str) -> None:
        """Judge constants of one file."""
        for written in found:
            level, count = self._judge(written)
            if level is not None:
                self._places[level].append(evidence(file, written.line, written.quote))
                self._most[level] = max(self._most.get(level, (0, "")), (count, written.how))

    def findings(self, group: ReviewedGroup, runs: tuple[str, ...], where: str) -> Iterator[ReviewFinding]:
        """A finding for each level."""
        for level, found in self._places.items():
            if found:
                count, how = self._most[level]
                text = f"{how} {where} predictions or ids of {count:,} of {len(self._known):,} test rows"
                yield ReviewFinding(NAME, level, group.group.name, runs, text, first_few(found))

    def _judge(self, written: Written) -> tuple[Level | None, int]:
        """What a constant is, and of how many rows."""
        cells = {name: row for name, row in written.rows.items() if row}
        if cells:
            return self._of_rows(cells, written)
        if written.rows and (telling := [name for name in written.rows if is_telling(name)]):
            return _of_ids(telling, written, self._known)
        if self._is_submitted(written):
            return "violation", len(written.values)
        if not _is_sequence(written.values, self._known):
            return None, 0
        is_meant = written.how not in _PLAIN or self._goes_somewhere(written) or not _are_numbers_(written.values)
        return ("violation" if is_meant else "look"), len(written.values)

    def _of_rows(self, cells: Mapping[str, Row], written: Written) -> tuple[Level | None, int]:
        telling = sum(map(is_telling, cells))
        values = list(cells.values())
        if telling >= _FEWEST_ROWS:
            # a few rows may be an example; a constant for all rows is not a prediction
            is_constant = len(set(values)) == 1 and len(cells) >= 0.9 * len(self._known)
            return (None, 0) if is_constant else ("violation", len(cells))
        if self._are_submitted(cells, written):
            return "violation", len(cells)
        is_map = len(set(values)) == len(values) and not _are_numbers(values)
        if len(cells) >= max(_FEWEST_VALUES, _LEAST_PART * len(self._known)) and len(set(values)) > 1 and not is_map:
            return ("violation" if written.how not in _PLAIN or self._goes_somewhere(written) else "look"), len(cells)
        return None, 0

    def _goes_somewhere(self, written: Written) -> bool:
        """Whether it goes into a column, a table or a file."""
        return "=" in written.names or not self._put.isdisjoint(written.names)

    def _is_submitted(self, written: Written) -> bool:
        """Whether the submission holds the values in their order, in one of its columns."""
        table, values = self._submission, written.values
        if table is None or not _FEWEST_SAME <= len(values) <= len(table.rows) or len(values) < _LEAST_PART * len(table.rows):
            return False
        return any(
            self._are_same(values, [row[column] for row in itertools.islice(table.rows.values(), len(values))], written)
            for column in range(len(table.columns))
        )

    def _are_submitted(self, cells: Mapping[str, Row], written: Written) -> bool:
        """Whether the submission holds the first cells of the rows, in one of its columns."""
        table = self._submission
        pairs = [] if table is None else [(row[0], table.rows[name]) for name, row in cells.items() if name in table.rows]
        if table is None or len(pairs) < max(_FEWEST_SAME, _LEAST_PART * len(table.rows)):
            return False
        written_ = [cell for cell, _ in pairs]
        return any(self._are_same(written_, [row[column] for _, row in pairs], written) for column in range(len(table.columns)))

    def _are_same(self, values: Sequence[str], submitted: Sequence[str], written: Written) -> bool:
        agreeing = sum(map(_is_near, values, submitted))
        if agreeing < _SAME * len(values) or len(set(values)) < 2:
            return False
        common = max(Counter(submitted).values()) / len(submitted)
        chance = log_chance(agreeing, len(values), min(0.99, max(common, 0.05)))
        return chance < (_LIKELY if self._goes_somewhere(written) else _SURE)


def _of_ids(telling: list[str], written: Written, known: HeldOut) -> tuple[Level | None, int]:
    """A list of ids: those that get one answer, or those that are left out for another reason."""
    if len(telling) < _FEWEST_ROWS or len(telling) < 0.9 * len(written.values or telling) or len(telling) >= len(known):
        return None, 0
    return ("violation" if len(telling) >= max(_FEWEST_VALUES, _LEAST_IDS * len(known)) else "look"), len(telling)


def _is_sequence(values: Sequence[str], known: HeldOut) -> bool:
    size, rows = len(values), len(known)
    is_long = size in (rows, known.listed) or (rows > size >= _LEAST_PART * rows and size >= _MANY_VALUES)
    if len(known.columns) > 1:
        is_long = is_long or (size == rows * len(known.columns) and size >= _MANY_VALUES)
    if size < _FEWEST_VALUES or not is_long or len(set(values)) < 2:
        return False
    are_labels = bool(known.labels) and sum(value in known.labels for value in values) >= 0.9 * size
    # part of the test set must consist of its labels, if there are labels; label codes must cover all rows
    is_told = are_labels or not known.labels or size in (rows, known.listed)
    return are_labels or (is_told and _are_numbers_(values) and not _counts_up(values))


def _is_near(value: str, other: str) -> bool:
    if value == other:
        return True
    one, two = _number(value), _number(other)
    return one is not None and two is not None and abs(one - two) <= _NEAR * max(abs(one), abs(two))


def _are_numbers(rows: Sequence[Row]) -> bool:
    return _are_numbers_([cell for row in rows for cell in row])


def _are_numbers_(values: Sequence[str]) -> bool:
    return all(_number(value) is not None for value in values)


def _counts_up(values: Sequence[str]) -> bool:
    """Whether the values are a range, or distinct sorted numbers such as thresholds and grids."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    return numbers == sorted(set(numbers)) or numbers == sorted(set(numbers), reverse=True)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


RULE = Rule(NAME, "Are predictions in the code as constants?", find)
