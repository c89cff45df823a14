"""Chooses the units that carry a concept to its word: by activation, weights, gradients, single ablations, or greedily."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from .ablation_effects import WordEffects, strength_of
from .captioner import BLOCKS, PATCHES, UNITS, Captioned, Captioner, Layers, softmax
from .unit_choice import LISTED, Choice


@dataclass
class Examples:
    """What a method sees.

    Attributes:
        captioned: pictures with captions.
        words: the words of the concepts.
        uncaptioned: patches of additional pictures.
    """

    captioned: Captioned
    words: np.ndarray
    uncaptioned: np.ndarray

    @property
    def network(self) -> Captioner:
        return self.captioned.network

    @cached_property
    def effects(self) -> WordEffects:
        return WordEffects(self.captioned, self.words)

    def self_captioned(self) -> Self:
        """The task with many more pictures: those without captions, captioned by the network."""
        captions = written_captions(self.network, self.uncaptioned)
        known = self.captioned
        patches = np.concatenate([known.patches, self.uncaptioned])
        return replace(self, captioned=Captioned(known.network, patches, np.concatenate([known.captions, captions]), known.means))


Importance = np.ndarray
"""Importance of each unit for each word, higher for more important units, shape (words, BLOCKS, UNITS)."""
Rule = Callable[[Examples, np.random.Generator], Importance]


def written_captions(network: Captioner, patches: np.ndarray) -> np.ndarray:
    """The captions that the network writes greedily, shape (n, PATCHES)."""
    captions = np.zeros((len(patches), PATCHES), dtype=np.int64)
    for place in range(PATCHES):
        captions[:, place] = Captioned(network, patches, captions).passed().logits[:, place].argmax(axis=1)
    return captions


def at_random(examples: Examples, rng: np.random.Generator) -> Importance:
    """Any order."""
    return rng.random((len(examples.words), BLOCKS, UNITS))


def mean_activation(examples: Examples, rng: np.random.Generator, *, centred: bool = False) -> Importance:
    """Activation over a picture's positions if its caption contains the word; if `centred`, the excess over the mean."""
    active = examples.captioned.passed().units
    means = examples.captioned.means
    found = []
    for word in examples.words:
        shown = (examples.captioned.captions == word).any(axis=1)
        found.append([(layer[shown] - centred * mean).mean(axis=(0, 1)) for layer, mean in zip(active, means, strict=True)])
    return np.array(found)


def logit_lens(examples: Examples, rng: np.random.Generator) -> Importance:
    """The word's logit when a unit's output weights are read as if they were the final stream."""
    network = examples.network
    return np.array([network["unit_output"] @ network["unembedding"][:, word] for word in examples.words])


def activation_times_logit_lens(examples: Examples, rng: np.random.Generator, *, centred: bool = False) -> Importance:
    return mean_activation(examples, rng, centred=centred) * logit_lens(examples, rng)


def attribution(
    examples: Examples,
    rng: np.random.Generator,
    *,
    centred: bool = True,
    of_logit: bool = False,
    patches_only: bool = False,
) -> Importance:
    """Activation × gradient of the word's logit or probability, summed over positions, averaged over the word's occurrences.

    Args:
        centred: whether activations are measured from their mean, to which an ablation moves them.
        of_logit: whether to use the published objective, the logit.
        patches_only: whether to use only the published positions, those of the prompt.
    """
    means = examples.captioned.means if centred else [np.zeros_like(mean) for mean in examples.captioned.means]
    places = slice(PATCHES) if patches_only else slice(None)
    return np.array([attributed(examples.captioned, word, means, of_logit=of_logit, places=places) for word in examples.words])


def attributed(
    captioned: Captioned,
    word: int,
    means: Layers,
    *,
    strength: np.ndarray | None = None,
    of_logit: bool = False,
    places: slice = slice(None),
) -> np.ndarray:
    """The same for one word, with some units ablated, shape (BLOCKS, UNITS)."""
    occurs = captioned.captions == word
    rows = occurs.any(axis=1)
    some = Captioned(captioned.network, captioned.patches[rows], captioned.captions[rows], captioned.means)
    found, at = some.passed(strength), np.nonzero(occurs[rows])
    by_logits = np.zeros_like(found.logits)
    by_logits[(*at, word)] = 1
    if not of_logit:
        probabilities = softmax(found.logits[at])
        by_logits[at] = probabilities[:, [word]] * (by_logits[at] - probabilities)
    total = np.zeros((BLOCKS, UNITS))
    for block, (slope, mean) in enumerate(zip(found.slopes(by_logits, strength), means, strict=True)):
        effect = (found.units[block] - mean) * slope
        # the last block has no patch positions
        seen = effect[:, places] if block < BLOCKS - 1 else effect[:, : 0 if places.stop else None]
        total[block] = seen.sum(axis=(0, 1)) / occurs.sum()
    return total


