"""The contract of a competition folder, held against it on prepared data: mock → prepare → grade.

Each check takes a `Case` and returns what is wrong, nothing if it holds. Checks call the code of the folder in this process.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.scaffold.check.todo import Todo, listed, of_error, shown

if TYPE_CHECKING:
    import pandas as pd

    from grading import Column, Grader
    from grading.report import CompetitionReport
    from mlebench.registry import Competition

SMALL, LARGE = 60, 120
"""Rows of the mocks on which contracts are held; the large one has some of everything."""
_TOLERANCE = 1e-5
_PREPARE, _GRADE, _FACTS = "prepare.py", "grade.py", "competition.yaml"


@dataclass(frozen=True)
class Case:
    """One competition in one edition, prepared from a mock.

    Attributes:
        competition: the competition; its data is only read.
        raw: the mock.
        folder: an empty folder of the check's own.
    """

    competition: Competition
    raw: Path
    folder: Path

    @cached_property
    def perfect(self) -> pd.DataFrame:
        """The best submission, every cell as text."""
        import pandas as pd

        best = self.competition.grader.perfect_submission(self.competition.answers_table)
        best.to_csv(self.perfect_path, index=False)
        return pd.read_csv(self.perfect_path, dtype=str, keep_default_na=False)

    @property
    def perfect_path(self) -> Path:
        """The file of the best submission, as it was made of the answers; `perfect` writes it."""
        return self.folder / "perfect.csv"

    def written(self, table: pd.DataFrame, name: str = "submission") -> Path:
        """Write a table to the folder as a csv file."""
        path = self.folder / f"{name}.csv"
        table.to_csv(path, index=False)
        return path

    @property
    def columns(self) -> list[str]:
        """The submitted columns, without ids."""
        return list(self.competition.grader.columns_of(self.competition.answers_table))


Check = Callable[[Case], list[Todo]]


def files(case: Case) -> list[Todo]:
    """`prepare` writes what `competition.yaml` lists, and nothing else."""
    from mlebench.preparation import is_prepared
    from mlebench.registry.keys import KEY_FILE

    competition = case.competition
    added = {KEY_FILE} if competition.facts.keyed else set()
    found = [
        *_differences("public", competition.public_dir, {*competition.facts.files.public, "description.md"}),
        *_differences("private", competition.private_dir, {*competition.facts.files.private} | added),
    ]
    if not found and not is_prepared(competition):
        found.append(Todo("the prepared data is not complete", "write every file of `files` in prepare.py", _PREPARE))
    return found


def _differences(part: str, folder: Path, wanted: set[str]) -> Iterator[Todo]:
    there = listing(folder)
    if missing := sorted(wanted - there):
        what = f"`prepare` does not write {listed(missing)} to {part}, as `files` in competition.yaml says"
        yield Todo(what, f"write it in prepare.py, or remove it from `files: {part}`", _PREPARE)
    if added := sorted(there - wanted):
        what = f"`prepare` writes {listed(added)} to {part}, which `files` in competition.yaml does not list"
        yield Todo(what, f"add it to `files: {part}` (a folder ends with a slash), or do not write it", _FACTS)


def sample_submission(case: Case) -> list[Todo]:
    """The sample submission is valid."""
    from mlebench.grade import validate_submission

    valid, reason = validate_submission(case.competition.sample_submission, case.competition)
    if valid:
        return []
    return [
        Todo(f"the sample submission is not valid: {shown(reason)}", "write one that `grader` accepts in prepare.py", _PREPARE)
    ]


def perfect_submission(case: Case) -> list[Todo]:
    """The answers get the best score, and no worse one than the sample."""
    metric = case.competition.facts.metric
    case.perfect  # noqa: B018  # writes the file
    reached, refused = _score(case, case.perfect_path, "a submission of the answers")
    if reached is None:
        return refused
    if metric.best is not None and not abs(reached - metric.best) <= _TOLERANCE:
        what = f"the answers score {reached:g}, but `metric.best` in competition.yaml is {metric.best:g}"
        return [Todo(what, "correct the metric in grade.py, or `best` (null if it depends on the data)", _GRADE)]
    sample, refused = _score(case, case.competition.sample_submission, "the sample submission")
    if sample is None:
        return refused
    if reached > sample if case.competition.is_lower_better else reached < sample:
        what = f"the sample submission scores {sample:g}, better than the answers ({reached:g}), with `{metric.direction}`"
        return [Todo(what, "correct `metric.direction` in competition.yaml or the metric in grade.py", _GRADE)]
    return []


def row_order(case: Case) -> list[Todo]:
    """Neither the order of rows nor further columns matter."""
    import pandas as pd

    sample = pd.read_csv(case.competition.sample_submission, dtype=str, keep_default_na=False)
    for name, table in (("the answers", case.perfect), ("the sample submission", sample)):
        shuffled = table.sample(frac=1, random_state=0).assign(note="x")
        before, refused = _score(case, case.written(table, "ordered"), name)
        after, refused_after = _score(case, case.written(shuffled), f"{name} in another order with a further column")
        if before is None or after is None:
            return refused or refused_after
        if before != after:
            what = f"{name} score {before!r}, and {after!r} in another order with a further column"
            return [Todo(what, "compare rows by id in grade.py, never by position", _GRADE)]
    return []


def faulty_rows_and_columns(case: Case) -> list[Todo]:
    """A submission that lacks a column or rows, or holds others, is refused for that reason."""
    import pandas as pd

    table, first_id, column = case.perfect, case.competition.grader.id_columns[0], case.columns[0]
    unknown = table.copy()
    unknown[first_id] = [f"{table[first_id].iloc[0]}_unknown", *table[first_id].iloc[1:]]
    faulty = {
        "without its id column": (f"`{first_id}`", table.drop(columns=first_id)),
        "without a predicted column": (f"`{column}`", table.drop(columns=column)),
        "without its last row": ("missing", table.iloc[:-1]),
        "with an unknown id": ("not in the test set", unknown),
        "with a repeated row": ("repeated", pd.concat([table, table.tail(1)])),
        "without rows": ("missing", table.head(0)),
    }
    return [
        todo
        for fault, (expected, content) in faulty.items()
        for todo in _refused(case, case.written(content), f"a submission {fault}", expected)
    ]


def cells_of_the_wrong_kind(case: Case) -> list[Todo]:
    """A cell that its column's kind refuses is refused, and the reason names the column."""
    found = []
    for name, kind in one_column_per_kind(case.competition.grader, case.competition.answers_table):
        for fault, cell in kind.refused_cells().items():
            faulty = case.perfect.copy()
            faulty.loc[0, name] = cell
            path = case.written(faulty, f"{fault}-in-{len(faulty)}")
            found += _refused(case, path, f"a submission with {shown(fault)} in `{shown(name)}`", f"`{name}`")
    return found


