"""Quality of joint predictions of several binary labels, given as sampled functions.

A prediction is K sampled functions, s[i, k] = P(y = 1 | input i, function k). Its probability of labels y_1..y_τ is
the mean over k of Π_t P(y_t | input, function k), so jointly varying functions express jointly varying labels.
Definitions: Osband et al., "The Neural Testbed: Evaluating Joint Predictions" (2022); Osband et al., "Evaluating High-Order
Predictive Distributions in Deep Learning" (2022) for dyadic batches.
"""

from __future__ import annotations

import math

import numpy as np

TAU = 10
"""Labels in a batch."""
FLOOR = 1e-6
"""All probabilities, including true ones, are clipped to [FLOOR, 1 − FLOOR], so that every value is finite."""


def dyadic_joint_kl(truth: np.ndarray, samples: np.ndarray, tau: int = TAU) -> float:
    """Expected KL divergence, in nats, of the joint prediction of dyadic batches: exact, without sampling labels.

    A dyadic batch draws two different inputs and then τ inputs from these two, each with probability ½. With n copies of one and
    τ − n of the other, only the counts of the labels matter, so the expectation is a finite sum; it is taken over all pairs.

    Args:
        truth: P(y = 1) of M ≥ 2 inputs, shape (M,), values from 0 to 1.
        samples: the same under each of K sampled functions, shape (M, K).
        tau: labels in a batch.

    Returns:
        At least 0 up to rounding; 0 for the true probabilities, about τ·ln 2 for ½ where the truth is certain.
    """
    truth, samples = _cut(truth), _cut(samples)
    if (samples == samples[:, :1]).all():
        samples = samples[:, :1]
    inputs, functions = samples.shape
    total = 0.0
    for copies in range(tau // 2 + 1):
        others = tau - copies
        first = _likelihoods(samples, copies).reshape(-1, functions)
        second = _likelihoods(samples, others).reshape(-1, functions)
        log_mixture = np.log(first @ second.T / functions).reshape(inputs, copies + 1, inputs, others + 1)
        expected = np.einsum("ai,aibj,bj->ab", _count_chances(truth, copies), log_mixture, _count_chances(truth, others))
        information = -copies * _entropy(truth)[:, None] - others * _entropy(truth)[None, :]
        divergence = information - expected
        # swapping the two inputs turns n copies into τ − n
        chance = math.comb(tau, copies) / 2**tau * (1 if copies == others else 2)
        total += chance * float(divergence.sum() - np.trace(divergence)) / (inputs * (inputs - 1))
    return total


def uniform_joint_kl(truth: np.ndarray, tau: int = TAU) -> float:
    """`dyadic_joint_kl` of the constant prediction ½, in closed form.

    Args:
        truth: P(y = 1), shape (M,).
        tau: labels in a batch.

    Returns:
        0 (all ½) to about τ·ln 2 (all certain).
    """
    return tau * float(np.mean(math.log(2) - _entropy(_cut(truth))))


def dyadic_joint_nll(first: np.ndarray, second: np.ndarray, tau: int = TAU, floor: float = 1e-4) -> float:
    """Mean joint log-loss, in nats, of dyadic batches with given labels: each input's label is repeated.

    For a pair with n copies of the first input and τ − n of the second, −log of the mean over functions of
    P(first label)ⁿ · P(second label)^(τ−n); n is Binomial(τ, ½), and the mean over it is exact.

    Args:
        first, second: probabilities of the given labels under K functions, shape (pairs, K).
        tau: labels in a batch.
        floor: probabilities are clipped to [floor, 1].

    Returns:
        0 to −τ·ln(floor); lower is better.
    """
    logs = [np.log(np.clip(given, floor, 1)) for given in (first, second)]
    total = 0.0
    for copies in range(tau + 1):
        joint = np.logaddexp.reduce(copies * logs[0] + (tau - copies) * logs[1], axis=1) - math.log(first.shape[1])
        total -= math.comb(tau, copies) / 2**tau * float(joint.mean())
    return total


def _cut(probabilities: np.ndarray) -> np.ndarray:
    return np.clip(np.asarray(probabilities, dtype=np.float64), FLOOR, 1 - FLOOR)


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(-(probabilities * np.log(probabilities) + (1 - probabilities) * np.log1p(-probabilities)))


def _likelihoods(samples: np.ndarray, copies: int) -> np.ndarray:
    """P of one order of k ones and `copies` − k zeros, shape (M, copies + 1, K)."""
    ones = np.arange(copies + 1)[None, :, None]
    return np.asarray(samples[:, None, :] ** ones * (1 - samples[:, None, :]) ** (copies - ones))


def _count_chances(truth: np.ndarray, copies: int) -> np.ndarray:
    """P of k ones among `copies` labels, shape (M, copies + 1)."""
    orders = np.array([math.comb(copies, ones) for ones in range(copies + 1)])
    return np.asarray(orders * _likelihoods(truth[:, None], copies)[:, :, 0])
