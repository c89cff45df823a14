"""What is cut out of a file as it is scanned is, cell by cell, what pandas reads of it."""

from __future__ import annotations

import csv
import io
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import InvalidSubmission
from grading.extent import Extent
from grading.pieces import Pieces
from grading.table import Wanted, read_submission

WANTED = Wanted(("id", "t"), ("y", "z"), optional=("o",), booleans=("z",))
EXTENT = Extent(columns=("id", "t", "y", "z"), most_rows=10_000, longest_cell=1_000, rows=lambda: None)


def read(path: Path, *, by_pandas: bool, as_written: bool = False) -> pd.DataFrame | str:
    """The table, or why it is refused."""
    with pytest.MonkeyPatch.context() as patch:
        if by_pandas:
            patch.setattr(Pieces, "joined", lambda self: None)
        try:
            return read_submission(path, WANTED, EXTENT, as_written=as_written).table
        except InvalidSubmission as refused:
            return str(refused)


def require_same(path: Path, *, as_written: bool = False) -> None:
    ours, theirs = (read(path, by_pandas=by_pandas, as_written=as_written) for by_pandas in (False, True))
    if isinstance(theirs, str):
        assert ours == theirs
        return
    assert isinstance(ours, pd.DataFrame)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    numbers = ours.select_dtypes("float64")
    assert np.array_equal(np.signbit(numbers), np.signbit(theirs[numbers.columns]))


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1).map(repr),
    st.integers(-(10**19), 10**19).map(str),
    st.sampled_from(
        ["0", "1", "-0", "-0.0", "0.5", "", "1.", ".5", "+1", "1e-05", "3.2E+7", "1e400", "123456789012345678901234567890"]
    ),
)
ODD_NUMBERS = st.sampled_from(
    ["NA", "nan", "inf", " 1", "1 ", "True", "FALSE", "x", "1_0", "0x1", "\ufeff1", '"', "1d5", "-", "é"]
)
TEXTS = st.sampled_from(
    ["", "a", "NA", " a ", "a,b", 'a"b', '"', '""', "a\nb", "a\r\nb", "a\rb", "é" * 20, "日本", "x" * 33, "True"]
)
REPEATED = st.sampled_from(["", "a", "cat", "a longer label of them", "日本", "NA"])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_cells_are_those_that_pandas_reads(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    numbers = st.one_of(NUMBERS, ODD_NUMBERS) if data.draw(st.integers(0, 3)) == 0 else NUMBERS
    texts = data.draw(st.sampled_from([TEXTS, REPEATED]))
    names = data.draw(st.permutations(["id", "y", "z", "t", *data.draw(st.sampled_from([[], ["o"], ["o", "n"], ["n", "m"]]))]))
    kinds = {
        "y": numbers,
        "z": data.draw(st.sampled_from([NUMBERS, st.sampled_from(["0", "1", "True", "False"])])),
        "o": REPEATED,
    }
    row = st.tuples(*(kinds.get(name, texts) for name in names))
    rows = data.draw(st.lists(row, max_size=data.draw(st.sampled_from([3, 12]))))
    file = io.StringIO()
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = data.draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    csv.writer(file, quoting=quoting, lineterminator=end).writerows([names, *rows])  # type: ignore[arg-type]
    content = data.draw(st.sampled_from(["", "\ufeff"])) + file.getvalue()
    content = (
        content.removesuffix(end) if data.draw(st.integers(0, 4)) == 0 else content + data.draw(st.sampled_from(["", "", end]))
    )
    path = tmp_path_factory.getbasetemp() / "pieces.csv"
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", data.draw(st.sampled_from([5, 64, 10_000])))
        require_same(path)
        require_same(path, as_written=True)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.text('a",\n\r 1é.', max_size=12), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.sampled_from([3, 16, 10_000]),
)
def test_wild_files_are_read_or_refused_as_pandas_and_the_bounds_have_it(
    rows: list[str], end: str, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.csv"
    path.write_bytes(end.join(["id,t,y,z", "1,a,0.5,1", *rows, ""]).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", block)
        require_same(path)


@pytest.mark.parametrize(
    "labels", [["cat", "dog"], ["cat", "", "a label of more than eight", "日本"], [str(10**15 + k) for k in range(9)]]
)
def test_many_cells_of_few_spellings_are_read_as_they_are(labels: list[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    generator = np.random.default_rng(0)
    cells = [*generator.choice(labels, 2_000), *(f"{k} is longer than any label before it" for k in range(99)), *labels]
    table = pd.DataFrame({"id": range(len(cells)), "t": cells, "y": generator.random(len(cells)), "z": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", 1_000)
        for written in (table, table.iloc[:2_000]):
            written.to_csv(path, index=False)
            require_same(path)


def test_labels_of_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.csv"
    pd.DataFrame({"id": range(8), "t": ["one label", "another"] * 4, "y": 1.5, "z": 0}).to_csv(path, index=False)
    monkeypatch.setattr("grading.pieces.hashes_of", lambda words: np.zeros(words.shape[1], dtype=np.uint64))
    require_same(path)


M = 1_000_000
ROW = b"%d,a,0.5,1\n"
HOSTILE = {
    "a last cell that is no number": b"".join(ROW % k for k in range(9_000)) + b"1,a,x,1\n",
    "exponents out of range": b"".join(b"%d,a,1e-%d,1\n" % (k, k) for k in range(9_000)),
    "numbers of many digits": b"".join(b"%d,a,0.%s,1\n" % (k, b"49" * 50_000) for k in range(60)),
    "long and short ids in turn": b"".join(b"%s,a,1,1\n" % (b"x" * (900_000 if k % 100 == 0 else 1)) for k in range(2_000)),
    "cells of doubled quotes": b'1,"%s",1,1\n' % (b'""' * 400_000) * 20,
    "rows of quotes": b'"","","",""\n' * 9_000,
    "texts of 8 bytes": b"".join(b"%d,%08d,1,1\n" % (k, k * 7919 % 10**8) for k in range(9_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_time_and_memory_of_odd_files_are_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    path.write_bytes(b"id,t,y,z\n" + HOSTILE[name])
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    read(path, by_pandas=False)
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 500_000
    require_same(path)
