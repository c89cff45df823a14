"""Digits within cells that a number rises with, or by which classes are sorted; whole numbers are left to other comparisons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.answer_cells import answer_cells
from mlebench.preparation.audit.checks.file_names import file_names
from tests.preparation.audit.toy import Toy, share_right

NUMBERS: dict[str, Callable[[float, str], str]] = {
    "last digits of a measurement": lambda answer, noise: f"{noise}{round(10 * answer) + 500:04}",
    "last digits of a whole number": lambda answer, noise: f"{noise[-3:]}{round(10 * answer) + 500:04}".lstrip("0"),
    "the part of a second": lambda answer, noise: f"2015-01-27 13:08:{noise[-2:]}.{round(1000 * answer) + 500_000:07}",
    "a run in the middle": lambda answer, noise: f"a{noise[-3:]}-{round(100 * answer) + 50_000}-{noise[-2:]}",
}


@pytest.mark.parametrize("code", NUMBERS.values(), ids=NUMBERS.keys())
def test_digits_that_a_number_goes_along_with_are_found(tmp_path: Path, code: Callable[[float, str], str]) -> None:
    toy = Toy(tmp_path, "number", 80)
    toy.test["length"] = [code(float(answer), noise) for answer, noise in zip(toy.answers, toy.test["length"], strict=True)]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "length" in clue.what
    assert share_right(clue, case) > 0.8


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_last_digits_by_which_classes_are_sorted_are_found(tmp_path: Path, digits: int) -> None:
    toy = Toy(tmp_path, rows=150)
    third = 10**digits // 3
    place = {"cat": 0, "dog": 1, "newt": 2}
    codes = [f"{third * place[answer] + int(toy.rng.integers(third)):0{digits}}" for answer in toy.answers]
    toy.test["length"] = [noise + code for noise, code in zip(toy.test["length"], codes, strict=True)]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert share_right(clue, case) > 0.9


def test_an_id_whose_digits_tell_a_number_is_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "number", 80)
    toy.ids = [f"k{int(toy.rng.integers(10**6))}.{round(1000 * float(answer)) + 500_000:07}" for answer in toy.answers]
    toy.test["id"] = toy.ids
    case = toy.case()
    (clue,) = file_names(case)
    assert share_right(clue, case) > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_digits_of_noise_are_left_alone(tmp_path: Path, seed: int) -> None:
    toy = Toy(tmp_path, "number", 80, seed)
    toy.test["stamp"] = [f"2015-01-27 13:08:{number:012.9f}" for number in toy.rng.uniform(0, 60, 80)]
    case = toy.case()
    assert [*answer_cells(case), *file_names(case)] == []
