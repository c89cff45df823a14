"""A small captioning network: patches of a picture prompt a text transformer, whose units can be held near their mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

PATCHES = 4
"""Positions of the prompt; as many words follow in the caption."""
BLOCKS, UNITS = 3, 128
PROJECTIONS = ("query", "key", "value")
"""The projections of an attention head."""
ARRAYS = (
    "encoder_weights", "encoder_bias", "adapter", "adapter_bias", "token_embedding", "position_embedding",
    *PROJECTIONS, "output", "unit_input", "unit_bias", "unit_output", "unembedding", "start_token",
)  # fmt: skip

Layers = list[np.ndarray]
"""One array per block."""


@dataclass(frozen=True)
class Captioner:
    """The weights, as `networks.npz` holds them, in float64.

    A picture's patches go through an encoder (one layer with ReLU) and an adapter (linear) into the residual stream of a
    transformer. Its text positions hold the start token and the words before the predicted one. Attention is causal; it and the
    units read the stream divided by its root mean square.
    """

    arrays: Mapping[str, np.ndarray]

    @classmethod
    def read(cls, stored: Mapping[str, np.ndarray]) -> Self:
        return cls({name: np.asarray(stored[name], dtype=np.float64) for name in ARRAYS})

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def prompt(self, patches: np.ndarray) -> np.ndarray:
        """Outputs of the adapter, shape (n, PATCHES, width), for patches of shape (n, PATCHES, pixels)."""
        features = np.maximum(patches @ self["encoder_weights"] + self["encoder_bias"], 0)
        return np.asarray(features @ self["adapter"] + self["adapter_bias"])

    def entry(self, patches: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """The stream before the first block, shape (n, 2 · PATCHES, width), for captions of shape (n, PATCHES)."""
        start = np.full((len(captions), 1), int(self["start_token"]))
        text = self["token_embedding"][np.concatenate([start, captions[:, :-1]], axis=1)]
        return np.asarray(np.concatenate([self.prompt(patches), text], axis=1) + self["position_embedding"])


@dataclass
class Captioned:
    """Pictures with captions; the network predicts every word from the picture and the words before it.

    Attributes:
        means: the mean activations that ablation moves units to, by position, shape (positions, UNITS) per block.
    """

    network: Captioner
    patches: np.ndarray
    captions: np.ndarray
    means: Layers = field(default_factory=list)

    @cached_property
    def _first(self) -> tuple[np.ndarray, np.ndarray]:
        """What ablation does not change: the stream after the first attention, and the first block's activations."""
        stream = self.network.entry(self.patches, self.captions)
        stream = stream + Attention.of(self.network, 0, normalised(stream)[0]).result
        return stream, activations(self.network, 0, normalised(stream)[0])

    def passed(self, strength: np.ndarray | None = None) -> Pass:
        """One pass through the network.

        Args:
            strength: strength of each unit's ablation, shape (BLOCKS, UNITS): 0 leaves it unchanged, 1 holds it at its mean.
        """
        stream, active = self._first
        found = Pass(self.network)
        for block in range(BLOCKS):
            if block:
                seen, scale = normalised(stream)
                attention = Attention.of(self.network, block, seen)
                found.attentions.append((attention, seen, scale))
                # nothing reads the last block at the positions of patches
                stream = (stream + attention.result)[:, PATCHES if block == BLOCKS - 1 else 0 :]
                active = activations(self.network, block, normalised(stream)[0])
            found.seen.append(normalised(stream))
            if strength is not None and (moved := np.flatnonzero(strength[block])).size:
                active = active.copy()
                held = self.means[block][:, moved] - active[..., moved]
                active[..., moved] += strength[block, moved] * held
            found.units.append(active)
            stream = stream + active @ self.network["unit_output"][block]
        found.last = normalised(stream)
        found.logits = found.last[0] @ self.network["unembedding"]
        return found

    def word_probabilities(self, strength: np.ndarray | None = None) -> np.ndarray:
        """Probability of each word of the captions, shape (n, PATCHES)."""
        probabilities = self.passed(strength).probabilities
        return np.take_along_axis(probabilities, self.captions[..., None], axis=2)[..., 0]


