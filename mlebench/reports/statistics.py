"""Estimates over seeds and over competitions, and tests of a difference. Pure functions over numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 10_000
_BOOTSTRAP_SEED = 20240924
"""Fixed, so that a report made twice from the same runs is the same."""


class Interval(NamedTuple):
    """A 95 % interval."""

    lower: float
    upper: float


class Estimate(NamedTuple):
    """A mean over seeds; of a single seed nothing else is known."""

    mean: float
    standard_error: float | None
    """Sample standard deviation / √seeds; None for one seed."""
    ci_lower: float | None
    """95 % interval by Student's t over seeds; None for one seed."""
    ci_upper: float | None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval over seeds."""
        return None if self.ci_lower is None or self.ci_upper is None else Interval(self.ci_lower, self.ci_upper)


class SignTest(NamedTuple):
    """Competitions won, tied and lost, and the two-sided p-value of so uneven a count."""

    wins: int
    ties: int
    losses: int
    p_value: float


class PassAtK(NamedTuple):
    """The chance that at least one of `k` attempts succeeds."""

    k: int
    percentage: float


def estimate(values: Sequence[float], lowest: float = -math.inf, highest: float = math.inf) -> Estimate:
    """Mean, standard error and 95 % interval of one value per seed.

    Args:
        values: one per seed, at least one.
        lowest, highest: what the quantity cannot leave; the interval is cut there.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("an estimate needs at least one seed")
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Estimate(mean, None, None, None)
    from scipy.special import stdtrit

    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    error = math.sqrt(variance / len(values))
    reach = float(stdtrit(len(values) - 1, 0.975)) * error
    return Estimate(mean, error, max(lowest, mean - reach), min(highest, mean + reach))


def pass_at_k(attempts: int, successes: int, k: int) -> float:
    """Chance, 0 to 1, that at least one of `k` attempts succeeds: 1 − C(n−c, k) / C(n, k).

    The unbiased estimator of Chen et al., "Evaluating Large Language Models Trained on Code" (2021), section 2.1.

    Args:
        attempts: n, at least `k`.
        successes: c, 0 to n.
        k: at least 1.

    Raises:
        ValueError: the counts do not fit together.
    """
    if not (1 <= k <= attempts and 0 <= successes <= attempts):
        raise ValueError(f"pass@{k} is not defined for {successes} successes in {attempts} attempts")
    return 1 - math.comb(attempts - successes, k) / math.comb(attempts, k)


def mean_pass_at_k(outcomes: Sequence[Sequence[bool]]) -> list[PassAtK]:
    """pass@k averaged over competitions, for every k up to the number of attempts.

    Args:
        outcomes: per competition its attempts' successes; competitions with fewer attempts set the largest k.
    """
    largest = min(map(len, outcomes), default=0)
    return [
        PassAtK(k, 100 * math.fsum(pass_at_k(len(row), sum(row), k) for row in outcomes) / len(outcomes))
        for k in range(1, largest + 1)
    ]


def bootstrap_interval(values: Sequence[float]) -> Interval | None:
    """95 % percentile interval of the mean when competitions are drawn again with replacement.

    It shows how far the figure depends on which competitions the benchmark contains, whereas the standard error over seeds
    shows how far it depends on the agent's luck. Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    Args:
        values: one per competition, the mean over its seeds; at least one.

    Returns:
        None for one competition, which says nothing about others.

    Raises:
        ValueError: no values.
    """
    means = _means_drawn_anew(values, np.random.default_rng(_BOOTSTRAP_SEED))
    return _middle(means) if len(values) > 1 else None


def bootstrap_difference(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """95 % percentile interval of mean(first) − mean(second), both drawn again independently; see `bootstrap_interval`.

    Args:
        first, second: one value per competition, at least one each.

    Returns:
        None if either has one competition.

    Raises:
        ValueError: no values.
    """
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    differences = _means_drawn_anew(first, rng) - _means_drawn_anew(second, rng)
    return _middle(differences) if min(len(first), len(second)) > 1 else None


def _means_drawn_anew(values: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of `_RESAMPLES` samples drawn with replacement, each as large as `values`."""
    sample = np.asarray(values, dtype=float)
    if sample.size == 0:
        raise ValueError("a bootstrap needs at least one competition")
    means: NDArray[np.float64] = sample[rng.integers(sample.size, size=(_RESAMPLES, sample.size))].mean(axis=1)
    return means


def _middle(means: NDArray[np.float64]) -> Interval:
    lower, upper = np.quantile(means, (0.025, 0.975))
    return Interval(float(lower), float(upper))


def sign_test(differences: Sequence[float]) -> SignTest:
    """Exact two-sided sign test; ties are left out of the count, as is usual.

    Args:
        differences: one per competition, above 0 if the first experiment is better.
    """
    from scipy.special import bdtr

    wins = sum(difference > 0 for difference in differences)
    losses = sum(difference < 0 for difference in differences)
    decided = wins + losses
    p_value = min(1.0, 2 * float(bdtr(min(wins, losses), decided, 0.5))) if decided else 1.0
    return SignTest(wins, len(differences) - decided, losses, p_value)
