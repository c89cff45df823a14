"""How ablating units affects the words of captions, and which words."""

from __future__ import annotations

import numpy as np

from .captioner import BLOCKS, UNITS, Captioned
from .unit_choice import Choice


def strength_of(choice: Choice) -> np.ndarray:
    """Strength of ablation of every unit, shape (BLOCKS, UNITS)."""
    strength = np.zeros((BLOCKS, UNITS))
    strength[choice.blocks, choice.units] = choice.weights
    return strength


class WordEffects:
    """Effects on the words of captioned pictures.

    Attributes:
        words: the words to measure, each of which occurs in a caption.
    """

    def __init__(self, captioned: Captioned, words: np.ndarray) -> None:
        self.captioned, self.words = captioned, words
        occurs = captioned.captions[..., None] == words
        self._share = occurs / occurs.sum(axis=(0, 1))
        self._before = captioned.word_probabilities()

    def drops(self, strength: np.ndarray) -> np.ndarray:
        """Mean fall in each word's probability where a caption contains it, shape (words,)."""
        fall = self._before - self.captioned.word_probabilities(strength)
        return np.asarray(np.tensordot(fall, self._share, axes=2))

    def specific(self, strength: np.ndarray, place: int) -> float:
        """The fall of the word at an index of `words`, less the largest fall of any other word."""
        return specific_drop(self.drops(strength), place)


def specific_drop(drops: np.ndarray, place: int) -> float:
    """The fall of one word, less the largest fall of any other word or 0.

    The measure is specific to this suite; the effect of ablated units on a caption's words, compared with random units, is from
    Schwettmann et al., "Multimodal Neurons in Pretrained Text-Only Transformers" (2023).
    """
    return float(drops[place] - max(0.0, np.delete(drops, place).max()))


def net_effect(effects: WordEffects, place: int, choice: Choice, others: np.ndarray) -> float:
    """The specific fall from ablating units, less the mean specific fall from ablating about equally active units.

    Args:
        place: index of the word in `effects.words`.
        others: what `substitutes` gave.
    """
    drawn = np.moveaxis(others[choice.blocks, choice.units], 1, 0)
    instead = [effects.specific(strength_of(choice._replace(units=units)), place) for units in drawn]
    return effects.specific(strength_of(choice), place) - float(np.mean(instead))


def substitutes(rng: np.random.Generator, captioned: Captioned, count: int, *, near: int = 8) -> np.ndarray:
    """For every unit, others of its block that are about as active, shape (BLOCKS, UNITS, count).

    Units are ordered by root mean square activation; substitutes are drawn from the `near` ones on either side.
    """
    found = np.empty((BLOCKS, UNITS, count), dtype=np.int64)
    for block, active in enumerate(captioned.passed().units):
        order = np.argsort((active * active).mean(axis=(0, 1)), kind="stable")
        for place, unit in enumerate(order):
            around = order[max(0, place - near) : place + near + 1]
            found[block, unit] = rng.choice(around[around != unit], size=count, replace=False)
    return found
