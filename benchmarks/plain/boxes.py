"""Boxes and points in images, matched one by one, as evaluation scripts do."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from benchmarks.plain.table import matched


def chunks(cell: object, size: int) -> list[list[str]]:
    """The tokens of a cell in groups of a given size."""
    words = cell.split() if isinstance(cell, str) else []
    return [words[start : start + size] for start in range(0, len(words), size)]


def overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The IoU of corners x1, y1, x2, y2, shape (boxes, 4), with one box."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0))


def characters(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """F1 of points in boxes."""
    truth, guess = matched(submission, answers, "image_id")
    hits = total = 0
    for right, predicted in zip(truth["labels"], guess["labels"], strict=True):
        boxes, points = chunks(right, 5), [(label, float(x), float(y)) for label, x, y in chunks(predicted, 3)]
        total += len(boxes) + len(points)
        free = [True] * len(points)
        for name, *numbers in boxes:
            left, top, width, height = map(float, numbers)
            for place, (label, x, y) in enumerate(points):
                if free[place] and label == name and left < x < left + width and top < y < top + height:
                    free[place] = False
                    hits += 1
                    break
    return 2 * hits / total if total else 0.0


def covid_findings(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id")
    names = {label for cell in truth["PredictionString"] for label, *_ in chunks(cell, 6)}
    pairs: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    for right, predicted in zip(truth["PredictionString"], guess["PredictionString"], strict=True):
        boxes, found = by_label(right), by_label(predicted)
        for name in names:
            pairs[name] += of_image(boxes.get(name, []), found.get(name, []))
    return float(np.mean([average_precision_score(*zip(*each, strict=True)) for each in pairs.values()]))


def by_label(cell: object) -> dict[str, list[list[float]]]:
    """Confidence and corners."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for label, *numbers in chunks(cell, 6):
        groups[label].append([float(word) for word in numbers])
    return groups


def of_image(boxes: list[list[float]], found: list[list[float]]) -> list[tuple[int, float]]:
    """Whether each prediction is right and its confidence; a missed box has none."""
    corners, free, pairs = np.array(boxes).reshape(-1, 5)[:, 1:], np.ones(len(boxes), dtype=bool), []
    for confidence, *box in sorted(found, key=lambda each: -each[0]):
        overlap = np.where(free, overlaps(corners, np.array(box)), 0.0)
        best = int(overlap.argmax()) if len(overlap) else -1
        is_hit = best >= 0 and overlap[best] > 0.5
        if is_hit:
            free[best] = False
        pairs.append((int(is_hit), confidence))
    pairs += [(1, 0.0)] * int(free.sum())
    return pairs or [(0, 0.0)]


class Prediction(NamedTuple):
    number: int
    confidence: float
    box: np.ndarray
    """x, y, width, height as published, where width and height hold the lower right corner."""
    area: float


