"""With few test rows, a column or file that should not exist is tested by itself, regardless of everything else tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.undescribed_columns import undescribed_columns
from mlebench.preparation.audit.checks.unnamed_files import unnamed_files
from tests.preparation.audit.toy import Kind, Toy, share_right

ANSWERS: dict[Kind, list[str]] = {
    "class": ["cat", "dog", "newt", "dog", "cat", "newt", "cat", "dog"],
    "binary": ["0", "1", "1", "0", "1", "0", "0", "1"],
    "number": ["3.5", "1.25", "7.0", "5.5", "4.0", "2.0", "6.25", "8.5"],
}


def toy_of(folder: Path, kind: Kind) -> Toy:
    toy = Toy(folder, kind, 8)
    toy.answers = ANSWERS[kind]
    return toy


@pytest.mark.parametrize("kind", ["class", "binary", "number"])
def test_a_column_that_nobody_named_is_asked_what_it_tells(tmp_path: Path, kind: Kind) -> None:
    toy = toy_of(tmp_path, kind)
    toy.test["flag"] = toy.answers
    case = toy.case()
    (clue,) = undescribed_columns(case)
    assert "reveal the answers" in clue.what and share_right(clue, case) == 1


def test_a_code_is_read_as_the_other_rows_teach(tmp_path: Path) -> None:
    toy = toy_of(tmp_path, "class")
    toy.test["flag"] = [{"cat": "u7", "dog": "k2", "newt": "p9"}[answer] for answer in toy.answers]
    case = toy.case()
    (clue,) = undescribed_columns(case)
    assert share_right(clue, case) == 1


@pytest.mark.parametrize("flags", [[*"01234567"], [*"01210200"], [*"xxxxxxxx"]])
def test_values_that_occur_once_or_are_once_wrong_tell_nothing(tmp_path: Path, flags: list[str]) -> None:
    toy = toy_of(tmp_path, "class")
    toy.test["flag"] = flags
    (clue,) = undescribed_columns(toy.case())
    assert not clue.guesses


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", ["class", "binary", "number"])
def test_a_table_that_nobody_named_is_asked_what_it_tells(tmp_path: Path, kind: Kind, named: bool) -> None:
    toy = toy_of(tmp_path, kind)
    ids = {"id": toy.ids[::-1]} if named else {}
    toy.table("notes.csv", {**ids, "flag": toy.answers[::-1]})
    case = toy.case()
    (clue,) = unnamed_files(case)
    assert clue.file == "notes.csv" and share_right(clue, case) == 1
