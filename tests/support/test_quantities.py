"""Sizes, durations and counts as people write and read them."""

from __future__ import annotations

import pytest

from mlebench._support.quantities import parse_count, parse_duration, parse_size, show_count, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 * 2**20), ("16g", 16 * 2**30), ("1.5 GiB", 3 * 2**29), ("1kb", 1024), (" 7 ", 7), (100, 100), ("2T", 2**41)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "g", "-1", "1x", "1 2", True, "1.5.2g"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("1h30m", 5400), ("1d", 86400), (90, 90), ("0.5", 0.5), ("1 h 2 m", 3720)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "1h30", True, "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**50, "1024.0 TiB")]
)
def test_a_size_is_shown(size: int, shown: str) -> None:
    assert show_size(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 s"),
        (59.4, "59 s"),
        (200, "3 min 20 s"),
        (18120, "5 h 02 min"),
        (183600, "2 d 03 h"),
        (300, "5 min"),
        (7200, "2 h"),
        (7201, "2 h"),
        (86400, "24 h"),
        (129600, "36 h"),
        (172800, "2 d"),
    ],
)
def test_a_duration_is_shown(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("text", "count"), [("250", 250), (7, 7), ("200k", 200_000), ("1.5m", 1_500_000), ("2_000", 2000), ("0.25K", 250), ("1.0", 1)]
)
def test_thousands_and_millions(text: str | int, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["", "k", "1.5", "0.0001k", "-1", "1e5", "2g", "many", True, "9" * 30, "nan"])
def test_what_is_no_whole_number(text: str | bool) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        parse_count(text)


def test_counts_of_billions_are_short_too() -> None:
    assert [show_count(count) for count in (2_162_900_000, 999_950_000, 5_400_000_000_000)] == ["2.2G", "1.0G", "5,400.0G"]


def test_counts_are_short() -> None:
    assert [show_count(count) for count in (0, 999, 999.7, 12_345, 999_949, 999_950, 1_500_000)] == [
        "0", "999", "1.0k", "12.3k", "999.9k", "1.0M", "1.5M"
    ]  # fmt: skip
