"""Rows of test that stand in train, too: equal, nearly so, or in other words; and rows that are equal because rows are so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_rows import twin_rows
from tests.preparation.audit.checks.planted import case_of, clues, told

TWINS = 12


def measured(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    columns = {f"width_{place}": rng.normal(100, 20, rows).round(4) for place in range(4)}
    return pd.DataFrame(
        {**columns, "colour": rng.choice(["Red", "Blue", "Dark Green"], rows), "pieces": rng.integers(1, 9, rows)}
    )


def split(public: Path, train: pd.DataFrame, test: pd.DataFrame, rng: np.random.Generator) -> Case:
    train = train.assign(id=[f"a{row:04}" for row in range(len(train))], label=rng.choice(["no", "yes"], len(train)))
    test = test.assign(id=[f"b{row:04}" for row in range(len(test))])
    train.to_csv(public / "train.csv", index=False)
    test.sample(frac=1, random_state=1).to_csv(public / "test.csv", index=False)
    return case_of(public, pd.DataFrame({"id": test["id"], "label": rng.choice(["no", "yes"], len(test))}))


def unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


def otherwise_written(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(colour=table["colour"].str.upper().str.replace(" ", "-"), pieces=table["pieces"].astype(float))


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: table[name] * (1 + 1e-9) for name in table.columns if name.startswith("width")})


def one_cell_changed(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(width_2=table["width_2"] + 7)


@pytest.mark.parametrize("changed", [unchanged, otherwise_written, rounded, one_cell_changed])
def test_copies_tell_the_answers_of_their_training_rows(tmp_path: Path, changed: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    rng = np.random.default_rng(0)
    train, test = measured(400, rng), measured(100, rng)
    test.iloc[:TWINS] = changed(train.iloc[50 : 50 + TWINS]).set_axis(range(TWINS))
    case = split(tmp_path, train, test, rng)

    (clue,) = clues(twin_rows, case)

    labels = pd.read_csv(tmp_path / "train.csv")["label"][50 : 50 + TWINS]
    assert told(clue, case) == {f"b{row:04}": label for row, label in enumerate(labels)}
    assert (clue.check, clue.file, clue.rows) == ("twin-rows", "test.csv", TWINS)


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = measured(400, rng), measured(100, rng)
    test.iloc[:TWINS] = train.iloc[:TWINS]
    case = split(tmp_path, train, test[test.columns[::-1]], rng)
    assert clues(twin_rows, case)[0].rows == TWINS


@pytest.mark.parametrize("values", [2, 5])
def test_rows_of_few_values_are_equal_by_chance(tmp_path: Path, values: int) -> None:
    rng = np.random.default_rng(0)
    train, test = (pd.DataFrame(rng.integers(0, values, (rows, 6)), columns=[*"uvwxyz"]) for rows in (400, 100))
    assert clues(twin_rows, split(tmp_path, train, test, rng)) == []


def test_rows_that_are_mostly_zeros_are_equal_by_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"spent_{place}" for place in range(6)]
    spent = rng.exponential(500, (500, 6)).round(2) * (rng.random((500, 6)) > 0.9)
    train, test = (pd.DataFrame(part, columns=names) for part in (spent[:400], spent[400:]))
    assert clues(twin_rows, split(tmp_path, train, test, rng)) == []


def test_measurements_of_their_own_are_no_twins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert clues(twin_rows, split(tmp_path, measured(400, rng), measured(100, rng), rng)) == []


def test_numbering_that_starts_anew_on_each_side_hides_no_twin(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = measured(400, rng), measured(100, rng)
    test.iloc[:TWINS] = train.iloc[100 : 100 + TWINS].set_axis(range(TWINS))
    train, test = (table.assign(row_id=range(len(table))) for table in (train, test))
    assert clues(twin_rows, split(tmp_path, train, test, rng))[0].rows == TWINS


def test_measurements_that_are_all_a_little_changed_are_twins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = (pd.DataFrame(rng.normal(size=(rows, 8)).round(5), columns=[*"stuvwxyz"]) for rows in (400, 100))
    test.iloc[:TWINS] = train.iloc[:TWINS] + rng.normal(0, 0.005, (TWINS, 8))
    (clue,) = clues(twin_rows, split(tmp_path, train, test, rng))
    assert clue.rows == TWINS


@pytest.mark.parametrize("dimensions", [1, 2, 8])
def test_measurements_of_few_causes_are_near_each_other_by_chance(tmp_path: Path, dimensions: int) -> None:
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(dimensions, 8))
    train, test = (pd.DataFrame(rng.normal(size=(rows, dimensions)) @ causes, columns=[*"stuvwxyz"]) for rows in (400, 100))
    assert clues(twin_rows, split(tmp_path, train, test, rng)) == []
