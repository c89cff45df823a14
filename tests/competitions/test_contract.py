"""The contract of a competition folder, held against every one: mock → prepare → grade."""

from __future__ import annotations

import pytest

from mlebench.registry import SPLITS, Registry
from mlebench.registry.facts import EditionName
from mlebench.scaffold.check import contract, task_text
from mlebench.scaffold.check.contract import Case
from tests.cases import SIZE, Cases

IDS = [name for split in SPLITS for name in Registry().list_competition_ids(split) if split != "all"]
SMALL = contract.SMALL


def sizes(name: str) -> tuple[int, ...]:
    return contract.sizes(Registry().get_competition(name))


def editions(name: str) -> tuple[EditionName, ...]:
    return task_text.editions(Registry().get_competition(name))


def each_case(*sizes_of: tuple[str, str, int]) -> pytest.MarkDecorator:
    """The test runs on each of the cases; those of one competition run in one process, which then makes no other one wait."""
    parameters = [
        pytest.param((name, edition, size), id=f"{name}-{edition}-{size}", marks=pytest.mark.xdist_group(name))
        for name, edition, size in sizes_of
    ]
    return pytest.mark.parametrize("case", parameters, indirect=True)


CASES = [(name, edition, size) for name in IDS for edition in editions(name) for size in sizes(name)]


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, cases: Cases, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The data is shared, the folder is the test's own."""
    name, edition, size = request.param
    return Case(cases.prepared(name, edition, size), cases.raw(name, size), tmp_path_factory.mktemp(name))


def test_the_large_mock_is_that_of_the_suite() -> None:
    assert contract.LARGE == SIZE


@each_case(*CASES)
class TestCompetition:
    def test_public_and_private_hold_just_what_the_facts_name(self, case: Case) -> None:
        assert contract.files(case) == []

    def test_sample_submission_is_valid(self, case: Case) -> None:
        assert contract.sample_submission(case) == []

    def test_perfect_submission_gets_the_best_score(self, case: Case) -> None:
        assert contract.perfect_submission(case) == []

    def test_row_order_and_extra_columns_do_not_matter(self, case: Case) -> None:
        assert contract.row_order(case) == []

    def test_faulty_rows_and_columns_are_refused(self, case: Case) -> None:
        assert contract.faulty_rows_and_columns(case) == []

    def test_cells_of_the_wrong_kind_are_refused(self, case: Case) -> None:
        assert contract.cells_of_the_wrong_kind(case) == []

    def test_extreme_numbers_are_scored_or_refused_without_a_warning(self, case: Case) -> None:
        assert contract.extreme_numbers(case) == []

    def test_empty_and_binary_files_are_refused(self, case: Case) -> None:
        assert contract.empty_and_binary_files(case) == []

    def test_no_public_table_holds_answers(self, case: Case) -> None:
        assert contract.public_tables(case) == []


@each_case(*(case for case in CASES if case[2] == SMALL))
class TestPreparing:
    def test_preparing_again_gives_the_same_bytes_and_leaves_nothing_else(self, case: Case) -> None:
        assert contract.same_bytes_again(case) == []


@each_case(*[(name, "v1", size) for name in Registry().list_competition_ids() for size in sizes(name)[:1]])
def test_programs_that_read_the_tables_themselves_get_the_reports_score(case: Case) -> None:
    """As `mlebench.utils` reads them: by pandas' own rules, not cell by cell as the grader does."""
    assert contract.tables_read_by_programs(case) == []
