"""The effect of a network's units, measured by ablation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grading.metrics.classification import roc_auc

Units = Sequence[np.ndarray]
"""Unit numbers of each hidden layer."""


def masked_outputs(parameters: Sequence[np.ndarray], x: np.ndarray, means: Units, removed: Units) -> np.ndarray:
    """Outputs of a ReLU network with some hidden units held at their mean.

    Args:
        parameters: W1, b1, W2, b2, …; weights of shape (before, after).
        x: inputs, shape (n, inputs).
        means: mean activation of every unit, one array per hidden layer.
        removed: the ablated units, one array per hidden layer.

    Returns:
        Shape (n, outputs).
    """
    layer = x
    for number, (mean, units) in enumerate(zip(means, removed, strict=True)):
        layer = np.maximum(layer @ parameters[2 * number] + parameters[2 * number + 1], 0)
        layer[:, units] = mean[units]
    return np.asarray(layer @ parameters[-2] + parameters[-1])


def causal_gap(
    parameters: Sequence[np.ndarray], x: np.ndarray, labels: np.ndarray, means: Units, circuit: Units, output: int
) -> float:
    """How much of one output a circuit carries: its quality with only the circuit minus its quality without the circuit.

    Quality is the area under the ROC curve of the output; the quality without the circuit counts at least ½, as an inverted
    output still encodes the concept. The measure is this suite's own; units are held at their mean as in Wang et al.,
    "Interpretability in the Wild" (2022).

    Args:
        parameters, x, means: as for `masked_outputs`.
        labels: whether each input shows the concept, 0 or 1, shape (n,).
        circuit: the units of the circuit, one array per hidden layer.
        output: the output of the concept.

    Returns:
        −1 to ½; higher is better.

    Raises:
        ValueError: only one class occurs in `labels`.
    """
    others = [np.setdiff1d(np.arange(len(mean)), units) for mean, units in zip(means, circuit, strict=True)]
    kept = roc_auc(labels, masked_outputs(parameters, x, means, others)[:, output])
    ablated = roc_auc(labels, masked_outputs(parameters, x, means, circuit)[:, output])
    return kept - max(0.5, ablated)
