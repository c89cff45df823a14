"""Circuits: units held at their mean, the causal gap by hand, lists that are refused, gradients."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from mlebench.research.trained_networks import initial_parameters

from .folders import module

causal_gap, grade, unit_lists, unit_rankings = (
    module("research-visual-circuits", name) for name in ("causal_gap", "grade", "unit_lists", "unit_rankings")
)


# three inputs to four hidden units: unit 0 carries input 0 to output 0, unit 1 carries input 1 to output 1, the others do nothing
PARAMETERS = [
    np.array([[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 0, 1.0]]), np.zeros(4),
    np.array([[1.0, 0], [0, 1.0], [0, 0], [0, 0]]), np.zeros(2),
]  # fmt: skip


def test_units_held_at_their_mean() -> None:
    x, means = np.array([[2.0, 3.0, 0.0]]), [np.array([0.5, 0.5, 0.5, 0.5])]
    assert causal_gap.masked_outputs(PARAMETERS, x, means, [np.array([], dtype=int)]).tolist() == [[2.0, 3.0]]
    assert causal_gap.masked_outputs(PARAMETERS, x, means, [np.array([1])]).tolist() == [[2.0, 0.5]]


def test_causal_gap_of_the_right_units_is_half_and_of_the_others_less() -> None:
    labels = np.array([0, 1, 0, 1])
    x, means = np.column_stack([labels, 1 - labels, labels]).astype(float), [np.full(4, 0.5)]
    assert causal_gap.causal_gap(PARAMETERS, x, labels, means, [np.array([0])], 0) == 0.5
    assert causal_gap.causal_gap(PARAMETERS, x, labels, means, [np.array([1, 2, 3])], 0) == -0.5


def test_circuits_are_graded_by_their_prefixes() -> None:
    labels = np.array([[0], [1]] * 5)
    weights = np.zeros((1, 40))
    weights[0, 7] = 1
    network = grade.Network([weights, np.zeros(40), weights.T, np.zeros(1)], [np.full(40, 0.5)], labels.astype(float), labels)
    answers = pd.DataFrame({"row_id": ["a"], "name": ["a"], "concept": [0], "layer": [0], "network": [network]})
    grader = dataclasses.replace(grade.grader, columns={"units": unit_lists.RankedUnits(40)})
    units = [number for number in range(20) if number != 7]
    at_place = {place: " ".join(map(str, [*units[:place], 7, *units[place : unit_lists.LISTED - 1]])) for place in (0, 5, 15)}
    scores = [grader.score(pd.DataFrame({"row_id": ["a"], "units": [cell]}), answers) for cell in at_place.values()]
    # within the first 4, within the first 8, within all 16
    assert scores == pytest.approx([0.5, (-0.5 + 0.5 + 0.5) / 3, (-0.5 - 0.5 + 0.5) / 3])


def test_lists_of_units_that_are_refused() -> None:
    kind = unit_lists.RankedUnits(20)
    whole = pd.Series([" ".join(map(str, range(16)))], name="units")
    assert kind.parse(whole, pd.Series(["a"]))[0] == whole[0]
    for cell in kind.refused_cells().values():
        with pytest.raises(InvalidSubmission, match="`units`"):
            kind.parse(pd.Series([cell], name="units"), pd.Series(["a"]))


def test_circuit_gradients_are_those_of_differences() -> None:
    rng = np.random.default_rng(0)
    parameters = [array[0] for array in initial_parameters(rng, 1, (3, 5, 4, 2), dtype=np.float64)]
    parameters[1] += 0.5
    parameters[3] += 0.1
    x = rng.standard_normal((1, 3))
    layers = unit_rankings.activations(parameters, x)
    assert (layers[1] > 0).any()
    found = unit_rankings.gradients(parameters, layers, output=1)

    def output(first: np.ndarray) -> float:
        second = np.maximum(first @ parameters[2] + parameters[3], 0)
        return float((second @ parameters[4] + parameters[5])[0, 1])

    for unit in range(5):
        moved = layers[0].copy()
        moved[0, unit] += 1e-6
        assert found[0][0, unit] == pytest.approx((output(moved) - output(layers[0])) / 1e-6, abs=1e-5)
