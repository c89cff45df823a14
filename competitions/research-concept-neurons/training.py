"""Trains the units of a captioning network on captions, keeping the norms of their weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlebench.research.trained_networks import Adam

from .captioner import Captioned, Captioner


def train_units(
    rng: np.random.Generator, arrays: Mapping[str, np.ndarray], patches: np.ndarray, captions: np.ndarray, *, steps: int
) -> dict[str, np.ndarray]:
    """The arrays with trained `unit_input` and `unit_output`; everything else is unchanged.

    Args:
        patches: of pictures, shape (n, PATCHES, pixels).
        captions: their words, shape (n, PATCHES).
    """
    network = Captioner.read(arrays)
    inputs, outputs = network["unit_input"], network["unit_output"]
    size = np.linalg.norm(outputs[0, 0])
    # scaled to unit norm, so that one learning rate fits both
    outputs /= size
    optimiser = Adam([inputs, outputs], rate=3e-3)
    for _ in range(steps):
        rows = rng.integers(len(captions), size=64)
        now = Captioner({**network.arrays, "unit_output": size * outputs})
        by_inputs, by_outputs = unit_gradients(Captioned(now, patches[rows], captions[rows]))
        optimiser.step([by_inputs, size * by_outputs])
        inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
        outputs /= np.linalg.norm(outputs, axis=2, keepdims=True)
    return {**arrays, "unit_input": inputs.astype(np.float32), "unit_output": (size * outputs).astype(np.float32)}


def unit_gradients(captioned: Captioned) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the mean cross-entropy of words with respect to `unit_input` and `unit_output`."""
    network, found = captioned.network, captioned.passed()
    signal = found.probabilities
    signal[np.arange(len(signal))[:, None], np.arange(signal.shape[1]), captioned.captions] -= 1
    by_inputs, by_outputs = np.zeros_like(network["unit_input"]), np.zeros_like(network["unit_output"])
    for block, gradient in found.backward(signal / captioned.captions.size):
        inside = gradient @ network["unit_output"][block].T * found.is_active(block)
        by_inputs[block] = flat(found.seen[block][0]).T @ flat(inside)
        by_outputs[block] = flat(found.units[block]).T @ flat(gradient)
    return by_inputs, by_outputs


def flat(array: np.ndarray) -> np.ndarray:
    """One row per position."""
    return array.reshape(-1, array.shape[-1])
