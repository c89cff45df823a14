"""Numbers out of text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.metrics.decimal_text import parse_numbers

small = st.lists(st.integers(0, 99_999_999), min_size=1, max_size=30)


@given(small | st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5), st.integers(0, 3))
def test_numbers_come_back_with_leading_zeros_or_without(numbers, zeros):
    parsed = parse_numbers(" ".join("0" * zeros + str(number) for number in numbers).encode())
    assert parsed.values.tolist() == numbers


def test_ends_are_behind_the_last_digit():
    assert parse_numbers(b"7 12 345").ends.tolist() == [1, 4, 8]


@pytest.mark.parametrize("text", [b"", b" 1", b"1 ", b"1  2", b" "])
def test_blanks_in_odd_places(text):
    assert parse_numbers(text) is None


def test_a_number_beyond_int64_is_the_largest_int64():
    assert parse_numbers(b"1 " + b"9" * 30).values.tolist() == [1, np.iinfo(np.int64).max]
