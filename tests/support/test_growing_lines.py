"""Lines of a file that grows are read once each, and anew where the file was replaced, whatever stands in it."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from mlebench._support.growing_lines import GrowingLines
from mlebench._support.ledger import LONGEST_LINE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


def lines_of(path: Path, most: int = 2**30) -> GrowingLines:
    return GrowingLines(path, path.parent, most)


def numbers(lines: GrowingLines) -> list[object]:
    return [entry.get("n") for entry in lines.new()]


def line(number: int, more: str = "") -> bytes:
    return json.dumps({"n": number, "more": more}).encode() + b"\n"


def test_each_line_comes_once_however_the_file_grows(path: Path) -> None:
    rng = random.Random(0)
    content = b"".join(line(number, "x" * rng.randrange(200)) for number in range(2000))
    lines, found, place = lines_of(path), list[object](), 0
    while place < len(content):
        with path.open("ab") as file:
            file.write(content[place : (place := place + rng.randrange(3000))])
        assert not lines.is_replaced()
        found += numbers(lines)
    assert found == list(range(2000))


def test_what_is_no_object_is_left_out(path: Path) -> None:
    path.write_bytes(b"\n[]\n{\nnull\n\xff\n" + line(1) + b'{"n": 2')
    assert numbers(lines := lines_of(path)) == [1]
    with path.open("ab") as file:
        file.write(b"}\n")
    assert numbers(lines) == [2]


def test_a_line_longer_than_any_of_ours_is_passed_over(path: Path) -> None:
    path.write_bytes(line(1) + b"x" * (9 * LONGEST_LINE) + b"\n" + line(2))
    assert numbers(lines_of(path)) == [1, 2]


def test_a_file_that_took_its_place_is_read_from_its_beginning(path: Path) -> None:
    path.write_bytes(line(1) + line(2))
    assert numbers(lines := lines_of(path)) == [1, 2]
    path.unlink()
    path.write_bytes(line(7) + line(8) + line(9))
    assert lines.is_replaced() and numbers(lines) == [7, 8, 9]
    assert not lines.is_replaced() and numbers(lines) == []


def test_a_file_that_was_written_anew_in_place_is_read_from_its_beginning(path: Path) -> None:
    path.write_bytes(line(1) * 100)
    list((lines := lines_of(path)).new())
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(line(2) * 200)
    assert lines.is_replaced() and numbers(lines) == [2] * 200


def test_a_file_that_is_gone_counts_as_an_empty_one(path: Path) -> None:
    lines = lines_of(path)
    assert not lines.is_replaced() and numbers(lines) == []
    path.write_bytes(line(1))
    assert not lines.is_replaced() and numbers(lines) == [1]
    path.unlink()
    assert lines.is_replaced() and numbers(lines) == []
    os.mkfifo(path)
    assert not lines.is_replaced() and numbers(lines) == []


def test_no_more_is_read_than_is_asked_for(path: Path) -> None:
    path.write_bytes(line(1) * 1000)
    lines = lines_of(path, most=10 * len(line(1)) + 3)
    assert numbers(lines) == [1] * 10 and lines.is_cut
    assert numbers(lines) == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "calls.jsonl").write_bytes(line(1))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "attempts").symlink_to(tmp_path / "outside")
    lines = GrowingLines(tmp_path / "run" / "attempts" / "calls.jsonl", tmp_path / "run", 2**20)
    assert list(lines.new()) == []
    assert lines.problem is not None and lines.problem.strerror == "a link"
    (tmp_path / "run" / "attempts").unlink()
    assert list(lines.new()) == []
    assert lines.problem is None
