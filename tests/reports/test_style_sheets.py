"""Style sheets are whole: what is said for prints or narrow screens ends where it should."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

SHEETS = ("page.css", "side_by_side.css")


@pytest.mark.parametrize("name", SHEETS)
def test_every_block_is_closed_before_the_next_part(name: str) -> None:
    text = files("mlebench.reports").joinpath(name).read_text(encoding="utf-8")
    depth = 0
    for mark in re.findall(r"[{}]|^/\*", text, re.MULTILINE):
        if mark == "/*":
            assert depth == 0, "a part begins within a block of the part before"
        depth += {"{": 1, "}": -1}.get(mark, 0)
    assert depth == 0
