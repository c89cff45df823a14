from collections.abc import Callable

import numpy as np

from grading import Grader, RunLengths, per_edition
from grading.metrics.run_length import areas, overlaps

from .pictures import SIDE

PIXELS = SIDE * SIDE

Hits = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean_precision(truth: np.ndarray, prediction: np.ndarray, hits: Hits, *, empty_is_full: bool = False) -> float:
    """Mean over images of the share of IoU thresholds 0.5, 0.55, …, 0.95 that are hit; one object per image.

    An image without salt scores 1 for an empty mask and 0 for any other.

    Args:
        truth: runs of each image's mask, shape (images,).
        prediction: runs of each submitted mask, shape (images,).
        hits: computes the share of thresholds hit from intersection and union areas, shape (images,).
        empty_is_full: treat an empty mask as one that covers the image, as edition v1 does.

    Returns:
        0 to 1; higher is better.
    """
    expected, submitted = areas(list(truth)), areas(list(prediction))
    intersection = overlaps(list(truth), list(prediction))
    union = expected + submitted - intersection
    if empty_is_full:
        empty = submitted == 0
        intersection, union = np.where(empty, expected, intersection), np.where(empty, PIXELS, union)
    scores = np.where(expected == 0, submitted == 0, hits(intersection, np.maximum(union, 1)))
    return float(scores.mean())


def hits_of_2024(intersection: np.ndarray, union: np.ndarray) -> np.ndarray:
    """Thresholds with floating-point rounding, some slightly above the nominal value."""
    return np.mean((intersection / union)[:, None] > np.arange(0.5, 1.0, 0.05), axis=1)


def exact_hits(intersection: np.ndarray, union: np.ndarray) -> np.ndarray:
    """Thresholds of exactly k / 20, compared in integer arithmetic."""
    return np.mean(20 * intersection[:, None] > np.arange(10, 20) * union[:, None], axis=1)


def grader_with(hits: Hits, *, empty_is_full: bool) -> Grader:
    return Grader(
        id="id",
        columns={"rle_mask": RunLengths(PIXELS)},
        metric=lambda truth, prediction: mean_precision(truth, prediction, hits, empty_is_full=empty_is_full),
    )


grader = per_edition(
    v1=grader_with(hits_of_2024, empty_is_full=True),
    v2=grader_with(exact_hits, empty_is_full=False),
)
