"""Ids that are matched by their bytes are matched as their texts are, and all others are left to the text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import InvalidSubmission
from grading.extent import Extent
from grading.known_ids import KnownIds, hashes_of
from grading.submission import id_text
from grading.table import SubmissionTable, Wanted, read_submission


def read(path: Path, content: str | bytes, known: KnownIds | None, columns: tuple[str, ...] = ("id",)) -> SubmissionTable:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    extent = Extent(columns=(*columns, "y"), most_rows=10_000, longest_cell=1_000, rows=lambda: None)
    return read_submission(path, Wanted(columns, ("y",)), extent, known=known)


def known_ids(*ids: object) -> KnownIds:
    known = KnownIds.of(pd.DataFrame({"id": list(ids)}), ["id"])
    assert known is not None
    return known


PARTS = st.sampled_from(["a", "b", "7", "07", "7.0", "", " a", "é", "a,b", "x" * 8, "x" * 9, "x" * 40, "日本", "True", "nan"])


@settings(max_examples=200, deadline=None)
@given(
    ids=st.lists(st.tuples(PARTS, PARTS), min_size=1, max_size=6),
    others=st.lists(st.tuples(PARTS, PARTS), max_size=2),
    order=st.randoms(use_true_random=False),
    kind=st.sampled_from(["same", "shuffled", "without one", "with others", "one twice", "one changed"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([16, 100, 10_000]),
)
def test_rows_are_those_of_the_texts(
    ids: list[tuple[str, str]],
    others: list[tuple[str, str]],
    order: object,
    kind: str,
    quoting: int,
    end: str,
    block: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    answers = pd.DataFrame(ids, columns=["p", "q"])
    known = KnownIds.of(answers, ["p", "q"])
    assert known is not None
    submitted = list(dict.fromkeys(ids))
    if kind != "same":
        order.shuffle(submitted)  # type: ignore[attr-defined]
    submitted = {"without one": submitted[1:], "with others": submitted + others, "one twice": submitted + submitted[:1]}.get(
        kind, [*submitted[:-1], *others[:1]] if kind == "one changed" else submitted
    )
    file = io.StringIO()
    csv.writer(file, quoting=quoting, lineterminator=end).writerows([["q", "y", "p"], *([q, 0.5, p] for p, q in submitted)])  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", block)
        table, rows = read(tmp_path_factory.getbasetemp() / "ids.csv", file.getvalue(), known, ("p", "q"))
    expected = id_text(answers, ("p", "q")).drop_duplicates().tolist()
    written = [f"{p}\x1f{q}" for p, q in submitted]
    if sorted(written) != sorted(expected):
        assert rows is None
        assert id_text(table, ("p", "q")).tolist() == written
        return
    assert list(table) == ["y"]
    assert rows is not None
    assert np.array(written, dtype=object)[rows].tolist() == expected
    assert isinstance(rows, slice) == (written == expected)


@pytest.mark.parametrize("ids", [[1, 2, 3], [1.0, 2.0, 3.5], [True, False], ["1", 2, 3.0], [0.1, np.nan], [2**60, 5]])
def test_ids_are_spelled_as_their_texts_are(ids: list[object], tmp_path: Path) -> None:
    answers = pd.DataFrame({"id": ids})
    spelled = id_text(answers, ("id",)).tolist()
    rows = read(tmp_path / "s.csv", "id,y\n" + "".join(f"{text},1\n" for text in reversed(spelled)), known_ids(*ids)).rows
    assert np.array_equal(rows, range(len(ids))[::-1])  # type: ignore[arg-type]


@pytest.mark.parametrize("spelled", ["7.0", "007", " 7", "7 ", "+7", "7e0", '"7 "', "\u0667", "8"])
def test_another_spelling_is_left_to_the_text(spelled: str, tmp_path: Path) -> None:
    table, rows = read(tmp_path / "s.csv", f"id,y\n1,1\n{spelled},2\n", known_ids("1", "7"))
    assert rows is None
    assert table["id"].tolist() == ["1", spelled.strip('"')]


@pytest.mark.parametrize("odd", ['a"b', "a\nb", "a\rb", "a\0b", "a\x1fb", "\ud800", "x" * 10_000])
def test_ids_that_cells_cannot_be_compared_to_are_not_known_by_bytes(odd: str) -> None:
    assert KnownIds.of(pd.DataFrame({"id": ["a", odd]}), ["id"]) is None


def test_an_id_that_fills_several_rows_is_known_once() -> None:
    known = known_ids("b", "a", "b", "a", "c")
    assert len(known) == 3
    assert known.words.astype("<u8").tobytes() == b"".join(letter + bytes(7) for letter in (b"b", b"a", b"c"))


def test_an_unknown_id_of_the_same_hash_is_unknown(tmp_path: Path) -> None:
    first, second = "0123456789abcdef", "fedcba9876543210"
    known = known_ids(first, second)
    other = np.frombuffer(b"76543210", dtype="<u8").astype(np.uint64)
    # the second word makes up for the first
    base = hashes_of(np.array([other, [0]], dtype=np.uint64))
    target = hashes_of(known.words[:, :1])
    forged = b"76543210" + (target - base).astype("<u8").tobytes()
    words = np.frombuffer(forged, dtype="<u8").astype(np.uint64)[:, None]
    assert hashes_of(words) == target
    if b"\0" not in forged and not set(b',"\r\n') & set(forged):
        with pytest.raises(InvalidSubmission):
            read(tmp_path / "s.csv", b"id,y\n%s,1\n%s,1\n" % (forged, second.encode()), known)


def test_ids_of_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_ids("0123456789abcdef", "fedcba9876543210")
    monkeypatch.setattr("grading.known_ids.hashes_of", lambda words: known.hashes[: words.shape[1]])
    table, rows = read(tmp_path / "s.csv", "id,y\nxxxxxxxxxxxxxxxx,1\nyyyyyyyyyyyyyyyy,1\n", known)
    assert rows is None
    assert table["id"].tolist() == ["xxxxxxxxxxxxxxxx", "yyyyyyyyyyyyyyyy"]


@given(
    st.lists(st.integers(0, 10**17), min_size=1, max_size=9),
    st.sampled_from([9, 10**8, 10**16, 10**17]),
    st.sampled_from([2, 16_384]),
)
def test_whole_numbers_are_known_by_their_digits(numbers: list[int], below: int, at_once: int) -> None:
    ids = pd.DataFrame({"id": [number % below for number in numbers]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.known_ids._AT_ONCE", at_once)
        known, spelled = KnownIds.of(ids, ["id"]), KnownIds.of(ids.astype(str), ["id"])
    assert known is not None
    assert spelled is not None
    assert np.array_equal(known.words, spelled.words)
    assert np.array_equal(known.order, spelled.order)
