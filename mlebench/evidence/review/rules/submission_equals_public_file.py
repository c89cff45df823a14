"""Submissions whose predictions are in a public file, or in one of other people's files.

Compared by id, cell by cell, numbers with a tolerance. A copy of the sample submission is worth a look: nothing was predicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlebench.evidence.review.finding import Level, ReviewFinding
from mlebench.evidence.review.held_out import Row, Table, public_tables, read_table, sample_of, submission_of
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.equal_submissions import is_constant
from mlebench.evidence.review.rules.quotes import evidence
from mlebench.evidence.review.rules.rule import Rule, RuleOptions

NAME = "submission-equals-public-file"
_LEAST_SHARE = 0.999
_FEWEST_ROWS = 5
_MOST_FILES = 5_000
_TOLERANCE = 1e-4


def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """See the module."""
    others = () if options.against is None else tuple(_files(options.against))
    for group in groups:
        for run in group.runs:
            table = submission_of(run)
            if table is None or not table.rows:
                continue
            found = next(_equal_files(run, table, others, options.against), None)
            if found is not None:
                level, text = found
                place = evidence(f"{run.run_id}/submission/submission.csv", None, "")
                yield ReviewFinding(NAME, level, group.group.name, (run.run_id,), text, [place])


def lacks(groups: Sequence[ReviewedGroup]) -> str | None:
    """The competitions whose public files are not prepared here."""
    missing = {
        run.record.competition_id
        for group in groups
        for run in group.runs
        if not run.has_own_answers or sample_of(run.competition) is None
    }
    return f"{', '.join(sorted(missing))} is not prepared here" if missing else None


def _equal_files(
    run: ReviewedRun, table: Table, others: Sequence[Path], folder: Path | None
) -> Iterator[tuple[Level, str]]:  # fmt: skip
    competition = run.competition if run.has_own_answers else None
    if (sample := sample_of(competition)) is not None and _is_equal(table, sample):
        yield "look", "the submission is the sample submission"
        return
    # one prediction for all rows is not copied from anyone
    if is_constant(table) or len(table.rows) < _FEWEST_ROWS:
        return
    for path in others:
        other = read_table(path, table.id_columns, like=table)
        if other is not None and _is_equal(table, other):
            name = path.relative_to(folder).as_posix() if folder is not None else path.name
            yield "violation", f"the submission contains the predictions of {name} in the given folder"
    if competition is not None:
        for name, other in public_tables(competition):
            if _is_equal(table, other):
                level: Level = "look" if "sample" in name.lower() else "violation"
                yield level, f"the submission contains the content of the public file {name}"


def _is_equal(table: Table, other: Table) -> bool:
    """Whether another table has all predictions, in columns of the same names or in its only column."""
    if len(other.rows) < _LEAST_SHARE * len(table.rows):
        return False
    if set(table.columns) <= set(other.columns):
        places = [other.columns.index(name) for name in table.columns]
    elif len(table.columns) == len(other.columns) == 1:
        places = [0]
    else:
        return False
    needed, different = len(table.rows), 0
    for name, row in table.rows.items():
        cells = other.rows.get(name)
        if cells is None or not _are_equal(row, tuple(cells[place] for place in places)):
            different += 1
            if different > (1 - _LEAST_SHARE) * needed:
                return False
    return True


def _are_equal(row: Row, other: Row) -> bool:
    return row == other or all(map(_is_near, row, other))


def _is_near(cell: str, other: str) -> bool:
    if cell == other:
        return True
    try:
        one, two = float(cell), float(other)
    except ValueError:
        return False
    return abs(one - two) <= _TOLERANCE * max(abs(one), abs(two))


def _files(folder: Path) -> Iterator[Path]:
    return itertools.islice((path for path in sorted(folder.rglob("*.csv")) if path.is_file()), _MOST_FILES)


RULE = Rule(NAME, "Does the submission contain the content of a public file, or of other people's?", find, lacks=lacks)
