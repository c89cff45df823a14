"""Positions of rows that reveal the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlebench.preparation.audit.checks.order import order
from tests.preparation.audit.toy import Kind, Toy, share_right

PROBLEMS, PARTS, ROWS = 40, 8, 2


def by(toy: Toy, places: np.ndarray) -> None:
    """Put the test rows of all files into this order."""
    toy.ids = [toy.ids[place] for place in places]
    toy.answers = [toy.answers[place] for place in places]
    toy.test["id"] = toy.ids


def sorted_places(toy: Toy) -> np.ndarray:
    keys = [float(answer) for answer in toy.answers] if toy.kind == "number" else toy.answers
    return np.argsort(np.array(keys), kind="stable")


@pytest.mark.parametrize("kind", ["class", "binary", "number"])
def test_rows_sorted_by_the_answer_are_found(tmp_path: Path, kind: Kind) -> None:
    toy = Toy(tmp_path, kind, 120)
    by(toy, sorted_places(toy))
    case = toy.case()
    (clue,) = order(case)
    assert clue.guesses[0].told.all()
    if kind != "number":
        assert share_right(clue, case) > 0.9


def test_ids_numbered_by_class_are_found_though_the_rows_are_shuffled(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 120)
    ids = np.empty(120, dtype=object)
    ids[sorted_places(toy)] = [f"n{number:04}" for number in range(120)]
    toy.ids = [*ids]
    toy.test["id"] = toy.ids
    (clue,) = order(toy.case())
    assert "ids sorted" in clue.what


def test_the_order_of_members_of_an_archive_is_looked_at(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 100)
    members = {f"{name}.png": toy.image() for name in toy.ids}
    toy.archive("test.zip", members, [f"{toy.ids[place]}.png" for place in sorted_places(toy)])
    (clue,) = order(toy.case())
    assert clue.file == "test.zip"


def test_classes_that_take_turns_are_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 90)
    toy.answers = ["newt", "cat", "dog"] * 30
    case = toy.case()
    (clue,) = order(case)
    assert share_right(clue, case) == 1


def test_blocks_of_a_class_in_any_order_are_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 300)
    toy.answers = [answer for answer in toy.answers[:30] for _ in range(10)]
    assert len([*order(toy.case())]) == 1


def test_a_sequence_whose_training_rows_are_one_too_is_the_task(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 300)
    toy.answers = [answer for answer in toy.answers[:75] for _ in range(4)]
    toy.train_answers = [answer for answer in toy.train_answers[:150] for _ in range(4)]
    toy.train["label"] = toy.train_answers
    assert [*order(toy.case())] == []


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_rows_in_no_order_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    toy.archive("test.zip", {f"{name}.png": toy.image() for name in toy.ids})
    assert [*order(toy.case())] == []


def of_problems(folder: Path, kind: Kind, *, by_level: bool = False, by_answer: bool = False) -> Toy:
    """Ids name a problem, its part and a row; parts of one problem are alike, rows of one part have one answer.

    Args:
        folder: an empty folder.
        kind: class or number.
        by_level: problems are numbered by what their parts have in common.
        by_answer: the parts of each problem are numbered by their answers.
    """
    toy = Toy(folder, kind, PROBLEMS * PARTS * ROWS)
    level = toy.rng.normal(0, 2, (PROBLEMS, 1))
    score = (np.sort(level, axis=0) if by_level else level) + toy.rng.normal(0, 1, (PROBLEMS, PARTS))
    score = np.sort(score, axis=1) if by_answer else score
    answers = [f"{value:.6f}" for value in score.flat]
    if kind == "class":
        answers = [str(name) for name in np.array(["cat", "dog", "newt"])[np.digitize(score, [-1, 1])].flat]
    toy.ids = [f"p{problem:02}-{part}-{row}" for problem in range(PROBLEMS) for part in range(PARTS) for row in range(ROWS)]
    toy.answers = [answer for answer in answers for _ in range(ROWS)]
    toy.test["id"] = toy.ids
    return toy


@pytest.mark.parametrize("kind", ["class", "number"])
def test_parts_of_one_problem_may_be_alike(tmp_path: Path, kind: Kind) -> None:
    assert [*order(of_problems(tmp_path, kind).case())] == []


@pytest.mark.parametrize("kind", ["class", "number"])
def test_problems_that_are_numbered_by_their_answers_are_found(tmp_path: Path, kind: Kind) -> None:
    (clue,) = order(of_problems(tmp_path, kind, by_level=True).case())
    assert "groups of" in clue.what


@pytest.mark.parametrize("kind", ["class", "number"])
def test_parts_that_are_numbered_by_their_answers_inside_each_problem_are_found(tmp_path: Path, kind: Kind) -> None:
    (clue,) = order(of_problems(tmp_path, kind, by_answer=True).case())
    assert "inside groups" in clue.what


def test_the_place_in_a_problem_may_matter_where_a_column_gives_it(tmp_path: Path) -> None:
    toy = of_problems(tmp_path, "number", by_answer=True)
    toy.test["layer"] = [int(name.split("-")[1]) for name in toy.ids]
    assert [*order(toy.case())] == []
    toy.test["layer"] = toy.rng.permutation(toy.test["layer"])
    assert [*order(toy.case())] != []


def test_blocks_inside_each_problem_are_found(tmp_path: Path) -> None:
    toy = of_problems(tmp_path, "class")
    half = PARTS // 2 * ROWS
    toy.answers = [toy.answers[row - row % half] for row in range(toy.rows)]
    (clue,) = order(toy.case())
    assert "inside groups" in clue.what


def test_rows_of_problems_that_are_sorted_as_a_whole_are_found(tmp_path: Path) -> None:
    toy = of_problems(tmp_path, "number")
    by(toy, sorted_places(toy))
    (clue,) = order(toy.case())
    assert "groups" not in clue.what
