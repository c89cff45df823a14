"""Tables too big for memory come out as if they had been read at once."""

import io

import numpy as np
import pandas as pd
import pytest

from mlebench.data import LargeTable, read_csv, take_groups, write_csv, write_parts
from mlebench.errors import WorkFailed


@pytest.fixture
def odd_csv(tmp_path):
    """Types differ between parts: a gap among whole numbers, a late fraction, a late word, line breaks in text."""
    rows = [f'{k},{"" if k == 7 else k},{k + (0.5 if k == 8 else 0):g},{"x" if k == 9 else k},"a ""{k}"",\nb"' for k in range(10)]
    path = tmp_path / "odd.csv"
    path.write_text("id,gap,late,word,text\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("part_rows", [1, 3, 10, 100])
def test_rows_are_written_in_any_order_like_a_table_in_memory(odd_csv, tmp_path, part_rows):
    order = np.random.default_rng(0).permutation(10)[:8]
    table = LargeTable.scan(odd_csv, part_rows=part_rows)
    table.write(order, tmp_path / "out.csv")

    whole = read_csv(odd_csv)
    assert len(table) == len(whole)
    assert (tmp_path / "out.csv").read_text() == whole.iloc[order].to_csv(index=False)
    assert table.take(order).to_csv(index=False) == whole.iloc[order].to_csv(index=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.csv", "out.csv"]


def test_no_rows_leave_a_header(odd_csv, tmp_path):
    LargeTable.scan(odd_csv).write(np.array([], dtype=int), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "id,gap,late,word,text\n"


def test_parts_become_one_file(odd_csv, tmp_path):
    write_parts(LargeTable.scan(odd_csv, part_rows=4).parts(), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == read_csv(odd_csv).to_csv(index=False)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "bad.csv").write_text('a,b\n1,2\n3,"4\n')
    with pytest.raises(WorkFailed, match=r"bad\.csv"):
        LargeTable.scan(tmp_path / "bad.csv", part_rows=1)


def test_groups_come_in_the_order_asked_and_rows_in_the_order_of_the_table():
    table = pd.read_csv(io.StringIO("g,v\nb,1\na,2\nb,3\nc,4\na,5\n"))
    assert take_groups(table, "g", ["a", "b", "absent"])["v"].tolist() == [2, 5, 1, 3]


def test_write_csv_makes_the_folder(tmp_path):
    write_csv(pd.DataFrame({"a": [1]}), tmp_path / "deep" / "a.csv")
    assert (tmp_path / "deep" / "a.csv").read_text() == "a\n1\n"
