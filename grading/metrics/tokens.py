"""Metrics of cells that hold a list of tokens: ranked candidates and sets of labels.

Cells come as arrays of text, shape (n,). True tokens are separated by white space, and so are predicted ones, except where a
`separator` is given: then by exactly that text, of which two in a row enclose an empty token, which takes a rank but is
never correct.
"""

from __future__ import annotations

from itertools import chain

import numpy as np

from grading.metrics.combine import Metric


def mean_average_precision(k: int, *, separator: str | None = None) -> Metric:
    """Mean over rows of the average precision at `k`.

    A row's candidates are cut to the first `k`. Each correct candidate that is not a repeat contributes the precision at
    its rank; the sum is divided by the number of correct tokens, at most `k`. With one correct token per row this is 1 / rank.
    Definition: https://www.kaggle.com/wiki/MeanAveragePrecision

    Returns:
        A metric of the correct tokens (in any order) and the candidates (best first), 0 to 1; a row without correct tokens counts
        0. Higher is better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        gains = np.zeros(len(truth))
        for row, (right, cell) in enumerate(zip(truth.tolist(), prediction.tolist(), strict=True)):
            tokens = right.split()
            if tokens == [cell]:
                gains[row] = 1
            # searching the text is cheaper than splitting it
            elif any(token in cell for token in tokens):
                gains[row] = _average_precision(set(tokens), cell.split(separator, k)[:k], k)
        return float(np.mean(gains))

    return metric


def _average_precision(right: set[str], candidates: list[str], k: int) -> float:
    """For one row; empties `right`, so that each correct token counts once."""
    most, hits, gain = min(len(right), k), 0, 0.0
    for rank, token in enumerate(candidates, start=1):
        if token in right:
            right.remove(token)
            hits += 1
            gain += hits / rank
    return gain / most


def micro_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 over all pairs of a row and a token: 2·TP / (2·TP + FP + FN).

    Args:
        truth: the labels of each row, separated by white space; repeats count once.
        prediction: the same; labels that occur in no row of `truth` are false positives.

    Returns:
        0 to 1; 0 if nothing is correct; higher is better. Source: scikit-learn's `f1_score(average="micro")`.
    """
    shared, right, predicted = (sizes.sum() for sizes in _set_sizes(truth, prediction))
    return float(2 * shared / (right + predicted)) if right + predicted else 0.0


def micro_f1_of_known(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`micro_f1` ignoring predicted tokens that occur in no row of `truth`."""
    known = set(chain.from_iterable(map(str.split, truth.tolist())))
    shared, right, predicted = (sizes.sum() for sizes in _set_sizes(truth, prediction, known))
    return float(2 * shared / (right + predicted)) if right + predicted else 0.0


def mean_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over rows of F1 = 2·TP / (2·TP + FP + FN) of the row's set of labels.

    Args:
        truth: the labels of each row, separated by white space; repeats count once.
        prediction: the same; labels that occur in no row of `truth` are false positives.

    Returns:
        0 to 1; a row without labels on either side counts 0; higher is better.
        Definition: https://www.kaggle.com/wiki/MeanFScore
    """
    shared, right, predicted = _set_sizes(truth, prediction)
    return float(np.mean(_ratio(2 * shared, right + predicted, empty=0.0)))


def mean_jaccard(both_empty: float) -> Metric:
    """Mean over rows of the Jaccard similarity |A ∩ B| / |A ∪ B| of two sets of words, case-insensitive.

    Words are separated by white space; punctuation belongs to its word.
    Definition: https://www.kaggle.com/c/tweet-sentiment-extraction/overview/evaluation

    Args:
        both_empty: the score of a row without words on either side.

    Returns:
        A metric of two arrays of text, 0 to 1; higher is better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        shared, right, predicted = _set_sizes(_lowered(truth), _lowered(prediction))
        return float(np.mean(_ratio(shared, right + predicted - shared, empty=both_empty)))

    return metric


def _lowered(texts: np.ndarray) -> np.ndarray:
    return np.array([*map(str.lower, texts.tolist())], dtype=object)


def _ratio(part: np.ndarray, whole: np.ndarray, *, empty: float) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), empty), where=whole > 0))


def _set_sizes(truth: np.ndarray, prediction: np.ndarray, known: set[str] | None = None) -> np.ndarray:
    """The number of shared, correct and predicted distinct tokens per row, the last only if `known`; shape (3, n)."""
    sizes: tuple[list[int], list[int], list[int]] = [], [], []
    shared, right, predicted = (size.append for size in sizes)
    # the sets of all rows at once would exhaust memory and keep the garbage collector busy
    for true_cell, cell in zip(truth.tolist(), prediction.tolist(), strict=True):
        tokens = candidates = set(true_cell.split())
        if cell != true_cell:
            candidates = set(cell.split()) if known is None else known.intersection(cell.split())
        shared(len(tokens & candidates))
        right(len(tokens))
        predicted(len(candidates))
    return np.array(sizes, dtype=np.int64)
