from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlebench.data.archives import Member, write_7z, write_tar, write_zip
from mlebench.data.archives import tar_entries as entries
from mlebench.data.text_tables import read_text_table
from mlebench.errors import RawDataFault

CELLS = pd.DataFrame({"id": ["007", "008"], "note": ["NA", ""], "size": ["1.50", "2"]})


@pytest.mark.parametrize(
    ("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.csv", "\t"), ("a.csv", "|"), ("a.tsv", "\t")]
)
def test_cells_of_delimited_tables_stay_as_written(name: str, separator: str, tmp_path: Path) -> None:
    CELLS.to_csv(tmp_path / name, index=False, sep=separator)
    pd.testing.assert_frame_equal(read_text_table(tmp_path / name), CELLS)


def test_a_comma_in_the_header_decides_over_other_separators(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,a;b;c\n1,2\n")
    assert list(read_text_table(tmp_path / "a.csv")) == ["id", "a;b;c"]


@pytest.mark.parametrize(
    "write",
    [
        lambda rows: json.dumps(rows),
        lambda rows: "\n".join(map(json.dumps, rows)),
        lambda rows: json.dumps({name: [row[name] for row in rows] for name in rows[0]}),
        lambda rows: json.dumps({name: {str(k): row[name] for k, row in enumerate(rows)} for name in rows[0]}),
    ],
)
def test_json_values_that_are_no_text_are_written_as_json(write: Callable[[list[dict]], str], tmp_path: Path) -> None:
    rows = [
        {"id": "007", "tags": ["ä", 1], "size": 1.5, "is_new": True},
        {"id": "008", "tags": [], "size": None, "is_new": False},
    ]
    (tmp_path / "a.json").write_text(write(rows))
    table = read_text_table(tmp_path / "a.json")
    assert table.to_dict("list") == {
        "id": ["007", "008"],
        "tags": ['["ä", 1]', "[]"],
        "size": ["1.5", ""],
        "is_new": ["True", "False"],
    }


def test_parquet_with_a_named_index_has_it_as_a_column(tmp_path: Path) -> None:
    CELLS.set_index("id").to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_text_table(tmp_path / "a.parquet"), CELLS)


def test_members_of_archives(tmp_path: Path) -> None:
    CELLS.to_csv(tmp_path / "a.csv", index=False)
    write_zip(tmp_path / "a.zip", [Member("in/a.csv", tmp_path / "a.csv")])
    write_7z(tmp_path / "a.7z", [Member("in/a.csv", tmp_path / "a.csv")])
    (tmp_path / "in").mkdir()
    (tmp_path / "a.csv").rename(tmp_path / "in" / "a.csv")
    write_tar(tmp_path / "a.tar.gz", entries(tmp_path, ["in/a.csv"]), gzipped=True)
    for archive in ("a.zip", "a.7z", "a.tar.gz"):
        pd.testing.assert_frame_equal(read_text_table(tmp_path / archive, "in/a.csv", rows=2), CELLS)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"info": {"year": 2020}, "images": [1, 2]}')
    with pytest.raises(RawDataFault, match="no rows with the same fields"):
        read_text_table(tmp_path / "a.json")
    with pytest.raises(RawDataFault, match="missing"):
        read_text_table(tmp_path / "b.csv")
