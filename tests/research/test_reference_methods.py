"""The reference methods: gradients, known answers, and what their names promise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.reference_methods.ensembles import train_dropout, train_ensemble
from benchmarks.reference_methods.epinet import train_epinet
from benchmarks.reference_methods.epistemic import EpistemicNetwork, sample_functions
from benchmarks.reference_methods.hypermodel import train_hypermodel
from mlebench.research.gaussian_process import WEIGHT_VARIANCE, classify, network_kernel, squared_exponential
from mlebench.research.logistic import laplace_samples, metropolis_samples, posterior_mode
from mlebench.research.networks import draw_network, sigmoid, truncated_normal
from mlebench.research.trained_networks import backward, error_signal, forward, initial_parameters


def test_gradients_of_networks_side_by_side_are_those_of_differences() -> None:
    rng = np.random.default_rng(0)
    parameters = initial_parameters(rng, 3, (4, 6, 5, 1), first_bias=True, dtype=np.float64)
    x, y = rng.standard_normal((1, 7, 4)), rng.integers(2, size=7)

    def loss() -> float:
        logits = forward(parameters, x)[-1][:, :, 0]
        return float(np.logaddexp(0, (1 - 2 * y) * logits).sum())

    layers = forward(parameters, x)
    found = backward(parameters, layers, error_signal(layers[-1][:, :, 0], y)[:, :, None])
    for array, gradient in zip(parameters, found, strict=True):
        place = tuple(int(rng.integers(size)) for size in array.shape)
        before = loss()
        array[place] += 1e-6
        assert gradient[place] == pytest.approx((loss() - before) / 1e-6, abs=1e-4)
        array[place] -= 1e-6


def ring(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.standard_normal((count, 2))
    return x, ((x**2).sum(axis=1) > 1.4).astype(np.int8)


@pytest.mark.parametrize("method", ["ensemble", "dropout", "epinet", "hypermodel"])
def test_epistemic_networks_learn_and_disagree_more_where_there_is_no_data(method: str) -> None:
    rng = np.random.default_rng(0)
    x, y = ring(rng, 200)
    networks: dict[str, EpistemicNetwork] = {
        "ensemble": train_ensemble(x, y, rng, members=10, penalty=1e-3, prior_scale=3.0, steps=500),
        "dropout": train_dropout(x, y, rng, penalty=1e-4, steps=800),
        "epinet": train_epinet(x, y, rng, temperature=0.1, steps=800),
        "hypermodel": train_hypermodel(x, y, rng, temperature=0.1, penalty=1e-4, steps=800),
    }
    test_x, test_y = ring(rng, 300)
    samples = sample_functions(networks[method], test_x, 20, rng)
    assert samples.shape == (300, 20)
    assert np.mean((samples.mean(axis=1) > 0.5) == test_y) > 0.85
    at_the_edge = (np.abs((test_x**2).sum(axis=1) - 1.4) < 0.3).nonzero()[0]
    inside = ((test_x**2).sum(axis=1) < 0.3).nonzero()[0]
    assert samples[at_the_edge].std(axis=1).mean() > samples[inside].std(axis=1).mean()


def test_one_index_is_one_function() -> None:
    rng = np.random.default_rng(0)
    network = train_epinet(*ring(rng, 30), rng, temperature=0.5, steps=20)
    x, index = rng.standard_normal((6, 2)), network.draw_index(rng)
    assert network.logits(x, index)[2] == pytest.approx(network.logits(x[2:3], index)[0], rel=1e-4)


def test_network_kernel_is_the_covariance_of_drawn_networks() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4))
    outputs = np.array([network.outputs(x) for network in (draw_network(rng, 4) for _ in range(4000))])
    difference = outputs[:, :, 1] - outputs[:, :, 0]
    assert np.cov(difference.T) == pytest.approx(network_kernel(1.0)(x, x), rel=0.15)


def test_truncated_normal_values() -> None:
    values = truncated_normal(np.random.default_rng(0), (200_000,))
    assert np.abs(values).max() <= 2
    assert values.var() == pytest.approx(WEIGHT_VARIANCE, abs=0.005)


def test_gaussian_process_follows_the_labels_and_returns_to_the_prior() -> None:
    x, y = np.array([[-1.0], [-0.9], [0.9], [1.0]]), np.array([0, 0, 1, 1])
    posterior = classify(squared_exponential(3.0, 0.5), x, y, np.array([[-1.0], [1.0], [50.0]]))
    low, high, far = posterior.average()[:, 0]
    assert low < 0.25 and high > 0.75 and far == pytest.approx(0.5, abs=1e-6)
    assert np.sqrt(posterior.covariance[2, 2]) == pytest.approx(3.0)


def test_posterior_mode_is_found_from_far_away() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 10))
    y = (rng.random(300) < sigmoid(x @ rng.normal(0, 3, 10))).astype(float)
    precision, centre = np.full(10, 0.1), rng.normal(0, 30, 10)
    mode, _ = posterior_mode(x, y, precision, centre)
    gradient = x.T @ (sigmoid(x @ mode) - y) + precision * (mode - centre)
    assert np.abs(gradient).max() < 1e-3


def test_metropolis_and_laplace_agree_where_data_abound() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 3))
    y = (rng.random(2000) < sigmoid(x @ np.array([1.0, -1.0, 0.5]))).astype(float)
    mode, hessian = posterior_mode(x, y, np.ones(3))
    chains = metropolis_samples(x, y, np.ones(3), 300, rng, steps=100)
    assert chains.mean(axis=0) == pytest.approx(mode, abs=0.03)
    assert chains.std(axis=0) == pytest.approx(laplace_samples(mode, hessian, 3000, rng).std(axis=0), rel=0.15)
