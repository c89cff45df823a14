"""Style sheets are whole: what is said for prints or narrow screens ends where it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

SHEETS = ("page.css", "side_by_side.css")
PAGE = files("mlebench.reports").joinpath("page.css").read_text(encoding="utf-8")


def rules() -> Iterator[tuple[str, str, list[str]]]:
    """Of each rule the condition of its media, its selectors, and the names of its properties."""
    condition = ""
    for opening, selectors, body, end in re.findall(r"(@media[^{]*)\{|([^{}]+)\{([^{}]*)\}|(\})", re.sub(r"/\*.*?\*/", "", PAGE)):
        if opening or end:
            condition = opening.strip()
        if selectors:
            yield condition, selectors.strip(), [entry.partition(":")[0].strip() for entry in body.split(";") if entry.strip()]


@pytest.mark.parametrize("name", SHEETS)
def test_every_block_is_closed_before_the_next_part(name: str) -> None:
    text = files("mlebench.reports").joinpath(name).read_text(encoding="utf-8")
    depth = 0
    for mark in re.findall(r"[{}]|^/\*", text, re.MULTILINE):
        if mark == "/*":
            assert depth == 0, "a part begins within a block of the part before"
        depth += {"{": 1, "}": -1}.get(mark, 0)
    assert depth == 0


def test_what_an_element_looks_like_is_said_in_one_place() -> None:
    said = [(place, selector, name) for place, selector, names in rules() for name in names]
    assert sorted({entry for entry in said if said.count(entry) > 1}) == []


def test_every_colour_is_named_once_for_each_theme_and_is_used() -> None:
    named = [name for _, selector, names in rules() if selector == ":root" for name in names]
    used = set(re.findall(r"var\((--[\w-]+)\)", PAGE)) - {"--mark", "--on"}
    assert set(named) == used
    # in light, in dark and in prints
    assert {named.count(name) for name in used} == {3}
