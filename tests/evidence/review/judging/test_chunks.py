"""Chunks hold all lines, whole ones where lines are of sense, and know where each stands."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench.evidence.review.judging.chunks import chunks_of
from mlebench.evidence.review.texts import TextFile, bounded_text


def file(text: str, name: str = "run/logs/a.log") -> TextFile:
    return TextFile(name, "logs", text)


def test_small_files_share_a_chunk_and_each_stands_below_its_name() -> None:
    [chunk] = chunks_of([file("one\n", "a.py"), file("", "empty.py"), file("two\n", "b.py")], 10).shown
    assert chunk.text == "=== a.py ===\none\n=== b.py ===\ntwo"


def test_a_long_file_is_cut_at_lines_with_an_overlap() -> None:
    text = "".join(f"line {number:03}\n" for number in range(100))
    shown = chunks_of([file(text)], 100, characters=200, overlap=30).shown
    assert all(len(chunk.text) <= 200 for chunk in shown)
    lines = [chunk.text.split("\n")[1:] for chunk in shown]
    assert all(line in text.split("\n") for chunk in lines for line in chunk)
    for before, after in itertools.pairwise(lines):
        assert before[-3:] == after[:3]
    assert lines[0][0] == "line 000" and lines[-1][-1] == "line 099"


@given(st.lists(st.text("ab \n", max_size=60), max_size=6), st.integers(60, 120), st.integers(0, 40))
def test_every_line_of_every_file_is_shown_however_chunks_are_cut(texts: list[str], characters: int, overlap: int) -> None:
    files = [file(text, f"{place}.log") for place, text in enumerate(texts)]
    shown = chunks_of(files, 10_000, characters, overlap).shown
    assert all(len(chunk.text) <= characters for chunk in shown)
    for each in files:
        stretches = [part for chunk in shown for part in chunk.stretches if part.file == each.name]
        letters = {letter for part in stretches for letter in part.text}
        assert letters >= set(each.text.replace("\n", ""))
        for line, text in enumerate(each.text.split("\n"), 1):
            held = [
                part
                for part in stretches
                if part.first_line is not None and part.first_line <= line <= last_line(part.text, part.first_line)
            ]
            assert held or not text


def last_line(text: str, first: int) -> int:
    return first + text.count("\n")


def test_a_line_that_is_longer_than_a_chunk_is_shown_in_full() -> None:
    text = "".join(f"{number:06}" for number in range(500))
    shown = chunks_of([file(text)], 1000, characters=300, overlap=50).shown
    assert all(len(chunk.text) <= 300 for chunk in shown)
    assert all(any(f"{number:06}" in chunk.text for chunk in shown) for number in range(500))


def test_a_quote_at_a_border_stands_whole_in_a_chunk() -> None:
    text = "x" * 40 + "\n" + "".join(f"wrote {number} by hand\n" for number in range(50))
    shown = chunks_of([file(text)], 100, characters=250, overlap=60).shown
    for number in range(49):
        assert any(chunk.find(f"wrote {number} by hand wrote {number + 1} by hand") for chunk in shown)


def test_more_chunks_than_are_shown_are_left_out_evenly() -> None:
    text = "".join(f"line {number:03}\n" for number in range(100))
    every = chunks_of([file(text)], 100, characters=200, overlap=0)
    few = chunks_of([file(text)], 3, characters=200, overlap=0)
    assert few.left_out == len(every.shown) - 3
    assert [few.shown[0], few.shown[-1]] == [every.shown[0], every.shown[-1]]
    assert few.shown[1] in every.shown[1:-1]
    assert chunks_of([file(text)], 1, characters=200, overlap=0).shown == [every.shown[0]]
    assert chunks_of([file(text)], 1, characters=200, overlap=0).shown == [every.shown[0]]


def test_a_quote_is_found_but_for_blanks_and_nowhere_else() -> None:
    [chunk] = chunks_of([file("a\n\n  b  c\nd\n", "one"), file("e\n", "two")], 10).shown
    assert chunk.find("b c\n d") == ("one", 3)
    assert chunk.find("e") == ("two", 1)
    # neither names of files nor what stands on both sides of one are what was written
    assert chunk.find("one") is None
    assert chunk.find("d e") is None
    assert chunk.find("b  C") is None
    assert chunk.find("  ") is None


@pytest.mark.parametrize(
    "quote", ['I wrote "1"\nby hand', 'I wrote \\"1\\"\\nby hand', 'I wrote \\\\"1\\\\" by  hand', 'I wrote "1" by hand']
)
def test_a_quote_of_an_escaped_log_is_found_however_it_is_escaped(quote: str) -> None:
    [chunk] = chunks_of([file("first\n" + json.dumps({"said": 'I wrote "1"\nby hand'}) + "\n")], 10).shown
    assert chunk.find(quote) == ("run/logs/a.log", 2)
    assert chunk.find(quote.replace("1", "2")) is None


def test_lines_behind_a_middle_that_was_left_out_keep_their_numbers() -> None:
    text = "".join(f"{number:08}{'.' * 90}\n" for number in range(100_000))
    bounded = bounded_text("run/logs/a.log", "logs", text)
    shown = chunks_of([bounded], 1000).shown
    place = next(filter(None, (chunk.find(f"{99_998:08}{'.' * 90}") for chunk in shown)))
    assert place.line == 99_999
    last_before = bounded.text[: bounded.cut_at].rstrip("\n").rpartition("\n")[2]
    first_behind = bounded.text[bounded.cut_at :].partition("\n")[0]
    assert not any(chunk.find(f"{last_before} {first_behind}") for chunk in shown)


def test_colours_and_bars_of_progress_are_no_letters_and_no_lines() -> None:
    [chunk] = chunks_of([file("\x1b[31mred\x1b[0m\r\n 5%\r10%\nend\x00\n")], 10).shown
    assert chunk.text.split("\n")[1:] == ["red", " 5% 10%", "end"]
    assert chunk.find("end") == ("run/logs/a.log", 3)


def test_what_was_said_in_a_call_has_no_line() -> None:
    [chunk] = chunks_of(
        [TextFile("run/transcript/000001.json.gz", "transcript", "## agent\nI shall write them by hand")], 10
    ).shown
    assert chunk.find("by hand") == ("run/transcript/000001.json.gz", None)
