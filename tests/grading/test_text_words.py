"""Numbers read many at once, against `float` on each word."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.text_words import blocks_of, numbers_of, whole_numbers_of, words_of

LETTERS = "0123456789+-.eE_n \t\x1c"
texts = st.text(LETTERS, max_size=40) | st.lists(st.floats(allow_nan=False).map(repr) | st.text("0123456789.", max_size=20)).map(
    " ".join
)


def one_by_one(words: list[str]) -> list[float] | None:
    """The definition of `numbers_of`."""
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            return None
        if "_" in word or not math.isfinite(values[-1]):
            return None
    return values


@given(texts)
@example("-0 -0.00 0 - 1")
@example("9223372036854775807 9223372036854775808 -9223372036854775809 0.9223372036854775807")
@example("1e5 1. .5 . -")
@example("")
def test_words_and_numbers_are_those_of_python(text: str) -> None:
    words = words_of(text)
    assert words is not None
    assert words.pick(slice(None)) == text.split()
    numbers = numbers_of(words, np.ones(len(words.starts), dtype=bool))
    expected = one_by_one(text.split())
    assert (numbers is None) == (expected is None)
    if numbers is not None:
        assert list(map(repr, numbers.tolist())) == list(map(repr, expected))


@given(st.lists(st.tuples(st.booleans(), st.text("0123456789.-ax", min_size=1, max_size=6))))
def test_words_that_are_not_chosen_may_be_anything(words: list[tuple[bool, str]]) -> None:
    found = words_of(" ".join(word for _, word in words))
    assert found is not None
    numbers = numbers_of(found, np.array([chosen for chosen, _ in words], dtype=bool))
    expected = one_by_one([word for chosen, word in words if chosen])
    assert (None if numbers is None else numbers.tolist()) == expected


@given(st.integers(2**52, 2**53 - 1), st.integers(-60, 8), st.integers(0, 18), st.integers(-3, 3))
def test_numbers_between_two_floats_are_rounded_as_python_rounds_them(
    mantissa: int, exponent: int, digits: int, off: int
) -> None:
    middle = Fraction(2 * mantissa + 1) * Fraction(2) ** (exponent - 1)
    written = str(abs(int(middle * 10**digits) + off)).rjust(digits + 1, "0")
    text = f"{written[: len(written) - digits]}.{written[len(written) - digits :]}"
    words = words_of(text)
    assert words is not None
    numbers = numbers_of(words, np.ones(1, dtype=bool))
    assert numbers is not None
    assert numbers.tolist() == [float(text)]


@given(st.lists(st.text("0123456789", min_size=1, max_size=8)) | st.lists(st.text("0123456789", min_size=1, max_size=25)))
def test_words_of_digits_are_whole_numbers(texts: list[str]) -> None:
    words = words_of("\n".join(texts))
    assert words is not None
    assert whole_numbers_of(words).tolist() == [min(int(text), 2**63 - 1) for text in texts]


@given(st.lists(st.text("1 \t", max_size=9)))
def test_words_are_counted_by_text(texts: list[str]) -> None:
    words = words_of(" ".join(texts))
    assert words is not None
    assert words.by_text(texts).tolist() == [len(text.split()) for text in texts]


def test_a_text_beyond_ascii_or_with_nul_is_left_to_others() -> None:
    assert words_of("1\xa02") is None
    assert words_of("1\0 2") is None


def test_a_very_long_text_is_left_to_others() -> None:
    assert words_of("1 " * 3_000_000) is None


@pytest.mark.parametrize("characters", [1, 4, 100])
def test_blocks_hold_all_texts_in_order(characters: int) -> None:
    texts = ["", "1 2", "", "333333", "4"]
    bounds = [*blocks_of(texts, characters)]
    assert [text for first, last in bounds for text in texts[first:last]] == texts
    assert [*blocks_of([], characters)] == []