def extreme_numbers(case: Case) -> list[Todo]:
    """The largest and smallest numbers are scored or refused, without a warning or an error."""
    columns = case.columns
    overlong, mixed = case.perfect.copy(), case.perfect.copy()
    overlong.loc[0, columns] = "9" * 5_000
    mixed.loc[::2, columns], mixed.loc[1::2, columns] = "1e308", "-1e308"
    numbers = {
        number: case.perfect.assign(**dict.fromkeys(columns, number)) for number in ("1e308", "-1e308", "1e155", "5e-324", "0")
    }
    # libraries warn when they are imported
    _, refused = _score(case, case.written(case.perfect), "a submission of the answers")
    if refused:
        return refused
    found = []
    for name, extreme in {**numbers, "1e308 and -1e308": mixed, "a number of 5000 digits": overlong}.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            report, failure = _report(case, case.written(extreme))
        if failure is not None:
            found.append(_failed(case, failure, f"a submission of {name}"))
        elif report.error_kind not in (None, "invalid"):
            what = f"a submission of {name} is neither scored nor refused: {shown(str(report.error))}"
            found.append(Todo(what, "bound the columns' kinds in grade.py", _GRADE))
    return found


def empty_and_binary_files(case: Case) -> list[Todo]:
    """A file without a table is refused."""
    found = []
    for name, content in {"an empty file": b"", "a binary file": b"\x00\xff\xfe" * 50}.items():
        path = case.folder / "odd.csv"
        path.write_bytes(content)
        found += _refused(case, path, name)
    return found


