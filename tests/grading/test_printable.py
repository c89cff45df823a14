"""What is shown of text that somebody else wrote."""

from __future__ import annotations

import pytest

from grading.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with blanks and ümlauts – and 日本", "plain, with blanks and ümlauts – and 日本"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("lone \udcb2", "lone \\udcb2"),
        ("\u202eright to left", "\\u202eright to left"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    shown.encode("utf-8")


def test_long_text_keeps_its_two_ends() -> None:
    shown = printable("head" + "x" * 3_000_000 + "tail")
    assert len(shown) == 80
    assert shown.startswith("headx")
    assert shown.endswith("xtail")
    assert printable("x" * 100, most=None) == "x" * 100
    assert printable("x" * 80) == "x" * 80
