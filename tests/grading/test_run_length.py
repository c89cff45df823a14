"""The run-length codec, by property and against worked examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from grading.metrics.run_length import (
    Runs,
    area,
    areas,
    decode,
    encode,
    format_runs,
    overlap,
    overlaps,
    parse_column,
    parse_runs,
    runs_of,
    union,
)
from grading.submission import InvalidSubmission

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
orders = st.sampled_from(["F", "C"])
pairs = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def test_worked_example_down_the_columns():
    mask = np.array([[0, 1, 0], [0, 1, 1]])
    assert encode(mask, "F") == "3 2 6 1"
    assert encode(mask, "C") == "2 1 5 2"


def test_parsed_runs_count_from_zero_and_end_after_the_last_pixel():
    runs = parse_runs(" 1 3\t10 5 \n", 14)
    assert runs.starts.tolist() == [0, 9]
    assert runs.ends.tolist() == [3, 14]
    assert area(runs) == 8


@given(masks, orders)
def test_decoding_an_encoding_gives_the_mask(mask, order):
    runs = parse_runs(encode(mask, order), mask.size)
    assert (decode(runs, mask.shape, order) == mask).all()
    assert area(runs) == mask.sum()
    assert format_runs(runs) == encode(mask, order)


@given(pairs, orders)
def test_overlap_and_union_are_those_of_the_masks(pair, order):
    a, b = (runs_of(mask, order) for mask in pair)
    assert overlap(a, b) == overlap(b, a) == (pair[0] & pair[1]).sum()
    assert (decode(union([a, b]), pair[0].shape, order) == (pair[0] | pair[1])).all()


@given(st.lists(pairs, max_size=6))
def test_many_rows_at_once_equal_row_by_row(rows):
    first = [runs_of(a) for a, _ in rows]
    second = [runs_of(b) for _, b in rows]
    assert overlaps(first, second).tolist() == [overlap(a, b) for a, b in zip(first, second, strict=True)]
    assert areas(first).tolist() == [area(a) for a in first]
    texts = [format_runs(runs) for runs in first]
    for parsed, runs in zip(parse_column(texts, [a.size for a, _ in rows]), first, strict=True):
        assert parsed.starts.tolist() == runs.starts.tolist()
        assert parsed.ends.tolist() == runs.ends.tolist()


@given(pairs)
def test_touching_runs_count_as_one(pair):
    whole = runs_of(pair[0])
    pixels = np.concatenate([np.arange(s, e) for s, e in zip(*whole, strict=True)]) if area(whole) else np.empty(0, int)
    split = parse_runs(" ".join(f"{pixel + 1} 1" for pixel in pixels), pair[0].size)
    other = runs_of(pair[1])
    assert overlap(split, other) == overlap(whole, other)
    assert overlap(other, split) == overlap(other, whole)
    assert (decode(split, pair[0].shape) == pair[0]).all()
    assert format_runs(union([split])) == format_runs(whole)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1", "odd count of numbers"),
        ("1 3 5", "odd count of numbers"),
        ("-1 3", "lengths are positive"),
        ("1 -3", "lengths are positive"),
        ("0 3", "starts count from 1"),
        ("1 0", "lengths are positive"),
        ("1 3 2 4", "overlaps itself"),
        ("1 3 3 1", "overlaps itself"),
        ("1 3 1 3", "overlaps itself"),
        ("9 1 1 3", "not sorted"),
        ("99 3", "beyond the last pixel"),
        ("101 1", "beyond the last pixel"),
        ("1 101", "beyond the last pixel"),
        ("1 99999999999999999999999999", "holds `1 99999999999999999999999999`, which extends beyond the last pixel"),
        ("1 1 007 " + "9" * 9000, "holds `007 9999"),
        ("99999999999999999999999999 99999999999999999999999999", "beyond the last pixel"),
        ("9223372036854775807 9223372036854775807 1 1", "beyond the last pixel"),
        ("1.5 2", "expected whole numbers"),
        ("1 2e1", "expected whole numbers"),
        ("a b", "'a'; expected whole numbers"),
        ("1,3", "expected whole numbers separated by spaces"),
        ("1_0 3", "expected whole numbers"),
        ("+1 3", "expected whole numbers"),
        ("١ ٣", "expected whole numbers"),
        ("1\xa03", "expected whole numbers"),
        ("1\x003", "expected whole numbers"),
        ("1 \ud800", "expected whole numbers"),
        ("-", "expected whole numbers"),
        ("nan", "expected whole numbers"),
    ],
)
def test_malformed_encodings_are_refused(text, fault):
    with pytest.raises(InvalidSubmission, match="run-length encoding") as single:
        parse_runs(text, 100)
    assert fault in str(single.value)
    with pytest.raises(InvalidSubmission) as among_others:
        parse_column(["1 1", "", text, "3 1"], 100, names=["a", "b", "wrong", "d"])
    assert "row 'wrong'" in str(among_others.value)
    assert fault in str(among_others.value)


@given(st.text(max_size=30) | st.text("0123456789 -.", max_size=30))
def test_any_text_is_parsed_or_refused(text):
    try:
        runs = parse_runs(text, 50)
    except InvalidSubmission:
        return
    assert all(start < end for start, end in zip(*runs, strict=True))
    assert all(end <= start for end, start in zip(runs.ends[:-1], runs.starts[1:], strict=True))
    assert not area(runs) or runs.ends[-1] <= 50


# quadratic work on ten million characters takes hours
@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["1", "1 ", "1 1 ", " ", "-1 ", "x", "9" * 50])
def test_ten_megabytes_are_answered_at_once(unit):
    text = unit * (10_000_000 // len(unit))
    try:
        runs = parse_runs(text, 1_000_000)
    except InvalidSubmission as error:
        assert len(str(error)) < 200
    else:
        assert not text.strip()
        assert area(runs) == 0


def test_rows_keep_their_place_across_blocks(monkeypatch):
    monkeypatch.setattr("grading.metrics.run_length._BLOCK_CHARACTERS", 10)
    texts = ["", "1 2", "", "4 1 7 2", "", "", "9 1", ""] * 5
    assert [format_runs(runs) for runs in parse_column(texts, 10)] == texts
    with pytest.raises(InvalidSubmission, match="row 41: "):
        parse_column([*texts, "11 1"], 10)


def test_no_rows_at_all():
    assert parse_column([], 10) == []
    assert areas([]).tolist() == []
    assert overlaps([], []).tolist() == []


def test_rows_of_different_sizes_know_their_own_bound():
    small, large = parse_column(["4 1", "9 1"], [4, 9])
    assert (small.ends[-1], large.ends[-1]) == (4, 9)
    with pytest.raises(InvalidSubmission, match=r"row 1: .* last pixel"):
        parse_column(["4 1", "9 1"], [3, 9])


def test_runs_are_cut_at_the_last_pixel_on_request():
    texts = ["2 9 40 2", "1 1", "12 99999999999999999999999"]
    assert [format_runs(runs) for runs in parse_column(texts, [4, 4, 12], cut=True)] == ["2 3", "1 1", "12 1"]
    with pytest.raises(InvalidSubmission, match="overlaps itself"):
        parse_column(["1 9 2 1"], 4, cut=True)


def test_a_run_beyond_the_image_is_not_decoded():
    with pytest.raises(ValueError, match="ends at pixel 9 of an image of 4"):
        decode(Runs(np.array([0]), np.array([9])), (2, 2))


def test_an_overlong_text_is_read_like_others():
    text = " ".join(f"{start} 1" for start in range(1, 1_000_000, 2))
    runs = parse_runs(text, 1_000_000)
    assert runs.starts.tolist() == [*range(0, 999_999, 2)]
    with pytest.raises(InvalidSubmission, match="odd count of numbers"):
        parse_runs(f"{text} 1", 1_000_000)