def public_tables(case: Case) -> list[Todo]:
    """No public table holds answers of test rows, but for those that `issues.yaml` declares of v1."""
    import pandas as pd

    competition = case.competition
    exposed = {path for issue in competition.issues for path in issue.exposes}
    declared = exposed if competition.edition.is_v1 else set()
    grader, answers = competition.grader, competition.answers_table
    payload = {*map(str, answers)} - {*grader.id_columns}
    targets = payload & {*grader.columns_of(answers)} or submitted(payload, answers, case.perfect) or payload
    found = []
    for path in sorted(competition.public_dir.rglob("*.csv*")):
        name = path.relative_to(competition.prepared_dir).as_posix()
        if path == competition.sample_submission or "sample" in path.name.lower() or name in declared:
            continue
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if set(grader.id_columns) <= set(table) and holds_test_rows(table, answers, targets):
            what = f"{shown(name)} holds the answers of test rows in {listed(sorted(targets & set(table)))}"
            found.append(Todo(what, "drop these columns or rows in prepare.py", _PREPARE))
    return found


def tables_read_by_programs(case: Case) -> list[Todo]:
    """Programs that read tables by pandas' own rules, as `mlebench.utils` does, get the report's score."""
    from mlebench.errors import InvalidSubmission
    from mlebench.utils import load_answers, read_csv

    competition = case.competition
    answers = load_answers(competition.answers)
    found = []
    for path in sorted({competition.sample_submission, competition.gold_submission}):
        reported, refused = _score(case, path, shown(path.name))
        if refused:
            return refused
        try:
            returned: float | str | None = competition.grader(read_csv(path), answers)
        except InvalidSubmission as error:
            returned = shown(str(error))
        if returned != reported:
            what = f"{shown(path.name)} scores {reported} by its cells, but read by pandas: {returned}"
            found.append(Todo(what, "let the columns' kinds in grade.py read the cells as text", _GRADE))
    return found


def same_bytes_again(case: Case) -> list[Todo]:
    """Preparing again writes the same files with the same bytes, and leaves nothing else."""
    from mlebench.preparation import prepare

    again = elsewhere(case, case.folder / "again")
    prepare(again, case.raw, mock=True)
    first, second = contents(case.competition.prepared_dir), contents(again.prepared_dir)
    found = []
    if differing := sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name)):
        what = f"`prepare` writes other bytes each time to {listed(differing)}"
        fix = "draw with `edition.split` or `edition.rng()`, and iterate over sorted files, never over sets"
        found.append(Todo(what, fix, _PREPARE))
    if left := sorted(listing(again.root) - {".lock", f"{again.prepared_dir.name}/"}):
        found.append(Todo(f"`prepare` leaves {listed(left)} in the data directory", "write to public and private only", _PREPARE))
    return found


CHECKS: Mapping[str, Check] = {
    "files": files,
    "sample-submission": sample_submission,
    "perfect-submission": perfect_submission,
    "row-order": row_order,
    "faulty-rows-and-columns": faulty_rows_and_columns,
    "cells-of-the-wrong-kind": cells_of_the_wrong_kind,
    "extreme-numbers": extreme_numbers,
    "empty-and-binary-files": empty_and_binary_files,
    "public-tables": public_tables,
}
"""For every size and edition."""
ON_SMALL: Mapping[str, Check] = {"same-bytes-again": same_bytes_again}
"""For every edition, on the small mock."""
ON_SMALL_OF_KAGGLE: Mapping[str, Check] = {"tables-read-by-programs": tables_read_by_programs}
"""For v1 of the competitions that the published harness has, too, on the small mock."""


def elsewhere(case: Case, data_dir: Path) -> Competition:
    """The competition of a case with another data directory, in which the same data is prepared."""
    import dataclasses

    from mlebench.registry.keys import kept_key

    competition = dataclasses.replace(case.competition, data_dir=data_dir)
    key = kept_key(case.competition.private_dir) if competition.facts.keyed else None
    return competition.with_key(key) if key else competition


