"""Cells are copied as bytes only where pandas would write the same bytes."""

import random

import numpy as np
import pytest

from mlebench.data.csv_cells import Cells, Numbers, Reading, Unproven, number_sums


def proven(texts, precision="round_trip"):
    """Which numbers are found to be decimals as Python writes them."""
    cells = Cells.find("".join(f"{text},x\n" for text in texts).encode(), 2)
    return Numbers.find(cells, 0, number_sums(cells), Reading(precision=precision)).decimal


def decimals(draw, digits):
    """A number of that many digits, with a point somewhere and now and then zeros behind it."""
    text, point = str(draw.randrange(10 ** (digits - 1), 10**digits)), draw.randint(0, digits - 1)
    return f"{text[:point]}.{text[point:]}" if point else f"0.{'0' * draw.randint(0, 4)}{text}"


@pytest.mark.parametrize("digits", [1, 14, 15, 16, 17, 18])
def test_decimals_are_proven_only_where_python_writes_them(digits):
    draw = random.Random(digits)
    texts = [draw.choice(["", "-"]) + decimals(draw, digits) for _ in range(4000)]
    is_written = np.array([repr(float(text)) == text for text in texts])
    found = proven(texts)
    assert not (found & ~is_written).any()
    assert found.sum() >= 0.8 * is_written.sum()


def test_numbers_next_to_powers_of_two_and_half_way_between_doubles_are_not_taken_for_others():
    draw = random.Random(0)
    texts = []
    for _ in range(3000):
        double = draw.choice([draw.uniform(0.001, 100), 2.0 ** draw.randint(-9, 49)])
        double = draw.choice([double, float(np.nextafter(double, 0)), float(np.nextafter(double, 1e300))])
        other = float(np.nextafter(double, 1e300))
        last = (int(repr(double)[-1]) + draw.choice([1, 9])) % 10
        half_way = f"{double + (other - double) / 2:.30f}"
        texts += [repr(double), f"{double:.16g}", f"{double:.17g}", f"{repr(double)[:-1]}{last}", half_way[:18], half_way[:19]]
    texts = [text for text in texts if "." in text and "e" not in text]
    assert not (proven(texts) & [repr(float(text)) != text for text in texts]).any()


def test_most_doubles_are_proven_and_none_of_many_digits_where_pandas_reads_them_less_exactly():
    draw = random.Random(0)
    texts = [repr(draw.uniform(0.001, 1000)) for _ in range(5000)]
    assert proven(texts).mean() > 0.98
    digits = np.array([len(text.replace(".", "").lstrip("0")) for text in texts])
    assert np.array_equal(proven(texts, precision=None), digits <= 15)


@pytest.mark.parametrize(
    "data",
    [
        b'a"b,1\n',
        b'"a"b,1\n',
        b'"a,1\n',
        b"a\rb,1\n",
        b"a,1\r\r\n",
        b"a,\0\n",
        b"a,\xff\n",
        b"a,1\n\n",
        b"a\n",
        b"a,1,2\nb\n",
        b'a, "b"\n',
    ],
)
def test_what_only_pandas_can_tell_is_left_to_it(data):
    with pytest.raises(Unproven):
        Cells.find(data, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,-2\n30,123456789012345678\n", True), *((f"1,{odd}\n2,3\n", False) for odd in ("", "-", "01", "-0", "1.0", "+1", "1-2"))],
)
def test_tables_of_whole_numbers_are_seen_at_a_glance(text, expected):
    assert Cells.find(text.encode(), 2).are_whole_numbers is expected
