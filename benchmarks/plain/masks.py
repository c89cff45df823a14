"""Masks, decoded into arrays run by run, as Kaggle notebooks do."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial.distance import directed_hausdorff
from sklearn.metrics import fbeta_score

from benchmarks.plain.table import matched

SALT_SIDE = 101


def decoded(runs: object, pixels: int) -> np.ndarray:
    """A flat mask; a missing cell is an empty mask."""
    mask = np.zeros(int(pixels), dtype=bool)
    numbers = [int(word) for word in runs.split()] if isinstance(runs, str) and runs != "-" else []
    for start, length in zip(numbers[0::2], numbers[1::2], strict=True):
        mask[start - 1 : start - 1 + length] = True
    return mask


def dice(truth: np.ndarray, guess: np.ndarray) -> float:
    total = np.count_nonzero(truth) + np.count_nonzero(guess)
    return 2 * np.count_nonzero(truth & guess) / total if total else 1.0


def pooled_contrails(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "record_id")
    shared = total = 0
    for right, predicted, pixels in zip(
        truth["encoded_pixels"], guess["encoded_pixels"], truth["height"] * truth["width"], strict=True
    ):
        a, b = decoded(right, pixels), decoded(predicted, pixels)
        shared += int(np.count_nonzero(a & b))
        total += int(np.count_nonzero(a) + np.count_nonzero(b))
    return 2 * shared / total


def kidneys(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id")
    pixels = truth["height_pixels"] * truth["width_pixels"]
    rows = zip(truth["encoding"], guess["predicted"], pixels, strict=True)
    return float(np.mean([dice(decoded(a, size), decoded(b, size)) for a, b, size in rows]))


def ink(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "Id")
    rows = zip(truth["Predicted"], guess["Predicted"], truth["height"] * truth["width"], strict=True)
    return float(np.mean([fbeta_score(decoded(a, size), decoded(b, size), beta=0.5) for a, b, size in rows]))


def salt(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """An empty mask counts as a full one if there is salt, as in the published grader."""
    truth, guess = matched(submission, answers, "id")
    thresholds = np.arange(0.5, 1.0, 0.05)
    scores = []
    for right, predicted in zip(truth["rle_mask"], guess["rle_mask"], strict=True):
        a, b = decoded(right, SALT_SIDE**2), decoded(predicted, SALT_SIDE**2)
        if not a.any():
            scores.append(float(not b.any()))
            continue
        b = b if b.any() else ~b
        scores.append(float(np.mean(np.count_nonzero(a & b) / np.count_nonzero(a | b) > thresholds)))
    return float(np.mean(scores))


def organs(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """0.4 · mean Dice + 0.6 · (1 − mean distance of the scans' volumes)."""
    truth, guess = matched(submission, answers, ["id", "class"])
    sizes = list(zip(truth["image_width"].astype(int), truth["image_height"].astype(int), strict=True))
    true = [decoded(cell, w * h).reshape(w, h).T for cell, (w, h) in zip(truth["predicted"], sizes, strict=True)]
    found = [decoded(cell, w * h).reshape(w, h).T for cell, (w, h) in zip(guess["predicted"], sizes, strict=True)]
    overlaps = [dice(a, b) for a, b in zip(true, found, strict=True) if a.any() or b.any()]
    distances = []
    scans = truth["id"].str.split("_slice_").str[0]
    for rows in truth.groupby(scans, sort=False).indices.values():
        slices = list(truth["id"].iloc[rows].groupby(truth["id"].iloc[rows]).indices.values())
        a = np.stack([np.any([true[rows[k]] for k in each], axis=0) for each in slices])
        b = np.stack([np.any([found[rows[k]] for k in each], axis=0) for each in slices])
        if a.any() or b.any():
            distances.append(distance(a, b))
    return float(0.4 * np.mean(overlaps) + 0.6 * (1 - np.mean(distances)))


def distance(truth: np.ndarray, guess: np.ndarray) -> float:
    """Hausdorff distance in the unit cube, divided by its diagonal."""
    if not truth.any() or not guess.any() or guess.sum() > 10 * truth.sum():
        return 1.0
    a, b = np.argwhere(truth) / truth.shape, np.argwhere(guess) / truth.shape
    return float(max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0]) / np.sqrt(3))
