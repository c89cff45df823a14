"""`check` runs a folder's code in processes of their own; whatever that does, the other checks go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench._support.steps import Step
from mlebench.preparation import prepare
from mlebench.registry import Registry
from mlebench.scaffold.check.check import Checked, CheckOptions, check
from tests.sound_steps import assert_sound

from .folders import made, prepared


def checked(folder: Path, **options: object) -> Checked:
    return check(folder, CheckOptions(quick=True, run=False, data_dir=folder.parent / "none", **options))  # type: ignore[arg-type]


def names(outcome: Checked, *, ok: bool) -> set[str]:
    return {done.name for done in outcome.checks if done.ok is ok}


def test_a_sound_folder_has_nothing_to_do(tmp_path: Path) -> None:
    steps: list[Step] = []
    outcome = check(made(tmp_path), CheckOptions(quick=True, run=False, jobs=2, data_dir=tmp_path / "none"), steps.append)
    assert list(outcome.todo) == [] and outcome.ok
    some = {"facts (v1)", "prepare (v2, 60 rows)", "audit (v1, 60 rows)", "same-bytes-again (v2, 60 rows)"}
    assert some <= names(outcome, ok=True)
    assert_sound(steps, phases=["checking"])


def test_a_syntax_error_is_one_fault_with_its_line(tmp_path: Path) -> None:
    outcome = checked(made(tmp_path, ("grade.py", "grader = Grader(", "grader = = Grader(")), edition="v1")
    (todo,) = outcome.todo
    assert todo.place == "grade.py:4" and "SyntaxError" in todo.what
    assert "sections (v1)" in names(outcome, ok=True)


def test_a_mock_that_raises_is_one_fault_and_texts_are_checked_all_the_same(tmp_path: Path) -> None:
    broken = ("mock.py", "    feature =", "    raise KeyError('rain')\n    feature =")
    outcome = checked(made(tmp_path, broken, ("description.md", "## Metric", "## Winning")))
    assert [todo.file for todo in outcome.todo] == ["description.md", "mock.py"]
    assert outcome.todo[1].place == "mock.py:10" and "KeyError: 'rain'" in outcome.todo[1].what


def test_prepare_that_writes_another_file_is_told_what_is_missing(tmp_path: Path) -> None:
    outcome = checked(made(tmp_path, ("prepare.py", 'public / "test.csv"', 'public / "tests.csv"')), edition="v2")
    (todo,) = outcome.todo
    assert "did not produce public/test.csv" in todo.what and todo.file == "prepare.py"
    assert "download" not in todo.fix


def test_a_loop_without_end_holds_up_its_edition_alone(tmp_path: Path) -> None:
    endless = ("prepare.py", "    table = read_csv", "    while edition.is_v1:\n        pass\n    table = read_csv")
    outcome = checked(made(tmp_path, endless), most_seconds=30.0)
    (todo,) = outcome.todo
    assert "prepare.py did not end within 30 s" in todo.what and todo.what.endswith("(edition v1)")
    assert "row-order (v2, 60 rows)" in names(outcome, ok=True)
    assert "row-order (v1, 60 rows)" not in names(outcome, ok=True) | names(outcome, ok=False)


def test_code_that_ends_its_process_is_a_fault(tmp_path: Path) -> None:
    leaving = ("prepare.py", "    table = read_csv", "    import os\n\n    os._exit(7)\n    table = read_csv")
    outcome = checked(made(tmp_path, leaving), edition="v1")
    (todo,) = outcome.todo
    assert "prepare.py ended its process with exit code 7" in todo.what


def test_what_the_folder_prints_is_no_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    checked(made(tmp_path, ("mock.py", "    feature =", "    print('rain')\n    feature =")), edition="v1")
    assert capfd.readouterr().out == ""


def test_facts_that_cannot_be_read_are_a_fault(tmp_path: Path) -> None:
    outcome = checked(made(tmp_path, ("competition.yaml", "gold: 0.1", "gold: 0.9")))
    (todo,) = outcome.todo
    assert todo.file == "competition.yaml" and "thresholds must not get better" in todo.what


def test_a_guess_is_no_fault(tmp_path: Path) -> None:
    guessed = ("grade.py", "metric=rmse)", "metric=rmse)  # guessed: the evaluation page says RMSE")
    outcome = checked(made(tmp_path, guessed), edition="v1")
    assert [todo.kind for todo in outcome.todo] == ["guess"] and outcome.ok


def test_own_data_is_checked_with_the_mocks(tmp_path: Path) -> None:
    """A sample submission that earns a medal shows on real data alone."""
    thresholds = "gold: 7, silver: 8, bronze: 9, median: 9"
    folder = made(tmp_path, ("competition.yaml", "gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5", thresholds))
    case = prepared(folder)
    prepare(case.competition, case.raw)
    outcome = check(folder, CheckOptions("v1", quick=True, run=False, data_dir=case.competition.data_dir))
    assert {"prepared (v1, your data)", "counts (v1, your data)", "audit (v1, your data)"} <= names(outcome, ok=True)
    assert [todo.what.partition(" with ")[0] for todo in outcome.todo] == ["the sample submission earns a medal"]
    assert Registry(case.competition.data_dir).load(folder).data_kind == "real"
