"""Reading tables leaves nothing behind in the process, and reads what v1's bytes were made from."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from mlebench.data import LargeTable, read_csv
from mlebench.errors import RawDataFault


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A column of numbers that turns to words far down, of which pandas warns."""
    path = tmp_path / "mixed.csv"
    path.write_text("id,value\n" + "\n".join(f"{row},{row if row < 300_000 else 'word'}" for row in range(600_000)) + "\n")
    return path


def test_warning_filters_stay_as_they_were(mixed: Path) -> None:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        before = list(warnings.filters)
        read_csv(mixed)
        for _ in LargeTable.scan(mixed).parts():
            assert list(warnings.filters) == before
        assert list(warnings.filters) == before
        with pytest.warns(pd.errors.DtypeWarning):
            pd.read_csv(mixed)


def test_mixed_types_are_read_without_a_warning(mixed: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_csv(mixed)
        parts = list(LargeTable.scan(mixed, part_rows=400_000).parts())
    assert {type(value) for value in table["value"]} == {int, str}
    assert sum(map(len, parts)) == len(table) == 600_000


def test_two_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("id,x,x\n1,2,3\n")
    assert read_csv(tmp_path / "twice.csv").iloc[0].to_dict() == {"id": 1, "x": 2, "x.1": 3}


def test_damage_that_shows_in_a_later_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(b"id,x\n" + b"1,2\n" * 300_000 + b"1,\xff\n")
    with pytest.raises(RawDataFault, match=r"cut\.csv cannot be read as csv"):
        LargeTable.scan(path)
