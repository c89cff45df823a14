"""How likely it is that guesses are right by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.truth import Target

FAMILY = 1e-3
"""A whole audit may be wrong about chance so often."""


@dataclass(frozen=True)
class Agreement:
    """Guesses of one target next to the answers."""

    rows: int
    """Rows with a guess."""
    hits: float
    """Share of right ones, 0 to 1; of numbers the rank correlation, -1 to 1."""
    base: float
    """The same, of guesses dealt out again."""
    p: float
    """How likely such an agreement is by chance."""

    def holds(self, tried: int, margin: float = 0.1) -> bool:
        """Whether it is neither chance, with so many things tried, nor small."""
        return self.p * max(tried, 1) < FAMILY and self.hits >= self.base + margin


NONE = Agreement(0, 0.0, 0.0, 1.0)


def agreement(target: Target, values: np.ndarray) -> Agreement:
    """How well guesses agree with the answers.

    Args:
        target: what is guessed.
        values: shape (rows,), as `Guess.values`: None or NaN where there is no guess.
    """
    if target.kind == "number":
        return _of_numbers(np.asarray(target.values, dtype=np.float64), np.asarray(values, dtype=np.float64))
    told = np.array([value is not None for value in values], dtype=bool)
    if not told.any():
        return NONE
    return _of_names(np.asarray(target.values)[told].astype(str), np.asarray(values)[told].astype(str))


def _of_names(truth: np.ndarray, guess: np.ndarray) -> Agreement:
    from scipy.stats import binom

    rows = len(truth)
    names, places = np.unique(np.concatenate([truth, guess]), return_inverse=True)
    true, guessed = (np.bincount(part, minlength=len(names)) for part in (places[:rows], places[rows:]))
    base = float(true @ guessed) / rows**2
    hits = int((truth == guess).sum())
    # what always guesses the most frequent name is no better informed than who knows nothing
    base = max(base, float(true.max()) / rows)
    return Agreement(rows, hits / rows, base, float(binom.sf(hits - 1, rows, min(base, 1.0))) if base < 1 else 1.0)


def _of_numbers(truth: np.ndarray, guess: np.ndarray) -> Agreement:
    from scipy.stats import rankdata, t

    told = np.isfinite(truth) & np.isfinite(guess)
    rows = int(told.sum())
    if rows < 5:
        return NONE
    left, right = rankdata(truth[told]), rankdata(guess[told])
    if left.std() == 0 or right.std() == 0:
        return NONE
    r = float(np.clip(np.corrcoef(left, right)[0, 1], -1, 1))
    free = rows - 2
    p = float(t.sf(r * np.sqrt(free / max(1 - r * r, 1e-12)), free))
    return Agreement(rows, r, 0.0, p)
