"""Scores of boxes, points and volumes, against their definitions written out image by image."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import average_precision_score

from grading.metrics.boxes import average_precision, greedy_match, iou_matrix
from grading.metrics.boxes_3d import iou_of_pairs
from grading.metrics.run_length import encode
from mlebench.registry import Registry
from mlebench.registry.edition import EditionName
from tests.competitions.folders import module

seeds = pytest.mark.parametrize("seed", range(8))
Objects = list[list[object]]


def grade(name: str, edition: EditionName, answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    grader = Registry().set_edition(edition).get_competition(name).grader
    return grader.score(submission.sample(frac=1, random_state=0), answers)


def table(columns: list[str], rows: list[Objects]) -> pd.DataFrame:
    cells = [" ".join(str(field) for item in row for field in item) for row in rows]
    return pd.DataFrame({columns[0]: [f"i{k:03d}" for k in range(len(rows))], columns[1]: cells})


def turned_boxes(rng: np.random.Generator, truth: bool) -> list[Objects]:
    samples = []
    for _ in range(4):
        count = int(rng.integers(1, 25))
        sizes = np.column_stack([rng.integers(0, 6, (count, 2)), np.zeros(count), rng.integers(1, 4, (count, 3))])
        samples.append(
            [
                [1 if truth else rng.integers(0, 4) / 4, *box, round(yaw, 2), name]
                for box, yaw, name in zip(
                    sizes.tolist(), rng.uniform(-3, 3, count), rng.choice(["car", "bus"], count), strict=True
                )
            ]
        )
    return samples


@seeds
def test_turned_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guesses = turned_boxes(rng, True), turned_boxes(rng, False)
    for sample, boxes in zip(guesses, truth, strict=True):
        sample += [[0.6, *box[1:6], box[6] * 0.8, *box[7:]] for box in boxes]
    means = []
    for boxes, found in zip(truth, guesses, strict=True):
        precisions = []
        for name in {box[-1] for box in boxes}:
            true = np.array([box[1:-1] for box in boxes if box[-1] == name], dtype=float)
            ranked = sorted((item for item in found if item[-1] == name), key=lambda item: -float(str(item[0])))
            for threshold in np.arange(50, 100, 5) / 100:
                taken, hits = set(), []
                for item in ranked:
                    overlap = iou_of_pairs(np.repeat([item[1:-1]], len(true), axis=0).astype(float), true)
                    best = int(np.argmax(overlap))
                    hits.append(overlap[best] > threshold and best not in taken)
                    taken |= {best} if hits[-1] else set()
                precisions.append(average_precision(np.array(hits, dtype=bool), len(true)))
        means.append(np.mean(precisions))
    columns = ["Id", "PredictionString"]
    score = grade("3d-object-detection-for-autonomous-vehicles", "v2", table(columns, truth), table(columns, guesses))
    assert 0 < score < 1
    assert score == pytest.approx(np.mean(means), abs=1e-12)


@seeds
def test_points_in_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guesses, hits, total = [], [], 0, 0
    for _ in range(5):
        names = ["U+4E00", "U+3042"]
        boxes = [[rng.choice(names), *rng.integers(0, 12, 2), *rng.integers(1, 9, 2)] for _ in range(int(rng.integers(0, 12)))]
        points = [[rng.choice(names), *(rng.integers(0, 36, 2) / 2)] for _ in range(int(rng.integers(0, 30)))]
        free = set(range(len(points)))
        for name, x, y, width, height in boxes:
            for k in sorted(free):
                if points[k][0] == name and x < points[k][1] < x + width and y < points[k][2] < y + height:
                    free.discard(k)
                    hits += 1
                    break
        total += len(boxes) + len(points)
        truth.append(boxes)
        guesses.append(points)
    columns = ["image_id", "labels"]
    score = grade("kuzushiji-recognition", "v2", table(columns, truth), table(columns, guesses))
    assert score == pytest.approx(2 * hits / total)


def findings(rng: np.random.Generator, labels: list[str], truth: bool) -> list[Objects]:
    images = []
    for _ in range(6):
        count = int(rng.integers(1, 5 if truth else 12))
        corners = rng.integers(0, 4, (count, 2))
        boxes = np.hstack([corners, corners + rng.integers(1, 6, (count, 2))]).tolist()
        images.append([[rng.choice(labels), 1 if truth else rng.integers(0, 5) / 4, *box] for box in boxes])
    return images


@seeds
def test_published_findings_of_covid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guesses = (findings(rng, ["opacity", "none"], is_truth) for is_truth in (True, False))
    precisions = []
    for label in ("none", "opacity"):
        hits, scores, missed, silent = [], [], 0, 0
        for boxes, found in zip(truth, guesses, strict=True):
            true = np.array([box[2:] for box in boxes if box[0] == label], dtype=float).reshape(-1, 4)
            ranked = sorted((box for box in found if box[0] == label), key=lambda box: -float(str(box[1])))
            matched = greedy_match(iou_matrix(np.array([box[2:] for box in ranked], dtype=float).reshape(-1, 4), true), 0.5) >= 0
            hits += matched.tolist()
            scores += [box[1] for box in ranked]
            missed += len(true) - int(matched.sum())
            silent += not len(true) and not ranked
        is_true = np.concatenate([hits, np.ones(missed), np.zeros(silent)])
        precisions.append(average_precision_score(is_true, np.concatenate([scores, np.zeros(missed + silent)])))
    columns = ["id", "PredictionString"]
    score = grade("siim-covid19-detection", "v1", table(columns, truth), table(columns, guesses))
    assert score == pytest.approx(np.mean(precisions))


@seeds
def test_the_most_confident_findings_of_each_image_and_class_are_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = module("vinbigdata-chest-xray-abnormalities-detection", "grade")
    images, labels, confidence = rng.integers(0, 3, 2000), rng.integers(0, 3, 2000), rng.integers(0, 50, 2000) / 7
    found = boxes.Boxes(images, labels, np.zeros((2000, 4)))
    expected: list[int] = []
    for image, label in {*zip(images.tolist(), labels.tolist(), strict=True)}:
        rows = np.flatnonzero((images == image) & (labels == label))
        expected += sorted(rows.tolist(), key=lambda row: -confidence[row])[:100]
    assert boxes.strongest(found, confidence).tolist() == sorted(expected)


@pytest.mark.parametrize(("edition", "order"), [("v1", "F"), ("v2", "C")])
@seeds
def test_volumes(seed: int, edition: EditionName, order: str) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(5, 25, 2))
    dense, rows, guesses = {}, [], []
    for scan in range(3):
        truth = rng.random((8, 2, height, width)) < rng.choice([0, 0.01, 0.3])
        guess = np.roll(truth, 2, axis=3) | (rng.random(truth.shape) < 0.01)
        # slices full to their last pixel touch the next ones
        guess[4] |= rng.random() < 0.5
        dense[scan] = truth, guess
        for place in rng.permutation(8):
            for organ in range(2):
                key = (f"case{scan}_slice_{place:04d}", f"organ {organ}")
                rows.append((*key, encode(truth[place, organ], order), height, width))
                guesses.append((*key, encode(guess[place, organ], order)))
    overlaps, distances = [], []
    for masks in dense.values():
        for a, b in zip(*(part.reshape(-1, height * width) for part in masks), strict=True):
            overlaps.append(2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() or b.any() else np.nan)
        a, b = (part.any(axis=1) for part in masks)
        if not a.any() and not b.any():
            distances.append(np.nan)
        elif not a.any() or not b.any() or (edition == "v1" and b.sum() > 10 * a.sum()):
            distances.append(1.0)
        else:
            spacing = 1 / np.array(a.shape)
            apart = [distance_transform_edt(~goal, sampling=spacing)[start].max() for start, goal in ((a, b), (b, a))]
            distances.append(max(apart) / np.sqrt(3))
    answers = pd.DataFrame(rows, columns=["id", "class", "predicted", "image_height", "image_width"])
    score = grade(
        "uw-madison-gi-tract-image-segmentation", edition, answers, pd.DataFrame(guesses, columns=["id", "class", "predicted"])
    )
    assert score == pytest.approx(0.4 * np.nanmean(overlaps) + 0.6 * (1 - np.nanmean(distances)), abs=1e-12)
