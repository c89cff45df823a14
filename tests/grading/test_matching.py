"""Rows are matched to ids by their texts, however fast that goes: held against a plain version on random and odd tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission, Real, Text
from grading.metrics.regression import mae
from grading.submission import AskedIds


def plain_texts(table: pd.DataFrame, columns: list[str]) -> list[tuple[str, ...]]:
    """The specification: the text of each cell, blank for a missing one; in a column of floats `7` for 7.0."""

    def texts(column: pd.Series) -> list[str]:
        written = ["" if missing else text for text, missing in zip(column.astype(str), column.isna(), strict=True)]
        if column.dtype != float:
            return written
        numbers = zip(column, written, strict=True)
        return [str(int(number)) if number % 1 == 0 and abs(number) < 2**53 else text for number, text in numbers]

    return list(zip(*(texts(table[column]) for column in columns), strict=True))


def plain_rows(submission: pd.DataFrame, known: pd.DataFrame, columns: list[str]) -> list[int] | None:
    """The row of each id in the order in which the ids first appear; None unless each stands there once, and nothing else."""
    expected = list(dict.fromkeys(plain_texts(known, columns)))
    submitted = plain_texts(submission, columns)
    if sorted(submitted) != sorted(expected):
        return None
    return [submitted.index(one) for one in expected]


COLUMNS: dict[str, pd.Series] = {
    "whole numbers": pd.Series([7, 12, -3, 0, 2**62]),
    "small whole numbers": pd.Series([7, 12, -3, 0, 99], dtype="int8"),
    "whole numbers without a sign": pd.Series([7, 12, 3, 0, 2**64 - 1], dtype="uint64"),
    "Python's whole numbers": pd.Series([7, 12, -3, 0, 2**62], dtype=object),
    "huge whole numbers": pd.Series([7, 12, -3, 0, 2**70], dtype=object),
    "texts of whole numbers": pd.Series(["7", "12", "-3", "0", str(2**62)]),
    "texts of numbers": pd.Series(["7.0", "012", "-3", "0", "9"]),
    "texts": pd.Series(["a", "b", "a b", "", "\ud800"]),
    "sorted texts": pd.Series(["a", "b", "c", "d", "e"]),
    "texts of NumPy": pd.Series([np.str_("a"), np.str_("b"), "c", "d", "e"], dtype=object),
    "missing texts": pd.Series(["a", None, "c", float("nan"), "e"]),
    "blanks and missing texts": pd.Series(["a", None, "c", "", "e"]),
    "floats": pd.Series([7.0, 12.0, 0.5, -0.0, 1e300]),
    "missing floats": pd.Series([7.0, np.nan, 0.5, 3.0, 4.0]),
    "truth values": pd.Series([True, False, True, False, True]),
    "truth values and numbers": pd.Series([True, 1, 0, "x", 1.0], dtype=object),
    "numbers and texts": pd.Series([7, "7", "12", 12.0, 0], dtype=object),
    "classes": pd.Series(["a", "b", "c", "d", "e"], dtype="category"),
    "texts of pandas": pd.Series(["a", "b", "c", None, "e"], dtype="string"),
    "whole numbers of pandas": pd.Series([7, 12, None, 0, 5], dtype="Int64"),
    "times": pd.Series([*map(pd.Timestamp, ("2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05")), pd.NaT]),
    "repeated texts": pd.Series(["a", "b", "a", "b", "e"]),
    "repeated numbers": pd.Series([7, 12, 7, 12, 9]),
    "nothing": pd.Series([], dtype=object),
    "no numbers": pd.Series([], dtype="int64"),
}


def check_match(submission: pd.DataFrame, known: pd.DataFrame, columns: list[str]) -> None:
    asked = AskedIds(known, tuple(columns))
    found, wanted = asked.match(submission), plain_rows(submission, known, columns)
    assert [*asked.text] == ["\x1f".join(one) for one in dict.fromkeys(plain_texts(known, columns))]
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert [*np.arange(len(submission))[found]] == wanted


@pytest.mark.parametrize("known", COLUMNS.values(), ids=COLUMNS.keys())
@pytest.mark.parametrize("submitted", COLUMNS.values(), ids=COLUMNS.keys())
def test_one_column(submitted: pd.Series, known: pd.Series) -> None:
    for ids in (
        submitted,
        submitted[::-1],
        submitted.drop_duplicates()[::-1],
        submitted[:-1],
        submitted.sample(frac=1, random_state=1),
    ):
        check_match(pd.DataFrame({"id": ids}), pd.DataFrame({"id": known}), ["id"])


@pytest.mark.parametrize("first", COLUMNS.values(), ids=COLUMNS.keys())
@pytest.mark.parametrize("second", ["whole numbers", "texts of whole numbers", "repeated numbers", "missing texts"])
def test_two_columns(first: pd.Series, second: str) -> None:
    known = pd.DataFrame({"a": first, "b": COLUMNS[second][: len(first)].to_numpy()})
    for change in (
        known,
        known[::-1],
        known.assign(b=known["b"].astype(str)),
        known.assign(b=known["b"].to_numpy()[::-1]),
        known[1:],
    ):
        check_match(change, known, ["a", "b"])
        check_match(change.sample(frac=1, random_state=2), known, ["a", "b"])


@pytest.mark.parametrize("seed", range(20))
def test_random_tables(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = np.array(["0", "1", "01", "1.0", "a", "A", "b\x1fc", "", " "], dtype=object)
    kinds: list[Callable[[int], np.ndarray]] = [
        lambda size: pool[rng.integers(0, len(pool), size)],
        lambda size: rng.integers(0, 12, size),
        lambda size: rng.integers(0, 12, size).astype(float),
        lambda size: rng.integers(0, 12, size).astype(object),
    ]
    for _ in range(25):
        size = int(rng.integers(1, 9))
        known = pd.DataFrame({name: kinds[rng.integers(len(kinds))](size) for name in "ab"})
        change = known.drop_duplicates().iloc[rng.permutation(len(known.drop_duplicates()))]
        if rng.random() < 0.3:
            change = change.assign(a=kinds[rng.integers(len(kinds))](len(change)))
        if rng.random() < 0.3:
            change = change.astype(str)
        for columns in (["a"], ["a", "b"]):
            check_match(change, known, columns)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_submission_is_never_changed_by_a_metric(order: slice) -> None:
    def spoil(truth: np.ndarray, prediction: np.ndarray) -> float:
        difference = float(np.abs(truth - prediction).sum())
        truth[:], prediction[:] = np.nan, np.nan
        return difference

    def spoil_tables(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
        return spoil(answers["y"].to_numpy(), submission["y"].to_numpy())

    answers = pd.DataFrame({"id": [1, 2, 3], "y": [1.0, 2.0, 3.0]})
    submission = pd.DataFrame({"id": [1, 2, 3], "y": [1.5, 2.0, 3.0]})[order]
    for grader in (
        Grader(id="id", columns={"y": Real()}, metric=spoil),
        Grader(id="id", columns={"y": Real()}, table_metric=spoil_tables),
        Grader(id="id", columns={"y": Real()}, metric=spoil, truth=lambda table: table["y"].to_numpy()),
    ):
        prepared = grader.prepare(answers)
        assert [grader.score(submission, given) for given in (answers, prepared) * 4] == [0.5] * 8


class TestPreparedAnswers:
    GRADER = Grader(id="id", columns={"y": Real(minimum=0)}, metric=mae)
    ANSWERS = pd.DataFrame({"id": ["a", "b", "c"], "y": [1.0, 2.0, 3.0]})

    @pytest.mark.parametrize(
        "content",
        [
            "id,y\na,1\nb,2\nc,4\n", "id,y\nc,1\nb,2\na,4\n", "id,y\na,1\nb,2\n", "id,y\na,1\nb,-2\nc,4\n", "id,z\na,1\n",
            "id,y\na,1\na,2\nc,4\n", "id,y\n", "", "id,y\na,1\nb,x\nc,\n", "y,id\n1,a\n2,b\n3,c\n",
        ],
    )  # fmt: skip
    def test_they_give_what_the_table_gives(self, content: str, tmp_path: Path) -> None:
        path = tmp_path / "s.csv"
        path.write_text(content)
        prepared = self.GRADER.prepare(self.ANSWERS)

        def outcome(look: Callable[[], float | None]) -> object:
            try:
                return look()
            except InvalidSubmission as refused:
                return str(refused)

        for look in (self.GRADER.score_file, self.GRADER.check_file):
            for _ in range(3):
                assert outcome(lambda: look(path, prepared)) == outcome(lambda: look(path, self.ANSWERS))  # noqa: B023

    def test_whatever_takes_answers_takes_them(self, tmp_path: Path) -> None:
        prepared = self.GRADER.prepare(self.ANSWERS)
        assert self.GRADER.prepare(prepared) is prepared
        assert self.GRADER.columns_of(prepared) == self.GRADER.columns
        self.GRADER.check(self.ANSWERS, prepared)
        (tmp_path / "s.csv").write_text("id,y\na,1\n")
        assert self.GRADER.read(tmp_path / "s.csv", prepared).equals(self.GRADER.read(tmp_path / "s.csv", self.ANSWERS))

    def test_a_check_reads_no_answer_of_them(self) -> None:
        def never(*_: object) -> np.ndarray:
            raise AssertionError("a check has run it")

        grader = Grader(id="id", columns={"y": Real()}, metric=mae, truth=never)
        grader.check(self.ANSWERS, grader.prepare(self.ANSWERS.assign(y="secret")))
        assert not self.ANSWERS["y"].isin(grader.prepare(self.ANSWERS).public.known.to_numpy().ravel()).any()

    def test_those_of_another_grader_are_refused(self) -> None:
        other = Grader(id="id", columns={"y": Text()}, metric=mae)
        with pytest.raises(ValueError, match="prepared for another grader"):
            other.score(self.ANSWERS, self.GRADER.prepare(self.ANSWERS))

    def test_an_equal_grader_takes_them(self) -> None:
        same = Grader(id="id", columns={"y": Real(minimum=0)}, metric=mae)
        assert same.score(self.ANSWERS, self.GRADER.prepare(self.ANSWERS)) == 0
