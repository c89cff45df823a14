"""The contract of a competition folder, held against every one: mock → prepare → grade."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from grading import Column, Grader
from grading.submission import id_text
from mlebench.errors import WorkFailed
from mlebench.grade import grade_csv, validate_submission
from mlebench.preparation import is_prepared, prepare
from mlebench.registry import SPLITS, Competition, Registry
from mlebench.registry.keys import KEY_FILE
from mlebench.utils import load_answers, read_csv
from tests.cases import SIZE, Cases

IDS = [name for split in SPLITS for name in Registry().list_competition_ids(split) if split != "all"]
SMALL = 60


def sizes(name: str) -> tuple[int, ...]:
    # generated data has one size
    return (SMALL,) if Registry().get_competition(name).facts.generated else (SMALL, SIZE)


def editions(name: str) -> tuple[str, ...]:
    # data from a key is the same in both editions
    return ("v1",) if Registry().get_competition(name).facts.keyed else ("v1", "v2")


def each_case(*sizes_of: tuple[str, str, int]) -> pytest.MarkDecorator:
    """The test runs on each of the cases; those of one competition run in one process, which then makes no other one wait."""
    parameters = [
        pytest.param((name, edition, size), id=f"{name}-{edition}-{size}", marks=pytest.mark.xdist_group(name))
        for name, edition, size in sizes_of
    ]
    return pytest.mark.parametrize("case", parameters, indirect=True)


CASES = [(name, edition, size) for name in IDS for edition in editions(name) for size in sizes(name)]


class Case(NamedTuple):
    competition: Competition
    raw: Path
    folder: Path
    """Of the test's own; the data is shared."""
    perfect: pd.DataFrame
    """The best submission, every cell as text."""

    def written(self, table: pd.DataFrame, name: str = "submission") -> Path:
        path = self.folder / f"{name}.csv"
        table.to_csv(path, index=False)
        return path


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, cases: Cases, tmp_path_factory: pytest.TempPathFactory) -> Case:
    name, edition, size = request.param
    competition = cases.prepared(name, edition, size)
    folder = tmp_path_factory.mktemp(name)
    perfect = competition.grader.perfect_submission(competition.answers_table)
    perfect.to_csv(folder / "perfect.csv", index=False)
    return Case(competition, cases.raw(name, size), folder, pd.read_csv(folder / "perfect.csv", dtype=str, keep_default_na=False))


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "prepared.json")
    return {path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def score(case: Case, path: Path) -> float:
    report = grade_csv(path, case.competition)
    assert report.error is None
    assert report.score is not None
    return report.score


def refusal(case: Case, path: Path) -> str:
    report = grade_csv(path, case.competition)
    assert report.score is None, f"{path.name} was scored"
    assert report.error_kind == "invalid", report.error
    assert validate_submission(path, case.competition) == (False, report.error)
    return str(report.error)


@each_case(*CASES)
class TestCompetition:
    def test_public_and_private_hold_just_what_the_facts_name(self, case: Case) -> None:
        files = case.competition.facts.files
        assert listing(case.competition.public_dir) == {*files.public, "description.md"}
        added = {KEY_FILE} if case.competition.facts.keyed else set()
        assert listing(case.competition.private_dir) == {*files.private} | added
        assert is_prepared(case.competition)

    def test_sample_submission_is_valid(self, case: Case) -> None:
        assert validate_submission(case.competition.sample_submission, case.competition)[0]

    def test_perfect_submission_gets_the_best_score(self, case: Case) -> None:
        best = case.competition.facts.metric.best
        reached = score(case, case.folder / "perfect.csv")
        if best is not None:
            assert reached == pytest.approx(best, abs=1e-5)
        sample = score(case, case.competition.sample_submission)
        assert reached <= sample if case.competition.is_lower_better else reached >= sample

    def test_row_order_and_extra_columns_do_not_matter(self, case: Case) -> None:
        sample = pd.read_csv(case.competition.sample_submission, dtype=str, keep_default_na=False)
        for table in (case.perfect, sample):
            shuffled = table.sample(frac=1, random_state=0).assign(note="x")
            assert score(case, case.written(shuffled)) == score(case, case.written(table, "ordered"))

    def test_faulty_rows_and_columns_are_refused(self, case: Case) -> None:
        table, first_id = case.perfect, case.competition.grader.id_columns[0]
        columns = list(case.competition.grader.columns_of(case.competition.answers_table))
        unknown = table.copy()
        unknown.loc[0, first_id] += "_unknown"
        faulty = {
            f"`{first_id}`": table.drop(columns=first_id),
            f"`{columns[0]}`": table.drop(columns=columns[0]),
            "missing": table.iloc[:-1],
            "not in the test set": unknown,
            "repeated": pd.concat([table, table.tail(1)]),
            "missing ": table.head(0),
        }
        for expected, content in faulty.items():
            assert expected.strip() in refusal(case, case.written(content))

    def test_cells_of_the_wrong_kind_are_refused(self, case: Case) -> None:
        for name, kind in one_column_per_kind(case.competition.grader, case.competition.answers_table):
            for fault, cell in kind.refused_cells().items():
                faulty = case.perfect.copy()
                faulty.loc[0, name] = cell
                message = refusal(case, case.written(faulty, f"{fault}-in-{len(faulty)}"))
                assert f"`{name}`" in message

    def test_extreme_numbers_are_scored_or_refused_without_a_warning(self, case: Case) -> None:
        columns = list(case.competition.grader.columns_of(case.competition.answers_table))
        overlong, mixed = case.perfect.copy(), case.perfect.copy()
        overlong.loc[0, columns] = "9" * 5_000
        mixed.loc[::2, columns], mixed.loc[1::2, columns] = "1e308", "-1e308"
        constant = [
            case.perfect.assign(**dict.fromkeys(columns, number)) for number in ("1e308", "-1e308", "1e155", "5e-324", "0")
        ]
        # libraries warn when they are imported
        score(case, case.written(case.perfect))
        for extreme in (*constant, mixed, overlong):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                report = grade_csv(case.written(extreme), case.competition)
            assert report.error_kind in (None, "invalid"), report.error

    def test_empty_and_binary_files_are_refused(self, case: Case) -> None:
        for content in (b"", b"\x00\xff\xfe" * 50):
            path = case.folder / "odd.csv"
            path.write_bytes(content)
            assert refusal(case, path)

    def test_no_public_table_holds_answers(self, case: Case) -> None:
        exposed = {path for issue in case.competition.issues for path in issue.exposes}
        declared = exposed if case.competition.edition.is_v1 else set()
        grader, answers = case.competition.grader, case.competition.answers_table
        payload = set(answers) - set(grader.id_columns)
        targets = payload & set(grader.columns_of(answers)) or handed_in(payload, answers, case.perfect) or payload
        for path in sorted(case.competition.public_dir.rglob("*.csv*")):
            name = path.relative_to(case.competition.prepared_dir).as_posix()
            if path == case.competition.sample_submission or "sample" in path.name.lower() or name in declared:
                continue
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            if set(grader.id_columns) <= set(table):
                assert not holds_test_rows(table, answers, targets), f"{name} holds answers"


@each_case(*(case for case in CASES if case[2] == SMALL))
class TestPreparing:
    def test_preparing_again_gives_the_same_bytes_and_leaves_nothing_else(self, case: Case, cases: Cases) -> None:
        again = prepared_elsewhere(case, cases, case.folder / "again")
        prepare(again, case.raw, mock=True)
        assert contents(again.prepared_dir) == contents(case.competition.prepared_dir)
        assert listing(again.root) == {".lock", f"{again.prepared_dir.name}/"}

    def test_failing_halfway_leaves_nothing_that_looks_prepared(
        self, case: Case, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        halfway = prepared_elsewhere(case, cases, case.folder / "halfway")

        def run_out_of_space(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("mlebench.preparation.build._require_files", run_out_of_space)
        with pytest.raises(WorkFailed, match="disk is full"):
            prepare(halfway, case.raw, mock=True)
        assert not is_prepared(halfway, grading_only=True)
        assert listing(halfway.root) <= {".lock"}


@each_case(*[(name, "v1", size) for name in Registry().list_competition_ids() for size in sizes(name)[:1]])
def test_programs_that_read_the_tables_themselves_get_the_reports_score(case: Case) -> None:
    """As `mlebench.utils` reads them: by pandas' own rules, not cell by cell as the grader does."""
    competition = case.competition
    answers = load_answers(competition.answers)
    for path in {competition.sample_submission, competition.gold_submission}:
        assert competition.grader(read_csv(path), answers) == score(case, path), path.name


def prepared_elsewhere(case: Case, cases: Cases, data_dir: Path) -> Competition:
    name, edition = case.competition.id, case.competition.edition.name
    return cases.registry(name, edition, SMALL, data_dir).get_competition(name)


def one_column_per_kind(grader: Grader, answers: pd.DataFrame) -> list[tuple[str, Column]]:
    kinds = grader.columns_of(answers)
    return [(name, kinds[name]) for name in {repr(kind): name for name, kind in kinds.items()}.values()]


def listing(folder: Path) -> set[str]:
    return {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}


def handed_in(payload: set[str], answers: pd.DataFrame, perfect: pd.DataFrame) -> set[str]:
    """The columns of the answers that the best submission holds under another name."""
    submitted = [list(perfect[name]) for name in perfect]
    return {name for name in payload if list(answers[name].astype(str)) in submitted}


def holds_test_rows(table: pd.DataFrame, answers: pd.DataFrame, targets: set[str]) -> bool:
    """Whether rows of the test set stand in a public table together with target columns.

    Train and test may number their rows alike; a row is the same one if all other shared columns agree, too.
    """
    shared = [column for column in answers if column in table and column not in targets]
    shown = table.assign(_row=id_text(table, tuple(shared))).drop_duplicates("_row").set_index("_row")
    truth = answers.astype(str).assign(_row=id_text(answers, tuple(shared))).drop_duplicates("_row").set_index("_row")
    common = truth.index.intersection(shown.index)
    told = [column for column in sorted(targets) if column in table and column in answers]
    agreement = [
        np.mean(truth.loc[common, name].to_numpy() == shown.loc[common, name].to_numpy()) for name in told if len(common)
    ]
    return max(agreement, default=0.0) > 0.99
