"""Whether features of units predict what is asked of them, by more than chance and by enough to matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import Asked
from mlebench.preparation.audit.checks.comparing import classes_of, named
from mlebench.preparation.audit.checks.statistics import Family, Prediction
from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import Target

_FURTHER = 100
"""Tries that are counted ahead, so that the first is judged as the last is."""
_RANKED_FROM = 9
"""From this many classes on, the rank of the answer among the sorted classes is also predicted."""


@dataclass(frozen=True)
class Bounds:
    """What a prediction must come to before it matters."""

    auc: float = 0.6
    r2: float = 0.05


@dataclass(frozen=True)
class Predicted:
    """That features predict a target."""

    quality: str
    """Such as `with an area under the curve of 0.83`."""
    guess: Guess
    rows: int
    """Units that it was determined on."""
    log_p: float


def predicted(features: np.ndarray, question: Asked, family: Family, bounds: Bounds) -> Predicted | None:
    """What a small tree of features, shape (units, features) float, says about units; None if it is chance, or too little."""
    target = question.target
    known = (
        ~np.isnan(target.values) if target.kind == "number" else np.array([value != "" for value in target.values], dtype=bool)
    )
    if target.kind == "text" or not known.any():
        return None
    rows = np.flatnonzero(known)
    rows = rows[statistics.drawn(len(rows))]
    features = features[rows]
    features = features[:, (features != features[:1]).any(axis=0)]
    if not features.shape[1]:
        return None
    if target.kind == "number":
        return _as_numbers(features, target.values[rows].astype(np.float64), rows, question, family, bounds)
    codes = classes_of(target)[rows]
    family.tried += 1
    found = statistics.predict_classes(features, codes)
    quality = None if found is None else _quality(features, codes, found, family, bounds.auc)
    if found is not None and quality is not None:
        values = np.full(len(target.values), None, dtype=object)
        values[rows] = named(found.values, target)
        return Predicted(f"with an area under the curve of {quality:.2f}", question.guess(values), len(rows), found.log_p)
    if len(target.classes) >= _RANKED_FROM:
        return _as_numbers(features, codes.astype(np.float64), rows, question, family, bounds)
    return None


def _as_numbers(
    features: np.ndarray, numbers: np.ndarray, rows: np.ndarray, question: Asked, family: Family, bounds: Bounds
) -> Predicted | None:
    family.tried += 1
    found = statistics.predict_numbers(features, numbers)
    quality = None if found is None else _quality(features, numbers, found, family, bounds.r2)
    if found is None or quality is None:
        return None
    return Predicted(f"with R² = {quality:.2f}", question.guess(_spread(found, rows, question.target)), len(rows), found.log_p)


def _spread(found: Prediction, rows: np.ndarray, target: Target) -> np.ndarray:
    if target.kind == "number":
        values = np.full(len(target.values), np.nan)
        values[rows] = found.values
        return values
    places = np.full(len(target.values), -1, dtype=np.int64)
    places[rows] = np.clip(np.round(found.values), 0, len(target.classes) - 1).astype(np.int64)
    return named(places, target)


def _quality(features: np.ndarray, answers: np.ndarray, tree: Prediction, family: Family, least: float) -> float | None:
    """The quality of the tree, or of the best single feature; None if either is too little, or chance."""
    tried = family.tried + _FURTHER
    is_tree = tree.quality > least and family.improbable(tree.log_p, tried)
    if is_tree and statistics.holds_against_shuffles(features, answers, tree):
        return tree.quality
    quality, log_p = statistics.directly(features, answers)
    return quality if quality > least and family.improbable(log_p, tried) else None