class Pass:
    """Results of a pass through the network: activations, logits, and intermediate values for gradients."""

    def __init__(self, network: Captioner) -> None:
        self.network = network
        self.units: Layers = []
        """Activations by block, shape (n, positions, UNITS); the last block has the text positions only."""
        self.attentions: list[tuple[Attention, np.ndarray, np.ndarray]] = []
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []
        """The input of each block's units, and its scale."""
        self.last: tuple[np.ndarray, np.ndarray]
        self.logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """Logit of each word at each text position, shape (n, PATCHES, words)."""
        return softmax(self.logits)

    def slopes(self, by_logits: np.ndarray, strength: np.ndarray | None = None) -> Layers:
        """Gradients of a scalar with respect to every unit's activation after ablation.

        Args:
            by_logits: its gradient with respect to the logits, shape (n, PATCHES, words).
            strength: the ablation of the pass; gradients flow only through the part of a unit that is not ablated.
        """
        return [gradient @ self.network["unit_output"][block].T for block, gradient in self.backward(by_logits, strength)][::-1]

    def backward(self, by_logits: np.ndarray, strength: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """The blocks from last to first, each with the gradient for the stream after it; arguments as for `slopes`."""
        network = self.network
        gradient = through_norm(by_logits @ network["unembedding"].T, *self.last)
        for block in reversed(range(BLOCKS)):
            yield block, gradient
            if block == 0:
                return
            seen, scale = self.seen[block]
            inside = gradient @ network["unit_output"][block].T * self.is_active(block)
            if strength is not None:
                inside = inside * (1 - strength[block])
            gradient = gradient + through_norm(inside @ network["unit_input"][block].T, seen, scale)
            if block == BLOCKS - 1:
                gradient = np.concatenate([np.zeros_like(gradient), gradient], axis=1)
            attention, seen, scale = self.attentions[block - 1]
            gradient = gradient + through_norm(attention.backward(network, block, seen, gradient), seen, scale)

    def is_active(self, block: int) -> np.ndarray:
        """Where the units of a block are active, and so pass gradients on, ablated or not."""
        return activations(self.network, block, self.seen[block][0]) > 0


@dataclass(frozen=True)
class Attention:
    """Causal attention of one block: projections of shape (n, heads, positions, head width), and the sum of its heads."""

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    result: np.ndarray

    @classmethod
    def of(cls, network: Captioner, block: int, seen: np.ndarray) -> Self:
        queries, keys, values = (seen[:, None] @ network[name][block] for name in PROJECTIONS)
        scores = queries @ np.swapaxes(keys, 2, 3) / np.sqrt(keys.shape[-1])
        later = np.triu(np.ones(scores.shape[2:], dtype=bool), 1)
        weights = softmax(np.where(later, -np.inf, scores))
        return cls(queries, keys, values, weights, (weights @ values @ network["output"][block]).sum(axis=1))

    def backward(self, network: Captioner, block: int, seen: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The gradient with respect to the input of attention, given that with respect to `result`."""
        by_mixed = gradient[:, None] @ np.swapaxes(network["output"][block], 1, 2)
        by_weights = by_mixed @ np.swapaxes(self.values, 2, 3)
        by_scores = self.weights * (by_weights - (by_weights * self.weights).sum(axis=-1, keepdims=True))
        by_scores = by_scores / np.sqrt(self.keys.shape[-1])
        parts = {
            "query": by_scores @ self.keys,
            "key": np.swapaxes(by_scores, 2, 3) @ self.queries,
            "value": np.swapaxes(self.weights, 2, 3) @ by_mixed,
        }
        return np.asarray(sum((part @ np.swapaxes(network[name][block], 1, 2)).sum(axis=1) for name, part in parts.items()))


def activations(network: Captioner, block: int, seen: np.ndarray) -> np.ndarray:
    return np.maximum(seen @ network["unit_input"][block] + network["unit_bias"][block], 0)


def normalised(stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stream divided by its root mean square, and the root mean square."""
    scale = np.sqrt((stream * stream).mean(axis=-1, keepdims=True))
    return stream / scale, scale


def through_norm(gradient: np.ndarray, seen: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The gradient with respect to the stream, given that with respect to `normalised`."""
    return np.asarray((gradient - seen * (gradient * seen).mean(axis=-1, keepdims=True)) / scale)


def softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def mean_activations(captioned: Captioned) -> Layers:
    """By position, shape (positions, UNITS) per block."""
    return [active.mean(axis=0) for active in captioned.passed().units]
