"""Tables too big for memory come out as if they had been read at once."""

import io
import random

import numpy as np
import pandas as pd
import pytest

from mlebench.data import LargeTable, group_rows, read_csv, take_groups, workers, write_csv, write_parts
from mlebench.data import large_tables as module
from mlebench.data.large_tables import proven_row_count
from mlebench.errors import WorkFailed

WHOLE = ["0", "1", "-1", "12", "123456789012345678", "99"]
ODD_WHOLE = ["007", "+5", "-0", " 5", "5 ", '"5"', "1234567890123456", "1234567890123456789", "12345678901234567890"]
DECIMAL = ["0.5", "1.0", "-0.0", "0.0", "12.25", "0.0001", "123456789.012345", "-73.98"]
ODD_DECIMAL = [
    *("1e-5", "0.00001", "0.00012", "0.10", ".5", "5.", "1e22", "1E5", "inf", "-inf", "Infinity", "1e400", "-1.5e-320"),
    *("0.123456789012345678", "40.74814101000000", "1234567890123456.5", "12345678901234.56", "0.000123456789012345", "00.5"),
    *("0.30000000000000004", "2.0000000000000001", "10000000000000000.0", "999999999999999.9", "0.00009999", "-.5", "1_0"),
]
MISSING = ["", "NA", "NaN", "null", "None", "<NA>", "-nan", '""', '"NA"']
TRUTH = ["True", "False", "true", "FALSE"]
NO_NUMBERS = ["--5", "1-2", "1.2.3", "-", ".", "0x10", "1.#x"]
TEXT = [
    *("abc", "2009-01-01 UTC", "naïve", "東京", " lead", "trail ", "nanny", "-x", '"a,b"', '"a ""q"""', '"line\nbreak"'),
    *('"plain"', '""""', '"cr\rx"', '"crlf\r\nx"', '"NA,"'),
]
COLUMNS = [
    WHOLE,
    [*WHOLE, *ODD_WHOLE[:7]],
    [*WHOLE, *ODD_WHOLE],
    DECIMAL,
    [*DECIMAL, *WHOLE],
    [*DECIMAL, *ODD_DECIMAL[:-1]],
    [*DECIMAL, *ODD_DECIMAL, *NO_NUMBERS],
    [*DECIMAL, *MISSING],
    [*WHOLE, *MISSING],
    TRUTH,
    [*TRUTH, *MISSING],
    [*TRUTH, *WHOLE],
    TEXT,
    [*TEXT, *MISSING, *ODD_WHOLE],
    MISSING,
]
BROKEN = ['a"b', '"a"b', "a\rb", "\0x", '"open', "1,2"]


def nasty_csv(draw: random.Random) -> bytes:
    """A table whose columns mix cells of several kinds, now and then a last row of another kind, or a row that is broken."""
    pools = [draw.choice(COLUMNS) for _ in range(draw.randint(2, 5))]
    rows = [[draw.choice(pool) for pool in pools] for _ in range(draw.choice([1, 2, 5, 20, 60]))]
    if draw.random() < 0.2:
        rows[-1][-1] = draw.choice(draw.choice(COLUMNS))
    if len(rows) > 1 and draw.random() < 0.1:
        # not in the first row, from whose width pandas concludes that a column is an index
        draw.choice(rows[1:])[0] = draw.choice(BROKEN)
    names = [f"c{k}" for k in range(len(pools))]
    if draw.random() < 0.1:
        names[0] = draw.choice(['"q,x"', names[-1], ""])
    line_end = draw.choice(["\n"] * 6 + ["\r\n"])
    text = line_end.join(map(",".join, [names, *rows])) + draw.choice([line_end] * 6 + ["", line_end * 2])
    return ("\ufeff" * (draw.random() < 0.02) + text).encode()


def outcome(work):
    """What `work` returns, or what it says is wrong."""
    try:
        return work()
    except WorkFailed as error:
        return str(error)


