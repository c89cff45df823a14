"""Annotations of test images whose outlines are the masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.outlines import outlined
from mlebench.preparation.audit.labels import TrainLabels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import Target, Truth
from mlebench.registry import Competition

WIDTH, HEIGHT = 60, 40


def runs_of(box: tuple[int, int, int, int], down: bool) -> str:
    """The run lengths of a box of x, y, width and height."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    x, y, width, height = box
    mask[y : y + height, x : x + width] = True
    flat = (mask.T if down else mask).ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(int), [0]])))
    return " ".join(f"{start + 1} {end - start}" for start, end in zip(edges[::2], edges[1::2], strict=True))


def case_of(folder: Path, boxes: list[tuple[int, int, int, int]], down: bool) -> Case:
    ids = [f"image{k}" for k in range(len(boxes))]
    masks = [runs_of(box, down) for box in boxes]
    perfect = pd.DataFrame({"id": ids, "predicted": masks})
    table = perfect.assign(width_pixels=WIDTH, height_pixels=HEIGHT)
    target = Target("predicted", "text", np.array(masks, dtype=object), ("predicted",))
    truth = Truth(table, perfect, ("id",), (target,), frozenset({"id"}))
    # outlines ask nothing of the competition
    return Case(cast(Competition, None), Seen(folder), truth, TrainLabels({}))


def annotate(folder: Path, boxes: list[tuple[int, int, int, int]]) -> None:
    for k, (x, y, width, height) in enumerate(boxes):
        ring = [[x, y], [x + width - 1, y], [x + width - 1, y + height - 1], [x, y + height - 1], [x, y]]
        feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"name": "cell"}}
        (folder / f"image{k}.json").write_text(json.dumps([feature]))


BOXES = [(1, 2, 9, 20), (30, 10, 20, 9), (5, 25, 30, 12), (44, 1, 12, 30), (20, 5, 8, 8)]


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("images", [3, 5])
def test_outlines_that_are_the_masks_are_found(tmp_path: Path, down: bool, images: int) -> None:
    annotate(tmp_path, BOXES[:images])
    case = case_of(tmp_path, BOXES[:images], down)
    (clue,) = outlined(case, "answer-cells")
    assert clue.file == "*.json" and [*clue.guesses[0].values] == [*case.truth.targets[0].values]


def test_outlines_of_something_else_are_left_alone(tmp_path: Path) -> None:
    annotate(tmp_path, BOXES[1:] + BOXES[:1])
    assert not [*outlined(case_of(tmp_path, BOXES, True), "answer-cells")]


def test_outlines_that_are_the_same_of_all_images_are_left_alone(tmp_path: Path) -> None:
    annotate(tmp_path, [(0, 0, WIDTH, HEIGHT)] * 5)
    assert not [*outlined(case_of(tmp_path, [(0, 0, WIDTH - 1, HEIGHT - k) for k in range(5)], True), "answer-cells")]
