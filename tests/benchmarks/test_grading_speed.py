"""Grading is compared with a plain program, or with another harness in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.geometry import MAKERS
from benchmarks.grading_speed import OTHER_HARNESS, enlarged
from benchmarks.plain.graders import GRADERS
from benchmarks.results import figures_of
from mlebench.registry import Registry
from tests.cases import Cases

ROOT = Path(__file__).parents[2]
REGISTRY = """
class Grader:
    def grade_fn(self, submission, answers):
        print("graders may print")
        merged = answers.merge(submission, on="PassengerId")
        return float((merged["Transported_x"] == merged["Transported_y"]).mean())


class Competition:
    grader = Grader()


class Registry:
    def get_competition(self, competition_id):
        if competition_id != "spaceship-titanic":
            raise KeyError(competition_id)
        return Competition()


registry = Registry()
"""
"""The smallest harness with the published names."""


@pytest.fixture
def other_harness(tmp_path: Path) -> Path:
    package = tmp_path / "checkout" / "mlebench"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "registry.py").write_text(REGISTRY)
    return package.parent


def compared(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.grading_speed", "--size", "60", "--rows", "500", "--jobs", "1", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_another_harness_takes_the_place_of_the_plain_program(other_harness: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    words = ["--against", str(other_harness), "--python", sys.executable, "spaceship-titanic", "dog-breed-identification"]

    done = compared(*words, "--results", str(results))

    assert done.returncode == 0, done.stderr
    assert "dog-breed-identification: not compared: OtherHarnessFailed: KeyError" in done.stdout
    (figure,) = (each for each in figures_of(results) if each.group == "competitions")
    assert figure.what == "spaceship-titanic"
    assert figure.against == "the other harness"
    assert figure.limit is not None and figure.limit.median > 0


def test_the_other_side_takes_nothing_of_this_repository(other_harness: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("PassengerId,Transported\na,True\nb,False\n")
    question = {"do": "score files", "competition": "spaceship-titanic", "submission": str(table), "answers": str(table)}

    done = subprocess.run(
        [sys.executable, str(OTHER_HARNESS), str(other_harness)], input=json.dumps(question) + "\n", cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert json.loads(done.stdout)["score"] == 1.0


@pytest.mark.parametrize("name", MAKERS)
def test_both_find_the_same_in_masks_and_boxes_of_the_real_size(name: str, tmp_path: Path) -> None:
    answers, submission = MAKERS[name](np.random.default_rng(1), 0.002)
    answers.to_csv(tmp_path / "answers.csv", index=False)
    submission.to_csv(tmp_path / "submission.csv", index=False)
    grader = Registry().set_edition("v1").get_competition(name).grader

    ours = grader.score_file(tmp_path / "submission.csv", grader.read(tmp_path / "answers.csv"))
    plain = GRADERS[name].score_file(tmp_path / "submission.csv", tmp_path / "answers.csv")

    assert 0 < ours < 1
    assert plain == pytest.approx(ours, abs=1e-6)


def test_answers_are_repeated_under_new_ids(cases: Cases) -> None:
    competition = cases.prepared("spaceship-titanic", "v1")

    many = enlarged(competition.grader, competition.answers_table, 1000)

    assert len(many) >= 1000
    assert many["PassengerId"].is_unique
