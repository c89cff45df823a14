"""Columns that the task text does not name and that predict the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlebench.preparation.audit.checks.described import described
from mlebench.preparation.audit.checks.predictive_columns import predictive_columns
from tests.preparation.audit.toy import Kind, Toy


def noisy(toy: Toy, answers: list[str]) -> list[float]:
    names = sorted({*answers})
    codes = [float(a) if toy.kind == "number" else 10.0 * names.index(a) for a in answers]
    return [round(code + float(toy.rng.normal(0, 6)), 3) for code in codes]


@pytest.mark.parametrize("kind", ["class", "binary", "number"])
def test_a_column_of_the_test_side_alone_is_found(tmp_path: Path, kind: Kind) -> None:
    toy = Toy(tmp_path, kind, 200)
    toy.test["weight"] = noisy(toy, toy.answers)
    (clue,) = predictive_columns(toy.case())
    assert "weight" in clue.what and "does not mention" in clue.what


def test_a_described_feature_is_the_task(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 200)
    toy.test["length"] = noisy(toy, toy.answers)
    toy.train["length"] = noisy(toy, toy.train_answers)
    assert [*predictive_columns(toy.case())] == []


def test_a_feature_that_settles_the_answer_is_found_though_it_is_described(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 200)
    starts = {"cat": 0.0, "dog": 5.0, "newt": 9.0}
    toy.test["length"] = [starts[answer] + float(toy.rng.uniform(0, 1)) for answer in toy.answers]
    assert [clue.file for clue in predictive_columns(toy.case())] == ["test.csv"]


def test_a_column_that_has_a_value_for_one_class_alone_is_found(tmp_path: Path) -> None:
    """As the giver of a pizza is known only of requests that were fulfilled."""
    toy = Toy(tmp_path, "binary", 300)
    for table, answers in ((toy.test, toy.answers), (toy.train, toy.train_answers)):
        table["length"] = [f"giver{row}" if answer == "1" and row % 4 == 0 else "N/A" for row, answer in enumerate(answers)]
    (clue,) = predictive_columns(toy.case())
    assert "always 1" in clue.what
    assert 20 < clue.guesses[0].told.sum() < 100


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_columns_of_noise_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    for place in range(20):
        toy.test[f"extra{place}"] = toy.rng.normal(0, 1, rows)
        toy.test[f"group{place}"] = toy.rng.integers(0, 5, rows)
    assert [*predictive_columns(toy.case())] == []


@pytest.mark.parametrize(
    ("column", "is_described"),
    [
        ("length", True),
        ("Length", True),
        ("width", False),
        ("f_07", True),
        ("g_07", False),
        ("bodyMass", True),
        ("a.length", True),
        ("len", False),
    ],
)
def test_a_column_is_described_by_its_name_its_words_or_its_series(tmp_path: Path, column: str, is_described: bool) -> None:
    text = "Predict `label`. `length` is in metres, `f_00` to `f_30` are measurements, and the body mass is in grams."
    case = Toy(tmp_path, rows=6, description=text).case()
    assert described(case, column, [f"f_{number:02}" for number in range(31)]) is is_described


def test_statistics_see_nothing_in_noise() -> None:
    from mlebench.preparation.audit.checks import statistics

    rng = np.random.default_rng(5)
    tails = []
    for _ in range(200):
        found = statistics.predict_classes(rng.normal(size=(60, 3)), rng.integers(0, 2, 60))
        assert found is not None
        tails.append(found.log_p)
    assert np.mean(np.array(tails) < np.log(0.05)) <= 0.05


def test_a_column_of_a_described_series_that_training_rows_lack_is_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "number", rows=120, description="Predict `label` of each `id` from the measurements `s1` to `s9`.")
    for table in (toy.train, toy.test):
        for column in ("s1", "s2", "s3", "length"):
            table[column] = [f"{number:.4f}" for number in toy.rng.normal(0, 1, len(table))]
    toy.test["s4"] = [f"{(float(answer) - 50) / 20 + toy.rng.normal(0, 0.3):.4f}" for answer in toy.answers]
    (clue,) = predictive_columns(toy.case())
    assert "s4" in clue.what and "training rows do not have" in clue.what
