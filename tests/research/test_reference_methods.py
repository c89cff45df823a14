"""The reference methods: gradients, known answers, and what their names promise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.reference_methods.ensembles import train_dropout, train_ensemble
from benchmarks.reference_methods.epinet import train_epinet
from benchmarks.reference_methods.epistemic import EpistemicNetwork, sample_functions
from benchmarks.reference_methods.hypermodel import train_hypermodel
from mlebench.research.circuits import activations, gradients
from mlebench.research.gaussian_process import WEIGHT_VARIANCE, classify, network_kernel, squared_exponential
from mlebench.research.logistic import laplace_samples, metropolis_samples, posterior_mode
from mlebench.research.networks import draw_network, sigmoid, truncated_normal
from mlebench.research.retrieval import normalised
from mlebench.research.string_functions import ATOMS, CONDITIONS, apply, draw_function, draw_text
from mlebench.research.string_search import search, search_with_exception
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


def test_normalisation_of_a_hub_by_hand() -> None:
    e = np.eye(4)
    gallery = np.stack([e[1], e[0], -e[1], -e[0], e[2]])
    directions = [e[1], e[0], -e[1], -e[0], np.zeros(4)]
    queries = np.stack([0.6 * direction + 0.8 * e[2] for direction in directions[:4]] + [e[2]])
    bank = np.concatenate([queries + shift * e[axis] for axis in (1, 0) for shift in (0.01, -0.01)])
    plain = queries @ gallery.T
    assert plain.argmax(axis=1).tolist() == [4] * 5
    corrected = normalised(plain, bank @ gallery.T, k=2, alpha=0.75)
    assert corrected.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert corrected.max(axis=1) == pytest.approx([0.14625] * 4 + [0.25])


def test_circuit_gradients_are_those_of_differences() -> None:
    rng = np.random.default_rng(0)
    parameters = [array[0] for array in initial_parameters(rng, 1, (3, 5, 4, 2), dtype=np.float64)]
    parameters[1] += 0.5
    parameters[3] += 0.1
    x = rng.standard_normal((1, 3))
    layers = activations(parameters, x)
    assert (layers[1] > 0).any()
    found = gradients(parameters, layers, output=1)

    def output(first: np.ndarray) -> float:
        second = np.maximum(first @ parameters[2] + parameters[3], 0)
        return float((second @ parameters[4] + parameters[5])[0, 1])

    for unit in range(5):
        moved = layers[0].copy()
        moved[0, unit] += 1e-6
        assert found[0][0, unit] == pytest.approx((output(moved) - output(layers[0])) / 1e-6, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_random_text_functions_are_deterministic_and_use_every_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    function = draw_function(rng, depth=3, has_exception=True)
    texts = [draw_text(rng) for _ in range(200)]
    assert [function(text) for text in texts] == [function(text) for text in texts]
    for place in range(3):
        without = function.atoms[:place] + function.atoms[place + 1 :]
        assert any(apply(without, text) != apply(function.atoms, text) for text in texts)
    assert any(function.is_exception(text) and function(text) != apply(function.atoms, text) for text in texts)


@pytest.mark.parametrize("name", ATOMS)
def test_atoms_take_any_text(name: str) -> None:
    for text in ("", " ", "a", "Ab 12", "zebra  Z", "éß 東", "x" * 60):
        assert isinstance(ATOMS[name](text), str)


def test_search_finds_two_steps_and_exceptions() -> None:
    texts = ["Abe", "kiwi", "orange juice", "ulm", "Berlin", "egg"]
    two = [(text, ATOMS["reverse"](ATOMS["upper case"](text))) for text in texts]
    assert search(two, ATOMS, depth=2)("tea") == "AET"
    vowel = CONDITIONS["starts with a vowel"]
    either = [(text, text.upper() if vowel(text) else text[::-1]) for text in texts]
    found = search_with_exception(either, ATOMS, depth=1)
    assert (found("ice"), found("tea")) == ("ICE", "aet")
