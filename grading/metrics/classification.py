"""Metrics of classification: labels, probabilities and rankings.

Values equal scikit-learn's where it has the metric; its checks, which take several times as long as the metric, and its import
are avoided.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grading.metrics.combine import Metric

_LABELS_AT_ONCE = 4096

MACHINE_EPSILON = float(np.finfo(np.float64).eps)


def accuracy(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Share of equal entries.

    Args:
        truth: labels of any type, shape (n,).
        prediction: labels of the same type, shape (n,).

    Returns:
        0 to 1; higher is better. Source: scikit-learn's `accuracy_score`.
    """
    return float(np.mean(truth == prediction))


def error_rate(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Share of unequal entries, 1 - `accuracy`; of several columns of 0 or 1, the Hamming loss.

    Args:
        truth: labels of any type, of any shape.
        prediction: labels of the same type and shape.

    Returns:
        0 to 1; lower is better. Source: scikit-learn's `zero_one_loss` (one column) and `hamming_loss` (several).
    """
    return float(np.mean(truth != prediction))


def balanced_accuracy(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Unweighted mean over the classes of `truth` of the share of their rows that are predicted (macro-averaged recall).

    Args:
        truth: labels of any sortable type, shape (n,).
        prediction: labels of the same type, shape (n,); other classes are allowed.

    Returns:
        0 to 1; 1 / classes for a constant prediction of one of them; higher is better.
        Source: scikit-learn's `balanced_accuracy_score`.
    """
    true_codes, predicted_codes, classes = _codes(truth, prediction)
    true, hits = (np.bincount(rows, minlength=classes) for rows in (true_codes, true_codes[true_codes == predicted_codes]))
    return float(np.mean(hits[true > 0] / true[true > 0]))


def roc_auc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Area under the receiver operating characteristic curve (scikit-learn's `roc_auc_score`); tied scores count half.

    Args:
        truth: 0 or 1, shape (n,); both must occur.
        prediction: any finite scores, shape (n,), higher for class 1.

    Returns:
        0 to 1; 0.5 for constant scores; higher is better.

    Raises:
        ValueError: only one class occurs in `truth`.
    """
    return _area(*_roc_curve(truth, prediction))


def _roc_curve(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the curve, false and true positive rates, both ascending from 0 to 1 (scikit-learn's `roc_curve`)."""
    if not _has_two_values(truth):
        raise ValueError("the area under the curve needs both classes among the answers")
    positive = truth == truth.max()
    order = np.argsort(prediction)[::-1]
    scores = prediction[order]
    # the last of equal scores, so that their order does not matter
    ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true = np.cumsum(positive[order])[ends].astype(np.float64)
    false = ends + 1 - true
    if len(ends) > 2:
        # collinear points only add rounding errors
        corners = np.concatenate([[True], (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0), [True]])
        true, false = true[corners], false[corners]
    return np.append(0.0, false) / false[-1], np.append(0.0, true) / true[-1]


def _has_two_values(values: np.ndarray) -> bool:
    if not len(values) or values.min() == values.max():
        return False
    return bool(((values == values.min()) | (values == values.max())).all())


def _area(x: np.ndarray, y: np.ndarray) -> float:
    """The area under the piecewise linear curve, `x` ascending."""
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def average_precision(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Precision at each threshold, weighted by the gain in recall there; rows of equal score pass the threshold together.

    The curve is not interpolated, so that the value differs from the trapezoidal area under the precision-recall curve.

    Args:
        truth: 0 or 1, shape (n,); at least one 1.
        prediction: any finite scores, shape (n,), higher for class 1.

    Returns:
        0 to 1; the share of 1 for constant scores; higher is better. Source: scikit-learn's `average_precision_score`.

    Raises:
        ValueError: `truth` holds no 1, or values other than 0 and 1.
    """
    positive = _positives(truth)
    if not positive.any():
        raise ValueError("average precision needs a positive row among the answers")
    order = np.argsort(prediction)[::-1]
    scores = prediction[order]
    ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    return float((np.diff(hits, prepend=0) / hits[-1] * (hits / (ends + 1))).sum())


def normalized_gini(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Gini coefficient of the answers in descending order of the predictions, divided by that of the perfect order.

    For answers of 0 and 1 it is 2·`roc_auc` - 1. Rows of equal prediction share their mean answer, so that the order of rows does
    not matter; the code on Kaggle's pages keeps them in the order of the file.
    Definition: https://www.kaggle.com/c/liberty-mutual-group-property-inspection-prediction/overview/evaluation

    Args:
        truth: finite numbers, shape (n,); at least two that differ.
        prediction: finite scores, shape (n,), higher for higher answers.

    Returns:
        -1 to 1; 0 for constant predictions; higher is better.

    Raises:
        ValueError: all answers are equal.
    """
    if not len(truth) or truth.min() == truth.max():
        raise ValueError("the Gini coefficient needs answers that differ")
    return _gini(truth, prediction) / _gini(truth, truth)


def _gini(truth: np.ndarray, prediction: np.ndarray) -> float:
    """The area between the curve of cumulative answers and the diagonal, in a unit that depends only on `truth`."""
    _, groups, counts = np.unique(prediction, return_inverse=True, return_counts=True)
    excess = truth.astype(np.float64) - np.mean(truth)
    means = np.bincount(groups, weights=excess) / counts
    return float(np.cumsum(np.repeat(means, counts)[::-1]).sum())


def _positives(values: np.ndarray) -> np.ndarray:
    """Which of the values are 1.

    Raises:
        ValueError: some are neither 0 nor 1.
    """
    positive = np.asarray(values == 1)
    if not (positive | (values == 0)).all():
        raise ValueError("this metric needs answers and predictions of 0 and 1")
    return positive


def weighted_roc_auc(*, thresholds: Sequence[float], weights: Sequence[float]) -> Metric:
    """Area under the receiver operating characteristic with different weights for bands of the true positive rate.

    The area of a band is that between the curve and the band's lower edge, where the curve is cut off at the upper edge and
    continues flat to a false positive rate of 1. The weighted sum of areas is divided by its largest possible value.
    Definition: https://www.kaggle.com/c/alaska2-image-steganalysis/overview/evaluation

    Args:
        thresholds: edges of the bands, ascending from 0 to 1.
        weights: the weight of each band, one less than there are edges.

    Returns:
        A metric of 0 or 1 (both must occur) and finite scores, higher for class 1, each of shape (n,); 0 to 1, higher is better.
        Constant scores do not give 0.5 unless the weights are equal. The metric raises ValueError if one class is missing.
    """
    bands = list(zip(thresholds[:-1], thresholds[1:], weights, strict=True))

    def metric(truth: np.ndarray, prediction: np.ndarray) -> float:
        false_rate, true_rate = _roc_curve(truth, prediction)
        for edge in sorted(edge for edge in set(thresholds) if not (true_rate == edge).any()):
            place = int(np.argmax(true_rate > edge))
            crossing = np.interp(edge, true_rate[place - 1 : place + 1], false_rate[place - 1 : place + 1])
            false_rate, true_rate = np.insert(false_rate, place, crossing), np.insert(true_rate, place, edge)
        total = 0.0
        for low, high, weight in bands:
            within = (true_rate >= low) & (true_rate <= high)
            total += weight * _area(np.append(false_rate[within], 1.0), np.append(true_rate[within], high) - low)
        return float(total / sum(weight * (high - low) for low, high, weight in bands))

    return metric


def label_ranking_average_precision(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean precision at the rank of each true label, with equal weight for every true label of every row ("lwlrap").

    The precision of a label is the share of true ones among all labels of the row with at least its score, so that ties count
    against the prediction. Definition: https://www.kaggle.com/c/freesound-audio-tagging-2019/overview/evaluation

    Args:
        truth: 0 or 1, shape (n, labels); at least one 1. Rows without a 1 do not count.
        prediction: finite scores, shape (n, labels).

    Returns:
        0 to 1; k / labels for a constant row with k true labels; higher is better.
    """
    rows, labels = np.nonzero(truth > 0)
    precision = np.empty(len(rows))
    # all true labels at once would exhaust memory
    for start in range(0, len(rows), _LABELS_AT_ONCE):
        some, own = rows[start : start + _LABELS_AT_ONCE], labels[start : start + _LABELS_AT_ONCE]
        is_above = prediction[some] >= prediction[some, own][:, None]
        hits = np.count_nonzero(is_above & (truth[some] > 0), axis=1)
        precision[start : start + _LABELS_AT_ONCE] = hits / np.count_nonzero(is_above, axis=1)
    return float(precision.mean())


def log_loss(truth: np.ndarray, prediction: np.ndarray, *, epsilon: float = MACHINE_EPSILON) -> float:
    """Mean negative log-likelihood in nats, as scikit-learn 1.5 computes it: clipped at machine epsilon, rows not rescaled.

    Args:
        truth: 0 or 1 of shape (n,), or one-hot rows of shape (n, classes).
        prediction: probabilities of the same shape; for shape (n,) the probability of class 1.
        epsilon: probabilities are kept this far from 0 and 1.

    Returns:
        0 (perfect) to about 36; lower is better.
    """
    if truth.ndim == 1:
        clipped = np.clip(prediction, epsilon, 1 - epsilon)
        return float(-np.mean(np.where(truth.astype(bool), np.log(clipped), np.log1p(-clipped))))
    own = np.arange(len(truth)), truth.argmax(axis=1)
    if np.count_nonzero(truth) == len(truth) and (truth[own] == 1).all():
        # the logarithms of all other classes do not contribute
        return float(-np.mean(np.log(np.clip(prediction[own], epsilon, 1 - epsilon))))
    return float(-np.mean(np.sum(truth * np.log(np.clip(prediction, epsilon, 1 - epsilon)), axis=1)))


def kaggle_log_loss(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`log_loss` with probabilities kept 1e-15 from 0 and 1, as Kaggle's pages define it; 0 to about 34.5, lower is better.

    Definition: https://www.kaggle.com/wiki/LogLoss
    """
    return log_loss(truth, prediction, epsilon=1e-15)


def f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 of the positive class, 2·TP / (2·TP + FP + FN): the harmonic mean of its precision and recall.

    Args:
        truth: 0 or 1 (or booleans), shape (n,).
        prediction: 0 or 1, shape (n,).

    Returns:
        0 to 1; 0 if nothing is positive on either side; higher is better. Source: scikit-learn's `f1_score`.

    Raises:
        ValueError: there are values other than 0 and 1.
    """
    true, predicted = _positives(truth), _positives(prediction)
    total = np.count_nonzero(true) + np.count_nonzero(predicted)
    return float(2 * np.count_nonzero(true & predicted) / total) if total else 0.0


def macro_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Unweighted mean over classes of F1 = 2·TP / (2·TP + FP + FN), the classes being all that occur in either array.

    A class that is predicted but has no true row adds a 0, as in scikit-learn's `f1_score(average="macro")`.

    Args:
        truth: labels of any sortable type, shape (n,).
        prediction: labels of the same type, shape (n,).

    Returns:
        0 to 1; higher is better.
    """
    _, scores = _f1_by_class(truth, prediction)
    return float(np.mean(scores))


def macro_f1_over_truth(truth: np.ndarray, prediction: np.ndarray) -> float:
    """As `macro_f1`, but averaged only over the classes of `truth`: other predictions cost only their own rows.

    scikit-learn's `f1_score(average="macro", labels=numpy.unique(truth))`.
    """
    rows, scores = _f1_by_class(truth, prediction)
    return float(np.mean(scores[rows > 0]))


def weighted_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """As `macro_f1`, but each class weighs as much as it has true rows (scikit-learn's `f1_score(average="weighted")`)."""
    rows, scores = _f1_by_class(truth, prediction)
    return float(np.average(scores, weights=rows))


def _f1_by_class(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every class in either array, the number of its true rows, and its F1."""
    true_codes, predicted_codes, classes = _codes(truth, prediction)
    hits, true, predicted = (
        np.bincount(rows, minlength=classes) for rows in (true_codes[true_codes == predicted_codes], true_codes, predicted_codes)
    )
    return true, 2 * hits / (true + predicted)


def _codes(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Both arrays as indices into the sorted list of all values in either, and the length of that list."""
    values = np.concatenate([truth, prediction])
    if values.dtype.kind == "b":
        values = values.astype(np.int8)
    if values.dtype.kind == "i" and len(values) and int(values.max()) - int(values.min()) < 4 * len(values):
        # counting beats sorting for dense numbers
        shifted = values - values.min()
        occurs = np.bincount(shifted) > 0
        codes, classes = (np.cumsum(occurs) - 1)[shifted], int(occurs.sum())
    else:
        unique, codes = np.unique(values, return_inverse=True)
        classes = len(unique)
    return codes[: len(truth)], codes[len(truth) :], classes


def cohen_kappa(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Agreement beyond chance of labels without an order (Cohen, "A Coefficient of Agreement for Nominal Scales", 1960).

    Args:
        truth: labels of any sortable type, shape (n,).
        prediction: labels of the same type, shape (n,).

    Returns:
        At most 1; 0 is chance, and the value of a constant prediction; higher is better. 1 if both hold one and the same label
        throughout. Source: scikit-learn's `cohen_kappa_score`.
    """
    true_codes, predicted_codes, classes = _codes(truth, prediction)
    true, predicted = (np.bincount(codes, minlength=classes).astype(np.float64) for codes in (true_codes, predicted_codes))
    by_chance = len(truth) ** 2 - (true * predicted).sum()
    return float(1 - len(truth) * np.count_nonzero(true_codes != predicted_codes) / by_chance) if by_chance else 1.0


def quadratic_weighted_kappa(truth: np.ndarray, prediction: np.ndarray, *, labels: Sequence[int] | None = None) -> float:
    """Agreement of ordered grades beyond chance, disagreements weighted by the square of their distance.

    Source: Cohen, "Weighted Kappa", 1968; scikit-learn's `cohen_kappa_score`.

    Args:
        truth: whole numbers, shape (n,).
        prediction: whole numbers, shape (n,).
        labels: all grades in order; they must hold every value. Without them the grades are the sorted values that occur, and
            distance is measured in positions of that list, as the published graders do.

    Returns:
        At most 1 (full agreement); 0 is chance, and the value of a constant prediction; higher is better. 1 if both hold one
        and the same value throughout.
    """
    if labels is None:
        true, predicted, _ = _codes(truth, prediction)
    else:
        true, predicted = (np.searchsorted(labels, values) for values in (truth, prediction))
    # avoids a matrix of all pairs of grades; sums are integers and exact unless there are very many grades
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    by_chance = len(truth) * (np.square(true).sum() + np.square(predicted).sum()) - 2 * true.sum() * predicted.sum()
    observed = len(truth) * np.square(true - predicted).sum()
    return float(1 - observed / by_chance) if by_chance else 1.0


def probabilistic_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 score with soft counts: true positives are the sum of the probabilities of the positives.

    Args:
        truth: 0 or 1, shape (n,).
        prediction: probabilities, shape (n,); values outside [0, 1] are clipped.

    Returns:
        0 to 1, 1 only for certain, correct predictions; 0 if precision or recall is 0 or undefined; higher is better.

    Source: Yacouby and Axman, "Probabilistic Extension of Precision, Recall, and F1 Score", 2020.
    """
    positive, probability = truth.astype(bool), np.clip(prediction, 0.0, 1.0)
    # 2·P·R / (P + R) with P = hits / Σ probability and R = hits / positives, without its divisions by almost 0
    total = probability.sum() + positive.sum()
    return float(2 * probability[positive].sum() / total) if total else 0.0


def matthews_correlation(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Matthews correlation coefficient (1975), as scikit-learn's `matthews_corrcoef`.

    Args:
        truth: labels of any sortable type, shape (n,).
        prediction: labels of the same type, shape (n,).

    Returns:
        -1 to 1; 0 if either is constant; higher is better.
    """
    true_codes, predicted_codes, classes = _codes(truth, prediction)
    true, predicted = (np.bincount(codes, minlength=classes).astype(np.float64) for codes in (true_codes, predicted_codes))
    rows, hits = float(len(truth)), float(np.count_nonzero(true_codes == predicted_codes))
    spread = (rows**2 - (predicted**2).sum()) * (rows**2 - (true**2).sum())
    return float((hits * rows - (true * predicted).sum()) / np.sqrt(spread)) if spread else 0.0


def kl_divergence(truth: np.ndarray, prediction: np.ndarray, *, epsilon: float = 1e-15) -> float:
    """Mean over rows of the Kullback-Leibler divergence from predicted to true shares, Σ truth·ln(truth / prediction), in nats.

    Source: Kullback and Leibler, "On Information and Sufficiency", 1951; `scipy.stats.entropy` of one row.

    Args:
        truth: shares of each class, shape (n, classes), rows sum to 1; zero shares contribute nothing.
        prediction: the same; clipped to [epsilon, 1 - epsilon] and not rescaled.

    Returns:
        0 (perfect) to -ln(epsilon), about 34.5, where rows of `prediction` sum to 1; lower is better.
    """
    clipped = np.clip(prediction, epsilon, 1 - epsilon)
    terms = truth * np.log(np.where(truth > 0, truth, 1.0) / clipped)
    return float(np.mean(np.sum(np.where(truth > 0, terms, 0.0), axis=1)))
