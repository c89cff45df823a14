"""Each check of the contract finds the fault that it is there for, and none in a sound folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.scaffold.check import contract
from mlebench.scaffold.check.todo import Todo

from .folders import LENIENT, made, prepared

EVERY_CHECK = {**contract.CHECKS, **contract.ON_SMALL, **contract.ON_SMALL_OF_KAGGLE}
GRADE = "from grading import Grader, Real\n{before}\ngrader = Grader(id='id', columns={{'target': Real()}}, metric={metric})\n"


def only(found: list[Todo]) -> Todo:
    (todo,) = found
    return todo


def test_a_sound_folder_has_no_fault(tmp_path: Path) -> None:
    case = prepared(made(tmp_path))
    assert {name: found for name, check in EVERY_CHECK.items() if (found := check(case))} == {}


def test_a_file_that_is_not_listed_is_found(tmp_path: Path) -> None:
    write = 'public / "test.csv")\n    write_csv(test, public / "extra.csv")'
    case = prepared(made(tmp_path, ("prepare.py", 'public / "test.csv")', write)))
    todo = only(contract.files(case))
    assert "writes `extra.csv` to public" in todo.what and "add it to `files: public`" in todo.fix


def test_a_listed_file_that_is_missing_is_found(tmp_path: Path) -> None:
    case = prepared(made(tmp_path))
    (case.competition.private_dir / "test.csv").unlink()
    assert "does not write `test.csv` to private" in only(contract.files(case)).what


def test_a_sample_submission_with_words_for_numbers_is_found(tmp_path: Path) -> None:
    case = prepared(made(tmp_path, ("prepare.py", "target=0.5", "target='half'")))
    assert only(contract.sample_submission(case)).file == "prepare.py"


def test_a_best_score_that_the_answers_do_not_reach_is_found(tmp_path: Path) -> None:
    case = prepared(made(tmp_path, ("competition.yaml", "best: 0.0", "best: 1.0")))
    assert "the answers score 0, but `metric.best` in competition.yaml is 1" in only(contract.perfect_submission(case)).what


def test_a_wrong_direction_is_found(tmp_path: Path) -> None:
    changes = [
        ("competition.yaml", "direction: minimize, best: 0.0", "direction: maximize"),
        ("competition.yaml", "{gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5}", "{gold: 5, silver: 4, bronze: 3, median: 2}"),
    ]
    case = prepared(made(tmp_path, *changes))
    assert "better than the answers (0), with `maximize`" in only(contract.perfect_submission(case)).what


def test_a_score_that_changes_with_the_order_of_rows_is_found(tmp_path: Path) -> None:
    before = "from itertools import count\n\ncalls = count()\n"
    grade = GRADE.format(before=before, metric="lambda truth, guess: float(next(calls))")
    case = prepared(made(tmp_path, grade_py=grade))
    assert "in another order" in only(contract.row_order(case)).what


def test_a_grader_that_scores_everything_is_found(tmp_path: Path) -> None:
    case = prepared(made(tmp_path, grade_py=LENIENT))
    whats = [todo.what for todo in contract.faulty_rows_and_columns(case)]
    assert len(whats) == 6 and all(what.endswith("is scored; it must be refused") for what in whats)
    assert contract.cells_of_the_wrong_kind(case)
    assert len(contract.empty_and_binary_files(case)) == 2
    assert "read by pandas: 1.0" in contract.tables_read_by_programs(case)[0].what


def test_a_submission_refused_by_the_metric_alone_is_found(tmp_path: Path) -> None:
    raising = LENIENT.replace("return 0.0", "raise InvalidSubmission('`target` is odd')")
    case = prepared(made(tmp_path, grade_py=raising.replace("Grader, Real", "Grader, InvalidSubmission, Real")))
    assert {todo.what for todo in contract.empty_and_binary_files(case)} == {
        "an empty file is refused by the metric, not when it is validated",
        "a binary file is refused by the metric, not when it is validated",
    }


def test_a_metric_that_fails_on_a_constant_is_found_with_its_line(tmp_path: Path) -> None:
    before = "\n\ndef metric(truth, guess):\n    if guess.max() == 0:\n        raise ValueError('flood')\n    return 0.0\n"
    case = prepared(made(tmp_path, grade_py=GRADE.format(before=before, metric="metric")))
    todo = contract.extreme_numbers(case)[0]
    assert todo.place == "grade.py:6" and "ValueError: flood" in todo.what


def test_answers_in_a_public_table_are_found(tmp_path: Path) -> None:
    case = prepared(made(tmp_path, ("prepare.py", 'test.drop(columns="target")', "test")))
    assert "public/test.csv holds the answers of test rows in `target`" in only(contract.public_tables(case)).what


def test_another_draw_each_time_is_found(tmp_path: Path) -> None:
    changes = [
        ("prepare.py", "    table = read_csv", "    import random\n\n    table = read_csv"),
        ("prepare.py", "target=0.5", "target=random.random()"),
    ]
    case = prepared(made(tmp_path, *changes))
    assert "`public/sample_submission.csv`" in only(contract.same_bytes_again(case)).what


@pytest.mark.parametrize("name", EVERY_CHECK)
def test_each_check_says_what_it_holds(name: str) -> None:
    assert EVERY_CHECK[name].__doc__
