"""Ranks the units of a small ReLU network by their effect on one output, from a few example inputs.

Methods: ablation of single units; activation × gradient; activation only; weights only. Parameters are W1, b1, W2, b2, …
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .causal_gap import masked_outputs

Parameters = Sequence[np.ndarray]
Layers = list[np.ndarray]
"""One array per hidden layer."""


class Examples(NamedTuple):
    """The inputs of a ranking rule."""

    parameters: Parameters
    means: Layers
    """Mean activation of every unit over unlabelled inputs."""
    positive: np.ndarray
    """Inputs that show the concept."""
    negative: np.ndarray
    """Inputs that do not."""
    unlabelled: np.ndarray
    output: int
    """The concept's output."""


Rule = Callable[[Examples, np.random.Generator], Layers]
"""Importance of every unit, higher for more important units."""


def activations(parameters: Parameters, x: np.ndarray) -> Layers:
    """Outputs of every hidden layer, shape (n, units)."""
    layers, layer = [], x
    for number in range(len(parameters) // 2 - 1):
        layer = np.maximum(layer @ parameters[2 * number] + parameters[2 * number + 1], 0)
        layers.append(layer)
    return layers


def gradients(parameters: Parameters, layers: Layers, output: int) -> Layers:
    """Gradients of one output with respect to every hidden unit's output, shape (n, units)."""
    gradient = np.broadcast_to(parameters[-2][:, output], layers[-1].shape)
    found = [gradient]
    for number in reversed(range(1, len(layers))):
        gradient = (gradient * (layers[number] > 0)) @ parameters[2 * number].T
        found.append(gradient)
    return found[::-1]


def at_random(examples: Examples, rng: np.random.Generator) -> Layers:
    """Any order."""
    return [rng.random(len(mean)) for mean in examples.means]


def mean_activation(examples: Examples, rng: np.random.Generator) -> Layers:
    """A unit's mean activation where the concept is shown."""
    return [layer.mean(axis=0) for layer in activations(examples.parameters, examples.positive)]


def activation_difference(examples: Examples, rng: np.random.Generator) -> Layers:
    """How much more active a unit is where the concept is shown than where it is not."""
    pairs = zip(
        activations(examples.parameters, examples.positive), activations(examples.parameters, examples.negative), strict=True
    )
    return [shown.mean(axis=0) - not_shown.mean(axis=0) for shown, not_shown in pairs]


def weight_product(examples: Examples, rng: np.random.Generator) -> Layers:
    """Products of absolute weights along all paths to the output."""
    reach = np.abs(examples.parameters[-2][:, examples.output])
    found = [reach]
    for number in reversed(range(1, len(examples.means))):
        reach = np.abs(examples.parameters[2 * number]) @ reach
        found.append(reach)
    return found[::-1]


def absolute_attribution(examples: Examples, rng: np.random.Generator, *, centred: bool = True) -> Layers:
    """|(activation − mean) × gradient|, averaged over inputs that show the concept."""
    layers = activations(examples.parameters, examples.positive)
    slopes = gradients(examples.parameters, layers, examples.output)
    return [
        np.abs((layer - mean * centred) * slope).mean(axis=0)
        for layer, slope, mean in zip(layers, slopes, examples.means, strict=True)
    ]


def signed_attribution(examples: Examples, rng: np.random.Generator) -> Layers:
    """(Activation − mean) × gradient, where the concept is shown minus where it is not."""
    shown, not_shown = (_attribution(examples, x) for x in (examples.positive, examples.negative))
    return [first - second for first, second in zip(shown, not_shown, strict=True)]


def _attribution(examples: Examples, x: np.ndarray) -> Layers:
    layers = activations(examples.parameters, x)
    slopes = gradients(examples.parameters, layers, examples.output)
    return [((layer - mean) * slope).mean(axis=0) for layer, slope, mean in zip(layers, slopes, examples.means, strict=True)]


def single_ablation(examples: Examples, rng: np.random.Generator, *, contrast: bool = True) -> Layers:
    """How much the output falls where the concept is shown (less, with `contrast`, where it is not) when one unit is ablated."""
    found = _fall(examples, examples.positive)
    if not contrast:
        return found
    return [first - second for first, second in zip(found, _fall(examples, examples.negative), strict=True)]


def _fall(examples: Examples, x: np.ndarray) -> Layers:
    nothing: Layers = [np.array([], dtype=int) for _ in examples.means]
    whole = masked_outputs(examples.parameters, x, examples.means, nothing)[:, examples.output].mean()
    found = []
    for number, mean in enumerate(examples.means):
        falls = np.empty(len(mean))
        for unit in range(len(mean)):
            removed = [np.array([unit]) if layer == number else empty for layer, empty in enumerate(nothing)]
            falls[unit] = whole - masked_outputs(examples.parameters, x, examples.means, removed)[:, examples.output].mean()
        found.append(falls)
    return found


def pseudo_labelled(rule: Rule, count: int = 60) -> Rule:
    """A rule that sees many more examples: unlabelled inputs on which the output itself is highest and lowest."""

    def of_more_examples(examples: Examples, rng: np.random.Generator) -> Layers:
        nothing: Layers = [np.array([], dtype=int) for _ in examples.means]
        outputs = masked_outputs(examples.parameters, examples.unlabelled, examples.means, nothing)[:, examples.output]
        order = np.argsort(outputs)
        more = examples._replace(positive=examples.unlabelled[order[-count:]], negative=examples.unlabelled[order[: 3 * count]])
        return rule(more, rng)

    return of_more_examples


def ranked(importance: Layers, count: int) -> list[str]:
    """The `count` most important units of each layer as a submission writes them."""
    return [" ".join(map(str, np.argsort(-values, kind="stable")[:count])) for values in importance]
