"""Metrics of cells that hold a list of tokens: ranked candidates and sets of labels.

Cells come as arrays of text, shape (n,). True tokens are separated by white space, and so are predicted ones, except where a
`separator` is given: then by exactly that text, of which two in a row enclose an empty token, which takes a rank but is
never correct.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def ndcg(k: int) -> Metric:
    """Mean over rows of the normalised discounted cumulative gain at `k`, every correct token being worth the same.

    A correct candidate at rank r that is not a repeat adds 1 / log2(r + 1); the sum is divided by that of the best possible list.
    Definition: https://www.kaggle.com/c/airbnb-recruiting-new-user-bookings/overview/evaluation

    Returns:
        A metric of the correct tokens (in any order) and the candidates (best first), 0 to 1; a row without correct tokens counts
        0. Higher is better.
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        gains = np.zeros(len(truth))
        for row, ranks in _ranks_of_hits(truth, prediction, k):
            gains[row] = discounts[ranks].sum() / discounts[: min(len(set(truth[row].split())), k)].sum()
        return float(np.mean(gains))

    return metric


def top_k_accuracy(k: int) -> Metric:
    """Share of rows with a correct token among the first `k` candidates.

    Returns:
        A metric of the correct tokens (usually one) and the candidates (best first), 0 to 1; higher is better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        return len(list(_ranks_of_hits(truth, prediction, k))) / len(truth)

    return metric


def top_k_error(k: int) -> Metric:
    """1 - `top_k_accuracy` of `k`: lower is better.

    Definition: https://www.kaggle.com/c/inaturalist-2018/overview/evaluation
    """
    share_right = top_k_accuracy(k)
    return lambda truth, prediction: 1 - share_right(truth, prediction)


def _ranks_of_hits(truth: np.ndarray, prediction: np.ndarray, k: int) -> Iterator[tuple[int, list[int]]]:
    """For each row with a hit, its place and the ranks from 0 of its correct candidates, of repeats the first."""
    for row, (right, cell) in enumerate(zip(truth.tolist(), prediction.tolist(), strict=True)):
        candidates, correct = cell.split(None, k)[:k], set(right.split())
        ranks = [rank for rank, token in enumerate(candidates) if token in correct and token not in candidates[:rank]]
        if ranks:
            yield row, ranks


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


def mean_f_beta(beta: float) -> Metric:
    """As `mean_f1`, with recall `beta` times as important as precision.

    The row's score is (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP).
    Definition: https://www.kaggle.com/c/planet-understanding-the-amazon-from-space/overview/evaluation

    Returns:
        A metric of two arrays of labels separated by white space, 0 to 1; a row without labels on either side counts 0; higher is
        better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        shared, right, predicted = _set_sizes(truth, prediction)
        return float(np.mean(_ratio((1 + beta**2) * shared, beta**2 * right + predicted, empty=0.0)))

    return metric


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
