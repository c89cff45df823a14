"""The task text held against the data."""

from __future__ import annotations

import dataclasses

import pytest

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.task_text import description
from tests.cases import Cases
from tests.preparation.audit.checks.planting import case_of

NAME = "spaceship-titanic"


class Told:
    """A competition with another task text."""

    def __init__(self, case: Case, text: str) -> None:
        self._competition, self.description = case.competition, text

    def __getattr__(self, name: str) -> object:
        return getattr(self._competition, name)


def with_text(case: Case, text: str) -> Case:
    return dataclasses.replace(case, competition=Told(case, text))  # type: ignore[arg-type]


@pytest.fixture
def case(cases: Cases) -> Case:
    return case_of(cases.prepared(NAME, "v2", 400))


def test_a_text_that_fits_is_not_told(case: Case) -> None:
    assert not list(description(case))


def test_another_header_is_told(case: Case) -> None:
    text = case.competition.description.replace("PassengerId,Transported", "PassengerId,Target")
    (clue,) = description(with_text(case, text))
    assert (clue.check, clue.file) == ("description", "description.md")
    assert clue.what == "the example of a submission begins with PassengerId,Target, not with PassengerId,Transported"


def test_files_that_are_not_there_are_told(case: Case) -> None:
    (clue,) = description(with_text(case, case.competition.description + "\nSee `crew.csv` and `train.csv`.\n"))
    assert clue.what.endswith("do not exist: crew.csv")


def test_answers_of_test_rows_in_the_text_are_told_and_bought(case: Case) -> None:
    perfect = case.truth.perfect
    lines = [f"| {row.PassengerId} | {row.Transported} |" for row in perfect.itertuples()]
    (clue,) = description(with_text(case, case.competition.description + "\n".join(["", *lines])))
    (guess,) = clue.guesses
    assert guess.told.sum() == case.truth.rows
    assert (guess.values == case.truth.targets[0].values).all()


def test_made_up_rows_are_not_told(case: Case) -> None:
    lines = [f"{name},True" for name in case.truth.perfect["PassengerId"]]
    assert not list(description(with_text(case, case.competition.description + "\n".join(["", *lines]))))


def test_one_long_answer_is_no_chance(cases: Cases) -> None:
    case = case_of(cases.prepared("bms-molecular-translation", "v2"))
    rows = [f"{row.image_id},{row.InChI}" for row in case.truth.perfect.head(2).itertuples()]
    text = case.competition.description + "\n".join(["", "```", *rows, "```", ""])
    (clue,) = description(with_text(case, text))
    assert clue.guesses[0].told.sum() == 2