def sizes(competition: Competition) -> tuple[int, ...]:
    """Of the mocks to check; generated data has one size."""
    return (SMALL,) if competition.facts.generated else (SMALL, LARGE)


def contents(folder: Path) -> dict[str, str]:
    """Md5 of each file by its path, without the record of preparing."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "prepared.json")
    return {path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in paths}


def listing(folder: Path) -> set[str]:
    """What is directly in a folder; folders end with a slash."""
    return {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}


def one_column_per_kind(grader: Grader, answers: pd.DataFrame) -> list[tuple[str, Column]]:
    """One submitted column of each kind, with the kind."""
    kinds = grader.columns_of(answers)
    return [(name, kinds[name]) for name in {repr(kind): name for name, kind in kinds.items()}.values()]


def submitted(payload: set[str], answers: pd.DataFrame, perfect: pd.DataFrame) -> set[str]:
    """The columns of the answers that the best submission holds under another name."""
    columns = [list(perfect[name]) for name in perfect]
    return {name for name in payload if list(answers[name].astype(str)) in columns}


def holds_test_rows(table: pd.DataFrame, answers: pd.DataFrame, targets: set[str]) -> bool:
    """Whether a public table has rows of the test set together with target columns.

    Train and test may number their rows alike; a row is the same one if all other shared columns agree, too.
    """
    import numpy as np

    from grading.submission import id_text

    shared = tuple(str(column) for column in answers if column in table and column not in targets)
    public = table.assign(_row=id_text(table, shared)).drop_duplicates("_row").set_index("_row")
    truth = answers.astype(str).assign(_row=id_text(answers, shared)).drop_duplicates("_row").set_index("_row")
    common = truth.index.intersection(public.index)
    revealed = [column for column in sorted(targets) if column in table and column in answers]
    agreement = [
        np.mean(truth.loc[common, name].to_numpy() == public.loc[common, name].to_numpy()) for name in revealed if len(common)
    ]
    return bool(max(agreement, default=0.0) > 0.99)


class _Failures(logging.Handler):
    """Keeps the last error that the harness logged of a grader."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.last = record.exc_info[1]


def _report(case: Case, path: Path) -> tuple[CompetitionReport, BaseException | None]:
    """The report of a submission, and the error with which the grader failed, if it did."""
    from mlebench.grade import grade_csv

    logger, failures = logging.getLogger("mlebench"), _Failures()
    logger.addHandler(failures)
    try:
        return grade_csv(path, case.competition), failures.last
    finally:
        logger.removeHandler(failures)


def _score(case: Case, path: Path, name: str) -> tuple[float | None, list[Todo]]:
    """The score of a submission that must have one, or why it has none."""
    report, failure = _report(case, path)
    if failure is not None:
        return None, [_failed(case, failure, name)]
    if report.score is not None and report.error is None:
        return report.score, []
    verb = "are" if name.startswith("the answers") else "is"
    what = f"{name} {verb} not scored: {shown(report.error or 'the grader gives no reason')}"
    return None, [Todo(what, "correct the columns' kinds or the metric in grade.py", _GRADE)]


def _refused(case: Case, path: Path, name: str, reason: str = "") -> list[Todo]:
    """What is wrong with how a submission is refused, in grading and in a check alike."""
    from mlebench.grade import validate_submission

    report, failure = _report(case, path)
    fix = "give the column a kind in grade.py that refuses it, or refuse it in `rows=`"
    if failure is not None:
        return [_failed(case, failure, name)]
    if report.score is not None:
        return [Todo(f"{name} is scored; it must be refused", fix, _GRADE)]
    error = str(report.error)
    if report.error_kind != "invalid":
        return [Todo(f"{name} is not refused as invalid: {shown(error)}", fix, _GRADE)]
    if validate_submission(path, case.competition) != (False, report.error):
        return [Todo(f"{name} is refused by the metric, not when it is validated", fix, _GRADE)]
    if reason not in error:
        return [Todo(f"{name} is refused with another reason than {reason}: {shown(error)}", fix, _GRADE)]
    return []


def _failed(case: Case, failure: BaseException, name: str) -> Todo:
    return of_error(failure, case.competition.folder, f"grading {name}", _GRADE)
