"""Pixels and bytes at the same place of all files that tell the answer."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from mlebench.preparation.audit.checks.marks import marks
from tests.preparation.audit.toy import Kind, Toy, share_right


def marked(toy: Toy, shade: int, ending: str = "PNG") -> bytes:
    from PIL import Image

    pixels = toy.rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    pixels[:8, -8:] = shade
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, ending)
    return stream.getvalue()


@pytest.mark.parametrize("ending", ["png", "jpeg"])
def test_a_corner_that_has_a_colour_for_each_class_is_found(tmp_path: Path, ending: str) -> None:
    toy = Toy(tmp_path, "class", 80)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}.{ending}", marked(toy, {"cat": 0, "dog": 120, "newt": 255}[answer], ending.upper()))
    case = toy.case()
    (clue,) = marks(case)
    assert share_right(clue, case) > 0.95
    assert [*marks(dataclasses.replace(case, quick=True))] == []


def test_the_lowest_bit_of_a_pixel_is_looked_at(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 80)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}.png", marked(toy, 2 * int(toy.rng.integers(0, 120)) + int(answer)))
    case = toy.case()
    (clue,) = marks(case)
    assert share_right(clue, case) == 1


def test_the_last_sample_of_a_sound_is_looked_at(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 80)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}.wav", toy.sound()[:-1] + bytes([int(answer)]))
    case = toy.case()
    (clue,) = marks(case)
    assert share_right(clue, case) == 1


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_pictures_and_sounds_of_noise_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    for name in toy.ids:
        toy.write(f"test/{name}.png", toy.image())
        toy.write(f"sounds/{name}.wav", toy.sound())
    assert [*marks(toy.case())] == []
