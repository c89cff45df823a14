"""Metrics of cells that hold a list of tokens: ranked candidates and sets of labels.

Cells come as arrays of text, shape (n,). True tokens are separated by white space, and so are predicted ones, except where a
`separator` is given: then by that text to the letter, of which two in a row enclose an empty token, which takes a rank but is
never right.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from grading.metrics.combine import Metric


def mean_average_precision(k: int, *, separator: str | None = None) -> Metric:
    """Mean over rows of the average precision at `k`.

    A row's candidates are cut to the first `k`. Each that is right and did not stand further left counts with the precision at
    its rank; the sum is divided by the number of right tokens, at most `k`. With one right token per row this is 1 / rank.
    Definition: https://www.kaggle.com/wiki/MeanAveragePrecision

    Returns:
        A metric of the right tokens (in any order) and the candidates (best first), 0 to 1; a row without right tokens counts 0.
        Higher is better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        right, candidates = _paired_tokens(truth, prediction, separator, limit=k)
        right_keys = pd.unique(right.keys)
        hit = np.isin(candidates.keys, right_keys) & ~pd.Series(candidates.keys).duplicated().to_numpy()
        hits = pd.Series(hit).groupby(candidates.rows).cumsum().to_numpy()
        gain = np.bincount(candidates.rows, weights=np.where(hit, hits / candidates.ranks, 0.0), minlength=len(truth))
        reachable = np.minimum(np.bincount(right_keys // right.vocabulary, minlength=len(truth)), k)
        return float(np.mean(np.divide(gain, reachable, out=np.zeros(len(truth)), where=reachable > 0)))

    return metric


def micro_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 over all pairs of a row and a token: 2·TP / (2·TP + FP + FN).

    Args:
        truth: the labels of each row, separated by white space; repeats count once.
        prediction: the same; labels that occur in no row of `truth` are false positives.

    Returns:
        0 to 1; 0 if nothing is right; higher is better. Source: scikit-learn's `f1_score(average="micro")`.
    """
    shared, right, predicted = (sizes.sum() for sizes in _set_sizes(truth, prediction))
    return float(2 * shared / (right + predicted)) if right + predicted else 0.0


def micro_f1_of_known(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`micro_f1` without the predicted tokens that occur in no row of `truth`, which cost nothing."""
    known = {token for cell in truth for token in str(cell).split()}
    kept = [" ".join(token for token in str(cell).split() if token in known) for cell in prediction]
    return micro_f1(truth, np.array(kept, dtype=object))


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
    """Mean over rows of the Jaccard similarity |A ∩ B| / |A ∪ B| of two sets of words, whatever their case.

    Words are separated by white space; punctuation belongs to its word.
    Definition: https://www.kaggle.com/c/tweet-sentiment-extraction/overview/evaluation

    Args:
        both_empty: what a row without words on both sides counts.

    Returns:
        A metric of two arrays of text, 0 to 1; higher is better.
    """

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        shared, right, predicted = _set_sizes(_lowered(truth), _lowered(prediction))
        return float(np.mean(_ratio(shared, right + predicted - shared, empty=both_empty)))

    return metric


def _lowered(texts: np.ndarray) -> np.ndarray:
    return np.array([str(text).lower() for text in texts], dtype=object)


def _ratio(part: np.ndarray, whole: np.ndarray, *, empty: float) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), empty), where=whole > 0))


def _set_sizes(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row the number of shared, right and predicted tokens, each counted once."""
    pairs = ((set(str(right).split()), set(str(predicted).split())) for right, predicted in zip(truth, prediction, strict=True))
    sizes = [(len(right & predicted), len(right), len(predicted)) for right, predicted in pairs]
    shared, right, predicted = np.array(sizes, dtype=np.int64).reshape(-1, 3).T
    return shared, right, predicted


class _Tokens(NamedTuple):
    """All tokens of a column, row after row."""

    keys: np.ndarray
    """Row and token as one number: row · vocabulary + token."""
    rows: np.ndarray
    ranks: np.ndarray
    """Place in the row, from 1."""
    vocabulary: int


def _paired_tokens(
    truth: np.ndarray, prediction: np.ndarray, separator: str | None, limit: int | None = None
) -> tuple[_Tokens, _Tokens]:
    right = [str(cell).split() for cell in truth]
    candidates = [str(cell).split(separator, -1 if limit is None else limit)[:limit] for cell in prediction]
    words = np.array([*chain.from_iterable(right), *chain.from_iterable(candidates)], dtype=object)
    codes, names = pd.factorize(words)
    sides = []
    for cells in (right, candidates):
        lengths = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
        rows = np.repeat(np.arange(len(cells)), lengths)
        ranks = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
        side, codes = codes[: len(rows)], codes[len(rows) :]
        sides.append(_Tokens(rows * max(len(names), 1) + side, rows, ranks, max(len(names), 1)))
    return sides[0], sides[1]
