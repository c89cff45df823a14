"""Columns that the task text does not name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlebench.preparation.audit.checks.undescribed_columns import undescribed_columns
from tests.cases import Cases
from tests.preparation.audit.checks.planting import case_of, copied


@pytest.mark.parametrize(
    "name",
    [
        "spaceship-titanic", "random-acts-of-pizza", "hms-harmful-brain-activity-classification", "mlsp-2013-birds",
        "leaf-classification", "AI4Code", "tabular-playground-series-may-2022",
    ],
)  # fmt: skip
def test_columns_of_the_data_are_named_or_of_a_series_or_classes(cases: Cases, name: str) -> None:
    assert not list(undescribed_columns(case_of(cases.prepared(name, "v2"))))


@pytest.mark.parametrize("table", ["train.csv", "test.csv"])
@pytest.mark.parametrize("column", ["aux_bit", "Unnamed: 0", "", "meta.code"])
def test_a_column_more_is_told(cases: Cases, tmp_path: Path, table: str, column: str) -> None:
    competition = copied(cases, "spaceship-titanic", tmp_path)
    path = competition.public_dir / table
    cells = pd.read_csv(path, dtype=str, keep_default_na=False)
    cells.insert(2, column, range(len(cells)))
    cells.to_csv(path, index=False)
    (clue,) = undescribed_columns(case_of(competition))
    assert (clue.check, clue.file) == ("undescribed-columns", table)
    assert f"the column {column!r}" in clue.what
    assert not clue.guesses


def test_tables_of_one_folder_are_told_together(cases: Cases, tmp_path: Path) -> None:
    competition = copied(cases, "hms-harmful-brain-activity-classification", tmp_path)
    changed = sorted((competition.public_dir / "test_eegs").iterdir())
    for path in changed:
        pd.read_parquet(path).assign(hidden_thing=1.0).to_parquet(path)
    (clue,) = undescribed_columns(case_of(competition))
    assert clue.file == "test_eegs/*.parquet"
    assert f"'hidden_thing' of {len(changed)} tables" in clue.what
