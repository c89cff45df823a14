"""Differences of texts: right, small, and quick whatever the texts are."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench.reports.view.line_difference import MOST_LINES, Change, Row, added_and_removed, changes, rows

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "a long line of several words", "a long line of many words"]), max_size=30)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_stretches_cover_both_texts_and_say_the_truth(first: list[str], second: list[str]) -> None:
    found = changes(first, second)
    assert [line for change in found for line in change.first] == list(range(len(first)))
    assert [line for change in found for line in change.second] == list(range(len(second)))
    for change in found:
        if change.is_equal:
            assert [first[line] for line in change.first] == [second[line] for line in change.second]
    assert all(one.is_equal != other.is_equal or one.is_equal for one, other in itertools.pairwise(found))


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 3))
def test_rows_show_every_changed_line_in_its_own_words(first: list[str], second: list[str], around: int) -> None:
    shown = [row for row in rows(first, second, changes(first, second), around) if isinstance(row, Row)]
    for row in shown:
        for number, pieces, text in ((row.first, row.first_pieces, first), (row.second, row.second_pieces, second)):
            if number is not None:
                assert "".join(piece for piece, _ in pieces) == text[number - 1]
    left = [row.first for row in shown if row.first is not None and not row.is_equal]
    equal = sum(len(change.first) for change in changes(first, second) if change.is_equal)
    assert len(left) == len(first) - equal


def test_as_few_lines_change_as_possible() -> None:
    found = changes(["a", "b", "c", "d"], ["a", "x", "c", "d", "e"])
    assert found == [
        Change(True, range(0, 1), range(0, 1)),
        Change(False, range(1, 2), range(1, 2)),
        Change(True, range(2, 4), range(2, 4)),
        Change(False, range(4, 4), range(4, 5)),
    ]
    assert added_and_removed(found) == (2, 1)


def test_words_within_a_line_are_marked() -> None:
    [row] = list(rows(["x = head(1)"], ["x = tail(1)"], changes(["x = head(1)"], ["x = tail(1)"]), 3))
    assert isinstance(row, Row)
    assert [piece for piece, is_own in row.first_pieces if is_own] == ["head"]
    assert [piece for piece, is_own in row.second_pieces if is_own] == ["tail"]


def test_lines_that_have_little_in_common_are_marked_as_a_whole() -> None:
    one, other = "import numpy", "def predict(self): return 1"
    [row] = list(rows([one], [other], changes([one], [other]), 3))
    assert isinstance(row, Row)
    assert (row.first_pieces, row.second_pieces) == ([(one, True)], [(other, True)])


def test_equal_lines_far_from_changes_are_left_out() -> None:
    first = [str(number) for number in range(100)]
    second = [*first[:50], "new", *first[50:]]
    found = list(rows(first, second, changes(first, second), 3))
    assert [row for row in found if isinstance(row, int)] == [47, 47]
    assert len(found) == 2 + 3 + 1 + 3


@pytest.mark.parametrize("name", ["shuffled", "few", "different", "longer"])
def test_hostile_texts_take_no_longer_than_honest_ones(name: str) -> None:
    """`difflib` needs minutes for each; the test's own timeout is the bound."""
    rng = random.Random(1)
    lines = [str(number) for number in range(MOST_LINES)]
    first, second = {
        "shuffled": (lines, rng.sample(lines, len(lines))),
        "few": ([rng.choice("abc") for _ in lines], [rng.choice("abc") for _ in lines]),
        "different": (lines, [f"x{line}" for line in lines]),
        "longer": ([rng.choice("abc") for _ in range(100_000)], [rng.choice("abc") for _ in range(100_000)]),
    }[name]
    found = changes(first, second)
    assert sum(len(change.first) for change in found) == len(first)
    assert sum(1 for _ in rows(first, second, found, 3)) > 0
