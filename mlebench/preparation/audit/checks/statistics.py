"""Whether something predicts answers better than chance: small trees, out-of-fold predictions, and tails of chance.

All p-values are natural logarithms, upper bounds rather than estimates, so that they can be added over everything that was tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FOLDS = 5
DEPTH = 3
MOST_ROWS = 4_000
"""Maximum rows to grow a tree on; from more, this many are drawn."""
MOST_CLASSES = 24
SHUFFLES = 30
_SMALLEST_LEAF = 3


@dataclass(frozen=True)
class Prediction:
    """What a small tree says about answers that it was not grown on."""

    values: np.ndarray
    """Shape (rows,): out-of-fold predictions, positions of classes (int64) or numbers (float64)."""
    quality: float
    """Of classes the mean area under the curve of one against the rest, of numbers R² over ranks; at most 1."""
    log_p: float
    """Bound on the probability that chance predicts as well, <= 0."""


class Family:
    """Everything of one sort that is tried in one audit: together it rings by chance with probability `alpha` at most."""

    def __init__(self, alpha: float = 1e-4) -> None:
        self.alpha = alpha
        self.tried = 0

    def improbable(self, log_p: float, tried: int | None = None) -> bool:
        """Whether a p-value stands out of all that was tried (so far, or of `tried`)."""
        return log_p + math.log(max(1, self.tried if tried is None else tried)) < math.log(self.alpha)


def log_binomial_tail(hits: int, trials: int, chance: float) -> float:
    """Log-probability of at least a number of hits in a number of independent trials."""
    if hits <= 0 or chance >= 1:
        return 0.0
    if chance <= 0:
        return -math.inf
    from scipy.stats import binom

    tail = float(binom.logsf(hits - 1, trials, chance))
    return min(0.0, tail) if not math.isnan(tail) else 0.0


def log_arrangements(codes: np.ndarray) -> float:
    """Log of the number of different orders of these values, shape (rows,): no agreement is less probable than one of them."""
    counts = np.bincount(np.asarray(codes, dtype=np.int64))
    return math.lgamma(counts.sum() + 1) - float(sum(math.lgamma(count + 1) for count in counts))


def log_match_by_chance(said: np.ndarray, true: np.ndarray) -> float:
    """Log-probability that two columns of codes, each shape (rows,), agree in as many rows if one is put in random order.

    Negative codes of `said` are rows that say nothing; they are left out.
    """
    told = said >= 0
    said, true = said[told], true[told]
    if not len(said):
        return 0.0
    most = int(max(said.max(), true.max())) + 1
    expected = float(np.bincount(said, minlength=most) @ np.bincount(true, minlength=most)) / len(said)
    tail = log_binomial_tail(int((said == true).sum()), len(said), min(1.0, expected / len(said)))
    return max(tail, -min(log_arrangements(true), log_arrangements(said)))


def ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks from 0 of numbers, shape (rows,); NaN stays NaN."""
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    _, codes, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result[known] = (ends - (counts + 1) / 2)[codes]
    return result


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the curve of scores, shape (rows,) float, for a bool array of the same shape with both values in it."""
    high = int(positive.sum())
    low = len(positive) - high
    return float((ranks(scores)[positive].sum() - high * (high - 1) / 2) / (high * low))


def folds(rows: int, rng: np.random.Generator) -> np.ndarray:
    """A fold for each row, shape (rows,), 0 to FOLDS - 1, of even sizes and in random order."""
    return rng.permutation(np.arange(rows) % FOLDS)


def predict_classes(features: np.ndarray, classes: np.ndarray, *, seed: int = 0) -> Prediction | None:
    """What features, shape (rows, features), say about classes, shape (rows,) int64 from 0; None if there is too little."""
    counts = np.bincount(classes)
    frequent = np.flatnonzero(counts >= FOLDS)
    if len(classes) < 2 * FOLDS or len(frequent) < 2:
        return None
    frequent = frequent[np.argsort(-counts[frequent], kind="stable")][:MOST_CLASSES]
    answers = (classes[:, None] == frequent[None, :]).astype(float)
    scores = out_of_fold(features, answers, seed=seed)
    areas, tails = zip(*(_area(scores[:, k], answers[:, k] > 0) for k in range(len(frequent))), strict=True)
    values = frequent[scores.argmax(axis=1)]
    share = counts.max() / len(classes)
    correct = log_binomial_tail(int((values == classes).sum()), len(classes), float(share))
    log_p = min(0.0, min(min(tails) + math.log(len(frequent)), correct) + math.log(2))
    return Prediction(values, float(np.mean(areas)), log_p)


def _area(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    area = auc(scores, positive)
    high = int(positive.sum())
    low = len(positive) - high
    spread = math.sqrt((high + low + 1) / (12 * high * low))
    return area, log_normal_tail((area - 0.5) / spread)


def predict_numbers(features: np.ndarray, numbers: np.ndarray, *, seed: int = 0) -> Prediction | None:
    """What features, shape (rows, features), say about numbers, shape (rows,), none NaN; None if there is too little."""
    if len(numbers) < 2 * FOLDS or numbers.min() == numbers.max():
        return None
    order = ranks(numbers)
    guessed = out_of_fold(features, order[:, None], seed=seed)[:, 0]
    spread = float(((order - order.mean()) ** 2).sum())
    quality = 1 - float(((order - guessed) ** 2).sum()) / spread
    together = float(np.corrcoef(guessed, order)[0, 1]) if guessed.std() > 0 else 0.0
    log_p = log_normal_tail(math.atanh(min(together, 1 - 1e-15)) * math.sqrt(len(numbers) - 3))
    values = np.interp(guessed, np.sort(order), np.sort(numbers))
    return Prediction(values, quality, log_p)


def log_normal_tail(z: float) -> float:
    """Log-probability that a normal number is at least a number of standard deviations above its mean."""
    from scipy.stats import norm

    return float(norm.logsf(z))


def directly(features: np.ndarray, answers: np.ndarray) -> tuple[float, float]:
    """What single features say without any tree: the best area under a curve (or squared correlation of ranks), and its log_p.

    Args:
        features: shape (rows, features).
        answers: shape (rows,): int64 classes or float64 numbers.
    """
    best, tail, tried = 0.0, 0.0, 0
    for column in np.where(np.isnan(features), -np.inf, features).T:
        if answers.dtype.kind == "f":
            together = float(np.corrcoef(ranks(column), ranks(answers))[0, 1]) if column.min() < column.max() else 0.0
            found = [(together**2, math.atanh(min(abs(together), 1 - 1e-15)) * math.sqrt(max(1, len(answers) - 3)))]
        else:
            found = [_turned(column, answers == place) for place in np.flatnonzero(np.bincount(answers) >= FOLDS)[:MOST_CLASSES]]
        for quality, z in found:
            tried += 2
            best, tail = max(best, quality), min(tail, log_normal_tail(z))
    return best, min(0.0, tail + math.log(max(1, tried)))


def _turned(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """The area under the curve of scores, or of their opposite, and by how many standard deviations it exceeds chance."""
    high = int(positive.sum())
    low = len(positive) - high
    if not low:
        return 0.5, 0.0
    away = abs(auc(scores, positive) - 0.5)
    return 0.5 + away, away / math.sqrt((high + low + 1) / (12 * high * low))


def holds_against_shuffles(features: np.ndarray, answers: np.ndarray, found: Prediction, *, seed: int = 1) -> bool:
    """Whether no shuffle of the answers is predicted nearly as well; ends at the first that is.

    Args:
        features: shape (rows, features).
        answers: shape (rows,): int64 classes or float64 numbers.
        found: the prediction of the answers in their own order.
        seed: of the shuffles.
    """
    rng = np.random.default_rng(seed)
    neutral = 0.5 if answers.dtype.kind == "i" else 0.0
    predict = predict_classes if answers.dtype.kind == "i" else predict_numbers
    for _ in range(SHUFFLES):
        chance = predict(features, rng.permutation(answers))
        if chance is not None and chance.quality - neutral >= 0.75 * (found.quality - neutral):
            return False
    return True


def out_of_fold(features: np.ndarray, answers: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """For each row, the prediction of a tree grown on the other folds.

    Args:
        features: shape (rows, features) float; NaN is a value below all others.
        answers: shape (rows, outputs) float; the tree splits where their summed variance falls most.
        seed: of the folds.

    Returns:
        Means of leaves, shape (rows, outputs).
    """
    part = folds(len(answers), np.random.default_rng(seed))
    features = np.where(np.isnan(features), -np.inf, features)
    result = np.empty(answers.shape)
    for fold in range(FOLDS):
        inside = part != fold
        _grow(features[inside], answers[inside], features[~inside], np.flatnonzero(~inside), result, DEPTH)
    return result


def _grow(features: np.ndarray, answers: np.ndarray, asked: np.ndarray, rows: np.ndarray, result: np.ndarray, depth: int) -> None:
    """Write the means of the leaves into the rows of `result` that `asked` are the features of."""
    split = _best_split(features, answers) if depth and len(rows) else None
    if split is None:
        result[rows] = answers.mean(axis=0)
        return
    column, threshold = split
    left, asked_left = features[:, column] <= threshold, asked[:, column] <= threshold
    _grow(features[left], answers[left], asked[asked_left], rows[asked_left], result, depth - 1)
    _grow(features[~left], answers[~left], asked[~asked_left], rows[~asked_left], result, depth - 1)


def _best_split(features: np.ndarray, answers: np.ndarray) -> tuple[int, float] | None:
    """Column and threshold whose two sides have the least variance; None if nothing can be split."""
    total = answers.sum(axis=0)
    best, found = float((total**2).sum()) / len(answers) + 1e-9, None
    sizes = np.arange(1, len(answers))
    leaf = max(_SMALLEST_LEAF, len(answers) // 200)
    for column in range(features.shape[1]):
        order = np.argsort(features[:, column], kind="stable")
        values = features[order, column]
        sums = answers[order].cumsum(axis=0)[:-1]
        gain = (sums**2).sum(axis=1) / sizes + ((total - sums) ** 2).sum(axis=1) / (len(answers) - sizes)
        gain[(values[1:] == values[:-1]) | (sizes < leaf) | (sizes > len(answers) - leaf)] = -np.inf
        at = int(gain.argmax()) if len(gain) else 0
        if len(gain) and gain[at] > best:
            best, found = float(gain[at]), (column, _between(float(values[at]), float(values[at + 1])))
    return found


def _between(low: float, high: float) -> float:
    middle = low / 2 + high / 2
    return middle if low <= middle < high else low


def drawn(rows: int, most: int = MOST_ROWS) -> np.ndarray:
    """Positions of at most a number of rows, ascending: all, or a fixed random draw."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
