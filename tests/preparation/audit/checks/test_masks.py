"""Masks that lie beside test units in any layout are found where run lengths are asked for; other pictures are left alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlebench.preparation.audit.checks.answer_cells import answer_cells
from mlebench.preparation.audit.checks.masks import Reading, masks_of_units, runs_of
from tests.preparation.audit.toy import Toy, share_right


def toy_of_masks(folder: Path, reading: Reading) -> tuple[Toy, list[np.ndarray]]:
    toy = Toy(folder, "text", rows=20)
    masks = []
    for row in range(toy.rows):
        mask = np.zeros((24, 32), dtype=bool)
        top, left = toy.rng.integers(0, 12, 2)
        mask[top : top + 6, left : left + 9] = row % 5 > 0
        masks.append(mask)
        toy.answers[row] = runs_of(mask, reading) or "-"
    return toy, masks


def as_png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("reading", [("F", 1), ("C", 1), ("C", 0)])
def test_pictures_of_masks_tell_the_run_lengths(tmp_path: Path, reading: Reading) -> None:
    toy, masks = toy_of_masks(tmp_path, reading)
    for name, mask in zip(toy.ids, masks, strict=True):
        toy.write(f"overlay/{name}.png", as_png(200 * mask))
    case = toy.case()
    clue = next(clue for clue in answer_cells(case) if clue.file == "overlay/*.png")
    assert share_right(clue, case) == 1


def test_one_value_of_arrays_with_several_is_the_mask(tmp_path: Path) -> None:
    toy, masks = toy_of_masks(tmp_path, ("F", 1))
    for name, mask in zip(toy.ids, masks, strict=True):
        stream = io.BytesIO()
        np.save(stream, np.where(mask, 2, np.arange(32)[None, :] // 16).astype(np.int32))
        toy.write(f"overlay/{name}.npy", stream.getvalue())
    (found,) = masks_of_units(toy.case())
    assert found.alike >= 16


def test_other_masks_and_photographs_are_not_what_is_asked_for(tmp_path: Path) -> None:
    toy, masks = toy_of_masks(tmp_path, ("F", 1))
    for name, mask in zip(toy.ids, [*masks[7:], *masks[:7]], strict=True):
        toy.write(f"overlay/{name}.png", as_png(200 * mask))
        toy.write(f"photo/{name}.png", toy.image((24, 32)))
    assert list(masks_of_units(toy.case())) == []
