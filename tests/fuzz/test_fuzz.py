"""The fuzzer in small: a few files for every grader, and whether it finds what it looks for. `python -m tests.fuzz` does more."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading import Grader, InvalidSubmission
from mlebench.registry import Competition
from mlebench.registry.edition import EditionName
from tests.cases import EDITIONS, Cases
from tests.fuzz.judge import Judge
from tests.fuzz.mutations import Draft, hostile

SIZE = 60
"""Of data that other tests have prepared already."""
FILES = 12
TASKS = [pytest.param(name, edition, id=f"{name}-{edition}", marks=pytest.mark.xdist_group(name)) for name, edition in EDITIONS]
TOY = "demo-wine"


@pytest.mark.parametrize(("name", "edition"), TASKS)
def test_hostile_files_are_refused_in_a_sentence_or_scored_for_what_they_say(
    name: str, edition: EditionName, cases: Cases, tmp_path: Path
) -> None:
    judge = Judge(cases.prepared(name, edition, SIZE), seed=15, folder=tmp_path)
    # generated data has one size, and its metrics are costly
    files = 2 if judge.competition.facts.generated else FILES
    faults = [fault for number in range(files) if (fault := judge.fault(number)) is not None]
    assert faults == []


def judge_of(grader: Grader, competition: Competition, folder: Path) -> Judge:
    judge = Judge(competition, seed=1, folder=folder)
    judge.grader = grader
    return judge


def first_faults(judge: Judge, files: int = 400) -> set[str]:
    """What goes wrong, by the first word."""
    return {fault.what.split(":")[0] for number in range(files) if (fault := judge.fault(number)) is not None}


def test_the_same_seed_and_number_make_the_same_file(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared(TOY, "v1", SIZE)
    first, again, other = (Judge(competition, seed, tmp_path) for seed in (1, 1, 2))
    assert [first.case(number) for number in range(20)] == [again.case(number) for number in range(20)]
    assert [first.case(number) for number in range(20)] != [other.case(number) for number in range(20)]


def test_a_grader_that_crashes_is_found(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared(TOY, "v1", SIZE)

    def fragile(truth: np.ndarray, prediction: np.ndarray) -> float:
        raise KeyError("no such class")

    assert "crash" in first_faults(judge_of(replace(competition.grader, metric=fragile, rows=None), competition, tmp_path), 60)


def test_a_grader_that_guesses_is_found(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared(TOY, "v1", SIZE)

    class Lenient(Grader):
        def score_file(self, path: Path, answers: object) -> float:
            # as a reader that stops at a NUL byte
            text = path.read_bytes().split(b"\0")[0]
            path.write_bytes(text)
            return super().score_file(path, answers)  # type: ignore[arg-type]

    lenient = Lenient(**{name: getattr(competition.grader, name) for name in Grader.__dataclass_fields__})
    draft = Judge(competition, 1, tmp_path).drafts[0]
    judge = judge_of(lenient, competition, tmp_path)
    found = judge._wrong_with(draft.written() + b"\0junk", None, public=False)
    assert found == "valid by accident: a NUL byte"


def test_a_valid_file_in_other_bytes_that_is_refused_is_found(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared(TOY, "v1", SIZE)

    class Picky(Grader):
        def score_file(self, path: Path, answers: object) -> float:
            if path.read_bytes().startswith(b"\xef\xbb\xbf"):
                raise InvalidSubmission("no byte order mark, please")
            return super().score_file(path, answers)  # type: ignore[arg-type]

    picky = Picky(**{name: getattr(competition.grader, name) for name in Grader.__dataclass_fields__})
    assert "a valid submission in other bytes" in first_faults(judge_of(picky, competition, tmp_path))


def test_changes_cope_with_what_other_changes_leave() -> None:
    rng = random.Random(3)
    for header, rows in (([], []), (["id"], []), (["id", "y"], [[]]), (["id", "y"], [["1"], ["2", "3", "4"]])):
        for _ in range(200):
            assert isinstance(hostile(Draft(header, rows), rng), bytes)