@pytest.mark.parametrize("seed", range(150))
def test_bytes_are_those_of_reading_and_writing_in_parts(seed, tmp_path):
    draw = random.Random(seed)
    path, ours, plain = (tmp_path / name for name in ("table.csv", "ours.csv", "plain.csv"))
    path.write_bytes(nasty_csv(draw))
    options = draw.choice([{}, {}, {"dtype": str}, {"dtype": {"c1": str}}, {"text": True}, {"float_precision": None}])
    part_rows = draw.choice([3, 7, 100])
    found = outcome(lambda: LargeTable.scan(path, part_rows=part_rows, stretch_bytes=draw.choice([1, 20, 200]), **options))
    expected = outcome(lambda: LargeTable._scan_parts(path, part_rows, options))
    if isinstance(found, str) or isinstance(expected, str):
        assert found == expected
        return

    assert (found.rows, found.types) == (expected.rows, expected.types)
    assert proven_row_count(path) in (None, found.rows)
    names = list(found.types)
    order = np.array(draw.sample(range(len(found)), draw.randint(1, len(found))))
    for positions in (order, np.sort(order), np.arange(len(found))):
        how = {
            "without": draw.sample(names, draw.choice([0, 0, 1])),
            "given": {draw.choice(names): np.arange(len(positions)) * 3} if draw.random() < 0.3 else {},
            "float_format": draw.choice([None, None, "%.10g", "%.3f", "%.17g"]),
        }
        found.write(positions, ours, **how)
        expected.write(positions, plain, **how)
        assert ours.read_bytes() == plain.read_bytes()
    pd.testing.assert_frame_equal(found.take(order), expected.take(order))
    chosen = draw.sample(names, draw.randint(1, len(names)))
    ours_read, plain_read = (
        table.columns(chosen).astype({name: object for name in chosen if table.types[name].kind == "O"})
        for table in (found, expected)
    )
    pd.testing.assert_frame_equal(ours_read, plain_read, check_index_type=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ours.csv", "plain.csv", "table.csv"]


def test_most_nasty_tables_are_copied_as_bytes(tmp_path):
    """So that the test above compares two ways, and not one with itself."""
    proven = counted = 0
    for seed in range(100):
        (tmp_path / "table.csv").write_bytes(nasty_csv(random.Random(seed)))
        found = outcome(lambda: LargeTable.scan(tmp_path / "table.csv"))
        proven += not isinstance(found, str) and found._proven is not None
        counted += proven_row_count(tmp_path / "table.csv") is not None
    assert proven > 50 and counted > 50


@pytest.mark.parametrize("header", [",".join(f"long_name_of_column_{k}" for k in range(60)), ",".join(['"a\n""b\nc"'] * 60)])
def test_rows_may_be_much_shorter_than_the_header(header, tmp_path):
    (tmp_path / "table.csv").write_text(f"{header}\n" + ",".join("1" * 60) + "\n" + ",".join("2" * 60) + "\n")
    table = LargeTable.scan(tmp_path / "table.csv")
    table.write(np.array([1, 0]), tmp_path / "out.csv")
    assert table._proven is not None
    assert (tmp_path / "out.csv").read_text() == read_csv(tmp_path / "table.csv").iloc[[1, 0]].to_csv(index=False)


def test_processes_share_a_table_and_end_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(workers, "_allowed", 2)
    rows = 5_000
    table = pd.DataFrame({"id": range(rows), "text": [f"row {k}, naïve" for k in range(rows)], "x": np.arange(rows) / 7})
    write_csv(table, tmp_path / "table.csv")
    order = np.random.default_rng(0).permutation(rows)

    large = LargeTable.scan(tmp_path / "table.csv", stretch_bytes=20_000)
    large.write(order, tmp_path / "any.csv")
    large.write(np.arange(0, rows, 3), tmp_path / "some.csv", without=["text"])
    assert (tmp_path / "any.csv").read_text() == table.iloc[order].to_csv(index=False)
    assert (tmp_path / "some.csv").read_text() == table.iloc[::3].drop(columns="text").to_csv(index=False)
    assert large.take(order[:9])["x"].tolist() == table["x"][order[:9]].tolist()
    assert np.array_equal(large.hashes(["text"]), pd.util.hash_pandas_object(table["text"], index=False))

    processes = [*large._proven.workers._processes.values()]
    assert len(processes) == 2 and all(process.poll() is None for process in processes)
    assert LargeTable.scan(tmp_path / "any.csv")._proven.workers is large._proven.workers
    del large
    assert [process.poll() is None for process in processes] == [False, False]


def test_a_column_that_is_named_and_lacking_is_told_as_pandas_tells_it(odd_csv, tmp_path):
    table = LargeTable.scan(odd_csv)
    for attempt in (
        lambda: table.columns(["no"]),
        lambda: table.write(np.arange(3), tmp_path / "out.csv", without=["no"]),
        lambda: table.write(np.arange(3), tmp_path / "out.csv", only=["id", "no"]),
    ):
        with pytest.raises(KeyError, match="no"):
            attempt()


def test_one_column_alone_is_written_by_its_own_rules(odd_csv, tmp_path):
    LargeTable.scan(odd_csv).write(np.arange(9), tmp_path / "out.csv", only=["gap"])
    assert (tmp_path / "out.csv").read_text() == read_csv(odd_csv)[["gap"]].head(9).to_csv(index=False)


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


@pytest.mark.parametrize("kind", [object, "category"])
def test_rows_of_groups_are_found_whatever_the_type_of_the_column(kind):
    groups = pd.Series(["b", "a", None, "b", "c", "a"], dtype=kind)
    assert group_rows(groups, ["a", "b", "absent"]).tolist() == [1, 5, 0, 3]


def test_write_csv_makes_the_folder(tmp_path):
    write_csv(pd.DataFrame({"a": [1]}), tmp_path / "deep" / "a.csv")
    assert (tmp_path / "deep" / "a.csv").read_text() == "a\n1\n"
