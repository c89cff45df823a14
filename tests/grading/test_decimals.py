"""Numbers are read from the bytes of many cells at once, each just as `float()` reads it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.decimals import numbers_at, words_at


def numbers(cells: list[str]) -> np.ndarray | None:
    text = b"\0" * 24 + "".join(f"{cell}," for cell in cells).encode() + b"\0" * 8
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(","))
    begins = np.concatenate([[24], ends[:-1] + 1])
    return numbers_at(words_at(text), begins, ends, text)


def expected(cell: str) -> float | None:
    """The specification: `float()` for what is made of its letters and finite, NaN for nothing."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if set(cell) <= set("0123456789+-.eE") and math.isfinite(value) else None


def halfway(bits: int, exponent: int) -> str:
    """A number in the middle between two floats, in all its digits."""
    middle = Fraction(2 * (bits | 1 << 52) + 1, 2**exponent)
    digits = str(middle.numerator * 5**exponent).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}"


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = st.text("0123456789", max_size=24)
CELLS = st.one_of(
    FLOATS.map(repr),
    st.floats(0, 1).map(repr),
    st.floats(0, 1).map(lambda value: f"{value:.4f}"),
    st.builds(lambda value, places: f"{value:.{places}f}", st.floats(-1e9, 1e9), st.integers(0, 24)),
    st.builds(lambda value, places: f"{value:.{places}e}", FLOATS, st.integers(0, 20)),
    st.integers(-(10**20), 10**20).map(str),
    st.builds(lambda sign, head, tail: f"{sign}{head}.{tail}", st.sampled_from(["", "-", "+"]), DIGITS, DIGITS),
    st.builds(halfway, st.integers(0, 2**52 - 1), st.integers(40, 66)),
    st.text("0123456789.eE+- ,_xé", max_size=9).map(lambda text: text.replace(",", "")),
    st.sampled_from(
        ["", "-", ".", "-.", "-0", "-0.0", "1e400", "1e-400", "nan", "inf", "1_0", "1e", "e5", "--1", "00012", "1e+05"]
    ),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_numbers_are_what_float_reads(cells: list[str]) -> None:
    values, wanted = numbers(cells), [expected(cell) for cell in cells]
    if None in wanted:
        assert values is None
    else:
        assert values is not None
        assert list(map(repr, values.tolist())) == list(map(repr, wanted))


@pytest.mark.parametrize("digits", range(1, 25))
def test_every_length_is_read_with_its_neighbours_left_alone(digits: int) -> None:
    cells = ["9" * digits, "9", "", f"-0.{'3' * digits}", "7" * (25 - digits) + "." + "1" * digits, f"1.{'6' * digits}e-07"]
    values = numbers(cells * 3)
    assert values is not None
    assert list(map(repr, values.tolist())) == [repr(expected(cell)) for cell in cells * 3]


def test_without_extended_precision_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [repr(value) for value in np.random.default_rng(0).random(1_000).tolist()]
    values = numbers(cells)
    monkeypatch.setattr("grading.decimals._HAS_EXTENDED", False)
    assert np.array_equal(values, numbers(cells))  # type: ignore[arg-type]
    assert np.array_equal(values, [float(cell) for cell in cells])  # type: ignore[arg-type]


@pytest.mark.parametrize("before", range(6, 19))
def test_a_point_may_stand_behind_many_digits(before: int) -> None:
    whole = "1234567890123456789"[:before]
    cells = [f"{sign}{whole}.{behind}" for sign in ("", "-") for behind in ("", "0", "25", "123456789", "5" * 20)] + [
        f"{whole[:-1]}x.5",
        f"x{whole}.5",
        f"{whole}..5",
        f"{whole}.5.5",
    ]
    for cell in cells:
        values, wanted = numbers([cell, "1.5"]), expected(cell)
        assert (None if values is None else repr(values[0])) == (None if wanted is None else repr(np.float64(wanted)))
