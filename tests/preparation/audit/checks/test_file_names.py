"""Names, folders and ids that tell the class of a test row."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.file_names import file_names
from tests.preparation.audit.toy import Kind, Toy, share_right

NAMES: dict[str, Callable[[str, str], str]] = {
    "a folder for each class": lambda name, label: f"test/{label}/{name}.png",
    "a folder with a number for each class": lambda name, label: f"test/c{('cat', 'dog', 'newt').index(label)}/{name}.png",
    "behind the id": lambda name, label: f"test/{name}_{label}.png",
    "before the id": lambda name, label: f"test/{label.upper()}/a/{name}.png",
    "a digest for a folder": lambda name, label: f"test/{hashlib.md5(label.encode()).hexdigest()}/{name}.png",
    "base64 for a folder": lambda name, label: f"test/{base64.b64encode(label.encode()).decode()}/{name}.png",
    "a letter behind the id": lambda name, label: f"test/{name}_{label[0]}.png",
}


@pytest.mark.parametrize("name_of", NAMES.values(), ids=NAMES.keys())
def test_a_path_that_tells_the_class_is_found(tmp_path: Path, name_of: Callable[[str, str], str]) -> None:
    toy = Toy(tmp_path)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(name_of(name, answer), toy.image())
    case = toy.case()
    (clue,) = file_names(case)
    assert share_right(clue, case) == 1
    assert clue.file.startswith("test/")


def test_members_of_an_archive_are_files_as_well(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.archive("test.zip", {f"{a}/{name}.wav": toy.sound() for name, a in zip(toy.ids, toy.answers, strict=True)})
    case = toy.case()
    (clue,) = file_names(case)
    assert clue.file == "test.zip!/*/*.wav" and share_right(clue, case) == 1


@pytest.mark.parametrize(
    "code", [lambda row, label: f"{label}{row:05}", lambda row, label: str(30 * row + 10 * ("cat", "dog", "newt").index(label))]
)
def test_an_id_that_tells_the_class_is_found(tmp_path: Path, code: Callable[[int, str], str]) -> None:
    toy = Toy(tmp_path, rows=90)
    toy.ids = [code(100 + row, label) for row, label in enumerate(toy.answers)]
    toy.test["id"] = toy.ids
    case = toy.case()
    (clue,) = file_names(case)
    assert share_right(clue, case) == 1


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_names_of_nothing_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    for name in toy.ids:
        camera, digit = toy.rng.integers(0, 3), toy.rng.integers(0, 2)
        toy.write(f"test/camera{camera}/{name}_{digit}.png", toy.image())
    assert [*file_names(toy.case())] == []
