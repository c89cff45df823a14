"""What a listing says of files, and how large their images are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.sizes_and_times import sizes_and_times
from tests.preparation.audit.toy import Kind, Toy, share_right

START = 1_600_000_000

MARKS: dict[str, Callable[[Path, int, int], None]] = {
    "later by a day": lambda file, row, label: os.utime(file, (START, START + 86_400 * label)),
    "the second": lambda file, row, label: os.utime(file, (START, START + 7 * row * 60 + label)),
    "the minute": lambda file, row, label: os.utime(file, (START, START + 3600 * (row * 37 % 50) + 60 * label)),
    "a millionth of a second": lambda file, row, label: os.utime(file, ns=(0, START * 10**9 + row * 10**9 + 1000 * (1 + label))),
    "permissions": lambda file, row, label: file.chmod(0o644 if label else 0o600),
    "bytes at the end": lambda file, row, label: file.write_bytes(file.read_bytes()[:180] + bytes(600 + 10 * (row % 7) + label)),
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS.keys())
def test_a_file_whose_entry_tells_the_answer_is_found(tmp_path: Path, mark: Callable[[Path, int, int], None]) -> None:
    toy = Toy(tmp_path, "binary", 80)
    for row, (name, answer) in enumerate(zip(toy.ids, toy.answers, strict=True)):
        mark(toy.write(f"test/{name}.png", toy.image()), row, int(answer))
    case = toy.case()
    (clue,) = sizes_and_times(case)
    assert share_right(clue, case) > 0.95


def test_an_image_whose_width_tells_the_class_is_a_clue(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "class", 80)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        width = 20 + 10 * len(answer) + int(toy.rng.integers(0, 5)) + (40 if answer == "cat" else 0)
        toy.write(f"test/{name}.png", toy.image((400 // width, width)))
    assert [*sizes_and_times(toy.case())]


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_files_of_any_size_and_time_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    for name in toy.ids:
        file = toy.write(f"test/{name}.png", toy.image((int(toy.rng.integers(4, 9)), 8)))
        os.utime(file, ns=(0, START * 10**9 + int(toy.rng.integers(0, 10**14))))
    assert [*sizes_and_times(toy.case())] == []


def test_a_size_that_depends_on_the_content_a_little_does_not_ring(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 200)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}.png", toy.image((16 + 2 * int(answer) + int(toy.rng.integers(0, 8)), 16)))
    assert [*sizes_and_times(toy.case())] == []