def single_ablation(examples: Examples, rng: np.random.Generator) -> Importance:
    """How much the word's probability falls when one unit is ablated."""
    found = np.empty((len(examples.words), BLOCKS, UNITS))
    for block, unit in np.ndindex(BLOCKS, UNITS):
        strength = np.zeros((BLOCKS, UNITS))
        strength[block, unit] = 1
        found[:, block, unit] = examples.effects.drops(strength)
    return found


def specific(rule: Rule) -> Rule:
    """A rule's importance for the word, less the largest for any other word."""

    def of_the_word_alone(examples: Examples, rng: np.random.Generator) -> Importance:
        importance = rule(examples, rng)
        others = [np.delete(importance, place, axis=0).max(axis=0) for place in range(len(importance))]
        return importance - np.maximum(0, others)

    return of_the_word_alone


def ranked(importance: np.ndarray, count: int = LISTED) -> Choice:
    """The most important units of one word, fully ablated."""
    order = np.argsort(-importance, axis=None, kind="stable")[:count]
    blocks, units = np.unravel_index(order, importance.shape)
    return Choice(blocks, units, np.ones(count))


Chooser = Callable[[Examples, np.random.Generator], list[Choice]]


def by_rank(rule: Rule) -> Chooser:
    """The most important units of each word."""
    return lambda examples, rng: [ranked(importance) for importance in rule(examples, rng)]


def weighted(rule: Rule) -> Chooser:
    """The same units, ablated in proportion to their importance."""

    def choose(examples: Examples, rng: np.random.Generator) -> list[Choice]:
        choices = []
        for importance in rule(examples, rng):
            choice = ranked(importance)
            shares = importance[choice.blocks, choice.units] / importance.max()
            choices.append(choice._replace(weights=shares.clip(0, 1)))
        return choices

    return choose


def self_captioned(chooser: Chooser) -> Chooser:
    """A method that also sees the pictures without captions, with the captions that the network writes."""
    return lambda examples, rng: chooser(examples.self_captioned(), rng)


def repeated_attribution(
    examples: Examples, rng: np.random.Generator, *, count: int = LISTED, steps: int = LISTED
) -> list[Choice]:
    """Units by attribution, recomputed whenever some have been chosen and ablated, because others may compensate for them."""
    damage = attribution(examples, rng)
    chosen = []
    for place, word in enumerate(examples.words):
        others = np.maximum(0, np.delete(damage, place, axis=0).max(axis=0))
        strength, order = np.zeros((BLOCKS, UNITS)), np.empty(0, dtype=int)
        for step in range(steps):
            gain = attributed(examples.captioned, int(word), examples.captioned.means, strength=strength) - others
            gain[strength > 0] = -np.inf
            more = np.argsort(-gain, axis=None, kind="stable")[: count * (step + 1) // steps - len(order)]
            order = np.concatenate([order, more])
            strength.flat[order] = 1
        chosen.append(Choice(*np.unravel_index(order, strength.shape), np.ones(count)))
    return chosen


def greedy(examples: Examples, rng: np.random.Generator, *, candidates: int = 40) -> list[Choice]:
    """Greedily, the unit that adds most to the effect of the set, among those that one-time or repeated attribution proposes."""
    first = specific(attribution)(examples, rng)
    repeated = repeated_attribution(examples, rng, count=candidates // 2)
    chosen = []
    for place, again in enumerate(repeated):
        proposals = [strength_of(ranked(first[place], candidates // 2)), strength_of(again)]
        pool = [(int(block), int(unit)) for block, unit in np.argwhere(np.maximum(*proposals))]
        strength, order = np.zeros((BLOCKS, UNITS)), []
        for _ in range(LISTED):
            effects = [examples.effects.specific(changed(strength, entry, 1), place) for entry in pool]
            order.append(pool.pop(int(np.argmax(effects))))
            strength = changed(strength, order[-1], 1)
        blocks, units = np.array(order).T
        chosen.append(Choice(blocks, units, np.ones(LISTED)))
    return chosen


def reweighted(chooser: Chooser, grid: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)) -> Chooser:
    """The units of a method, with weights fitted one after the other to maximise the effect of the set."""

    def choose(examples: Examples, rng: np.random.Generator) -> list[Choice]:
        choices = []
        for place, choice in enumerate(chooser(examples, rng)):
            strength = strength_of(choice)
            for entry in zip(choice.blocks, choice.units, strict=True):
                effects = [examples.effects.specific(changed(strength, entry, weight), place) for weight in grid]
                strength = changed(strength, entry, grid[int(np.argmax(effects))])
            choices.append(choice._replace(weights=strength[choice.blocks, choice.units]))
        return choices

    return choose


def changed(strength: np.ndarray, entry: tuple[int, int], weight: float) -> np.ndarray:
    """The strengths with one unit's replaced."""
    more = strength.copy()
    more[entry] = weight
    return more