def radiograph_findings(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """COCO's average precision at IoU 0.4 with the faults of the published grader (see the competition's issues)."""
    images = {name: number for number, name in enumerate(answers["image_id"].unique())}
    columns = ["x_min", "y_min", "x_max", "y_max"]
    true: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = defaultdict(list)
    for number, (image, label, corners) in enumerate(
        zip(answers["image_id"], answers["class_id"], answers[columns].to_numpy(dtype=float), strict=True)
    ):
        true[images[image], label].append((number, np.append(corners[:2], corners[:2] + corners[2:])))
    found: dict[tuple[int, int], list[Prediction]] = defaultdict(list)
    number = 0
    for image, cell in zip(submission["image_id"], submission["PredictionString"], strict=True):
        for label, confidence, *words in chunks(cell, 6):
            box = np.array([float(word) for word in words])
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            extent = np.append(box[:2], box[:2] + box[2:])
            found[images[image], int(float(label))].append(Prediction(number, float(confidence), extent, area))
            number += 1
    precisions = [
        class_precision([(true[image, label], found[image, label]) for image in range(len(images))])
        for label in sorted(answers["class_id"].unique())
    ]
    return float(np.mean(precisions))


def class_precision(images: list[tuple[list[tuple[int, np.ndarray]], list[Prediction]]]) -> float:
    confidences, hits, total = [], [], 0
    for boxes, found in images:
        total += len(boxes)
        extents = np.array([box for _, box in boxes]).reshape(-1, 4)
        free = np.ones(len(boxes), dtype=bool)
        for each in sorted(found, key=lambda one: -one.confidence)[:100]:
            overlap = np.where(free, overlaps(extents, each.box), -1.0)
            # among equals COCO takes the last
            best = len(overlap) - 1 - int(overlap[::-1].argmax()) if len(overlap) else -1
            is_match = best >= 0 and overlap[best] >= 0.4
            if is_match and each.number != 0:
                free[best] = False
            is_hit = is_match and boxes[best][0] != 0
            if is_hit or 0 <= each.area <= 1e10:
                confidences.append(each.confidence)
                hits.append(is_hit)
    if not hits:
        return 0.0
    ranked = np.array(hits)[np.argsort(-np.array(confidences), kind="mergesort")]
    right = ranked.cumsum()
    recall, precision = right / total, right / np.arange(1, len(right) + 1)
    precision = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(precision[np.searchsorted(recall, np.linspace(0, 1, 101), side="left")].mean())


class Cuboid(NamedTuple):
    confidence: float
    middle: np.ndarray
    size: np.ndarray
    """Width, length, height."""
    ground: list[tuple[float, float]]
    """The corners of its rectangle, counter-clockwise."""


def vehicles(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over samples and IoU thresholds of the mean average precision over the sample's classes."""
    truth, guess = matched(submission, answers, "Id")
    thresholds = np.arange(50, 100, 5) / 100
    scores = []
    for right, predicted in zip(truth["PredictionString"], guess["PredictionString"], strict=True):
        boxes, found = cuboids(right), cuboids(predicted)
        if boxes:
            scores.append(np.mean([sample_precision(boxes[name], found.get(name, []), thresholds) for name in boxes]))
    return float(np.mean(scores))


def cuboids(cell: object) -> dict[str, list[Cuboid]]:
    """The objects of a sample by class."""
    groups: dict[str, list[Cuboid]] = defaultdict(list)
    for *words, name in chunks(cell, 9):
        confidence, x, y, z, width, length, height, yaw = map(float, words)
        cos, sin = np.cos(yaw), np.sin(yaw)
        corners = [(length / 2, -width / 2), (length / 2, width / 2), (-length / 2, width / 2), (-length / 2, -width / 2)]
        ground = [(x + cos * a - sin * b, y + sin * a + cos * b) for a, b in corners]
        groups[name].append(Cuboid(confidence, np.array([x, y, z]), np.array([width, length, height]), ground))
    return groups


def sample_precision(boxes: list[Cuboid], found: list[Cuboid], thresholds: np.ndarray) -> float:
    """Average precision of one class in one sample, mean over the thresholds."""
    found = sorted(found, key=lambda each: -each.confidence)
    if not found:
        return 0.0
    overlap = np.array([[cuboid_overlap(each, box) for box in boxes] for each in found])
    best, most = overlap.argmax(axis=1), overlap.max(axis=1)
    values = []
    for threshold in thresholds:
        free, hits = np.ones(len(boxes), dtype=bool), np.zeros(len(found))
        for number, (box, value) in enumerate(zip(best, most, strict=True)):
            if value > threshold and free[box]:
                free[box], hits[number] = False, 1
        right = hits.cumsum()
        recall = np.concatenate([[0], right / len(boxes), [1]])
        precision = np.concatenate([[0], right / np.arange(1, len(found) + 1), [0]])
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        values.append(np.sum(np.diff(recall) * precision[1:]))
    return float(np.mean(values))


def cuboid_overlap(one: Cuboid, other: Cuboid) -> float:
    distance, reach = one.middle - other.middle, one.size[:2].sum() + other.size[:2].sum()
    upper = min(one.middle[2] + one.size[2] / 2, other.middle[2] + other.size[2] / 2)
    lower = max(one.middle[2] - one.size[2] / 2, other.middle[2] - other.size[2] / 2)
    if upper <= lower or abs(distance[0]) > reach or abs(distance[1]) > reach:
        return 0.0
    shared = shared_area(one.ground, other.ground) * (upper - lower)
    return float(min(1.0, max(0.0, shared / (one.size.prod() + other.size.prod() - shared))))


def shared_area(polygon: list[tuple[float, float]], window: list[tuple[float, float]]) -> float:
    """The area of two convex polygons' intersection: the first is cut by each side of the second."""
    for (ax, ay), (bx, by) in zip(window, [*window[1:], window[0]], strict=True):
        sides = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in polygon]
        cut = []
        for number, (x, y) in enumerate(polygon):
            here, there = sides[number], sides[(number + 1) % len(polygon)]
            nx, ny = polygon[(number + 1) % len(polygon)]
            if here >= 0:
                cut.append((x, y))
            if (here > 0 > there) or (here < 0 < there):
                part = here / (here - there)
                cut.append((x + part * (nx - x), y + part * (ny - y)))
        polygon = cut
        if len(polygon) < 3:
            return 0.0
    return 0.5 * sum(x * ny - nx * y for (x, y), (nx, ny) in zip(polygon, [*polygon[1:], polygon[0]], strict=True))
