"""What is said of a submission, and what is done to find it out, depends on the submission and on what is public alone."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission
from grading.decimals import numbers_at
from mlebench.registry import SPLITS, Registry
from tests.cases import Cases

from .wrong_submissions import wrong_submission

SMALL = 60
NAMES = [name for split in SPLITS for name in Registry().list_competition_ids(split) if split != "all"]
CASES = [
    pytest.param((name, edition), id=f"{name}-{edition}", marks=pytest.mark.xdist_group(name))
    for name in NAMES
    for edition in (("v1",) if Registry().get_competition(name).facts.keyed else ("v1", "v2"))
]


class Case(NamedTuple):
    grader: Grader
    answers: pd.DataFrame
    perfect: Path
    wrong: Path


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, cases: Cases, tmp_path_factory: pytest.TempPathFactory) -> Case:
    name, edition = request.param
    competition = cases.prepared(name, edition, SMALL)
    grader, answers = competition.grader, competition.answers_table
    folder = tmp_path_factory.mktemp(name)
    made = Case(grader, answers, folder / "perfect.csv", folder / "wrong.csv")
    grader.perfect_submission(answers).to_csv(made.perfect, index=False)
    best = pd.read_csv(made.perfect, dtype=str, keep_default_na=False)
    best.to_csv(made.perfect, index=False)
    wrong_submission(name, grader, answers, best).to_csv(made.wrong, index=False)
    return made


def blind(grader: Grader) -> Grader:
    """The grader with nothing that could compare a submission with the answers."""

    def fail(*_: Any) -> float:
        raise AssertionError("a check compares the submission with the answers")

    metrics = {"metric": fail} if grader.metric else {"table_metric": fail}
    return dataclasses.replace(grader, **metrics, truth=fail)


def other_answers(case: Case) -> tuple[Grader, pd.DataFrame]:
    """All answers shuffled among the rows, but for what is public of them."""
    grader, answers = case.grader, case.answers
    kept = {*grader.id_columns, *(grader.public if isinstance(grader.public, tuple) else ())}
    secret = [column for column in answers if column not in kept]
    others = answers.copy()
    others[secret] = answers[secret].to_numpy()[np.random.default_rng(1).permutation(len(answers))]
    if callable(grader.public):
        known = grader.public(answers)
        grader = dataclasses.replace(grader, public=lambda _: known)
    if grader.graded is not None:
        marks = grader.graded(answers)
        grader = dataclasses.replace(grader, graded=lambda _: marks)
    return grader, others


def steps_of(check: Callable[[], None], *, but_for_numbers: bool = False) -> list[tuple[str, str]]:
    """Every call of a function, of Python and of C, that a check makes.

    Args:
        check: the check.
        but_for_numbers: without those that read numbers out of bytes, which depend on how the file spells them alone.
    """
    steps: list[tuple[str, str]] = []
    reading: list[FrameType] = []

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if reading:
            if event == "return" and frame is reading[-1]:
                reading.pop()
            return
        if event == "call":
            steps.append((frame.f_code.co_filename, frame.f_code.co_qualname))
            if but_for_numbers and frame.f_code is numbers_at.__code__:
                reading.append(frame)
        elif event == "c_call":
            steps.append(("C", str(getattr(arg, "__qualname__", arg))))

    sys.setprofile(note)
    try:
        check()
    finally:
        sys.setprofile(None)
    return steps


def faulty_files(case: Case) -> list[Path]:
    """A file for a cell that each kind refuses, and for each fault of ids and columns."""
    table = pd.read_csv(case.perfect, dtype=str, keep_default_na=False)
    kinds = case.grader.columns_of(case.answers)
    first_id = case.grader.id_columns[0]
    faulty = [table.iloc[:-1], table.iloc[1:], table.drop(columns=next(iter(kinds))), pd.concat([table, table.tail(1)])]
    faulty.append(table.assign(**{first_id: [f"{table[first_id].iloc[0]}x", *table[first_id].iloc[1:]]}))
    for name, kind in {repr(kind): (name, kind) for name, kind in kinds.items()}.values():
        for cell in kind.refused_cells().values():
            faulty.append(table.assign(**{name: [*table[name].iloc[:-1], cell]}))
    paths = [case.perfect.with_name(f"faulty-{number}.csv") for number in range(len(faulty))]
    for content, path in zip(faulty, paths, strict=True):
        content.to_csv(path, index=False)
    return paths


def words_of(look: Callable[[Path, pd.DataFrame], object], path: Path, answers: pd.DataFrame) -> str:
    with pytest.raises(InvalidSubmission) as caught:
        look(path, answers)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES, indirect=True)
class TestForm:
    def test_no_metric_runs_in_a_check(self, case: Case) -> None:
        for path in (case.perfect, case.wrong):
            blind(case.grader).check_file(path, case.answers)

    def test_a_wrong_submission_is_scored(self, case: Case) -> None:
        assert np.isfinite(case.grader.score_file(case.wrong, case.answers))

    def test_other_answers_change_no_words(self, case: Case) -> None:
        grader, others = other_answers(case)
        for path in faulty_files(case):
            words = words_of(grader.check_file, path, case.answers)
            assert words_of(grader.check_file, path, others) == words
            assert words_of(grader.score_file, path, others) == words

    def test_neither_other_answers_nor_other_cells_change_steps(self, case: Case) -> None:
        grader, others = other_answers(case)
        # what is imported and cached comes first
        for path in (case.perfect, case.wrong):
            grader.check_file(path, others)
        perfect = steps_of(lambda: grader.check_file(case.perfect, case.answers))
        assert steps_of(lambda: grader.check_file(case.perfect, others)) == perfect
        # the way through a table of hashes, and so the order of steps, is that of the cells
        right, wrong = (
            Counter(steps_of(lambda path=path: grader.check_file(path, case.answers), but_for_numbers=True))
            for path in (case.perfect, case.wrong)
        )
        assert wrong == right
