"""Texts as sets of hashes of their stretches, so that copies, near copies and texts within texts are found among many.

Which stretches count depends on their own letters alone, so a text and one that contains it choose the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STRETCH = 12
"""Letters of a stretch."""
_ONE_IN = 4
"""One stretch of this many counts."""
MOST_LETTERS = 4000
"""Letters of a text that are looked at."""
FEWEST_PRINTS = 6
"""A text with fewer stretches that count is too short for a near copy."""
_OWN = 0.3
"""Share of the stretches of a text that must be no common phrases for it to have a copy."""
_COMMON = 20
"""A stretch found in more distinct texts is a common phrase, not a copy; among few texts, a twentieth of them, at least two."""


@dataclass(frozen=True)
class TextPrints:
    """The stretches of many texts."""

    hashes: np.ndarray
    """Shape (stretches,), uint64."""
    owners: np.ndarray
    """Shape (stretches,), int64: positions of their texts, ascending."""
    counts: np.ndarray
    """Shape (texts,), int64: different stretches of each."""


def text_prints(texts: Sequence[str]) -> TextPrints:
    """The stretches of normal forms (as `row_hashes.normal` makes them), each once per text."""
    cut = [text[:MOST_LETTERS] for text in texts]
    lengths = np.array([len(text) for text in cut], dtype=np.int64)
    letters = np.frombuffer("".join(cut).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    owners = np.repeat(np.arange(len(cut)), lengths)
    whole = len(letters) - STRETCH + 1
    if whole <= 0:
        return TextPrints(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(len(cut), np.int64))
    hashes = _windows(letters)
    counted = (owners[:whole] == owners[STRETCH - 1 :]) & ((hashes >> np.uint64(40)) % np.uint64(_ONE_IN) == 0)
    order = np.lexsort((hashes[counted], owners[:whole][counted]))
    hashes, owners = hashes[counted][order], owners[:whole][counted][order]
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return TextPrints(hashes[new], owners[new], np.bincount(owners[new], minlength=len(cut)))


def _windows(letters: np.ndarray) -> np.ndarray:
    """A hash of each stretch of 12 letters: of 4, by doubling, then of three of those."""
    base = np.uint64(0x9E3779B97F4A7C15)
    hashes = (letters + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93)
    for width in (1, 2):
        hashes = hashes[:-width] + hashes[width:] * (base ** np.uint64(width) | np.uint64(1))
        hashes = hashes ^ (hashes >> np.uint64(31))
    mixed: np.ndarray = (hashes[:-8] + hashes[4:-4] * base) * base + hashes[8:] * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def _common(texts: set[str]) -> np.ndarray:
    """Hashes of stretches that are common phrases, ascending."""
    hashes, count = np.unique(text_prints([*texts]).hashes, return_counts=True)
    common: np.ndarray = hashes[count > max(2, min(_COMMON, len(texts) // 20))]
    return common


class NearTexts:
    """Test texts, among which copies of others are looked for."""

    def __init__(self, texts: Sequence[str], others: Sequence[str]) -> None:
        """Index some normal forms.

        Args:
            texts: those that copies are looked for of.
            others: some of the texts among which they are looked for; of both it is told which stretches are common phrases.
        """
        self._common = _common({*texts, *others})
        whole = text_prints(texts)
        prints = self._rare(whole, len(texts))
        self._says_enough = prints.counts >= np.maximum(FEWEST_PRINTS, _OWN * whole.counts)
        kept = self._says_enough[prints.owners]
        order = np.argsort(prints.hashes[kept], kind="stable")
        self._hashes, self._owners, self._counts = prints.hashes[kept][order], prints.owners[kept][order], prints.counts

    @property
    def says_enough(self) -> np.ndarray:
        """Shape (texts,), bool: whether an indexed text is more than common phrases, so that one like it is a copy."""
        return self._says_enough

    def _rare(self, prints: TextPrints, texts: int) -> TextPrints:
        """The stretches of this many texts that are not common phrases."""
        place = np.minimum(np.searchsorted(self._common, prints.hashes), max(len(self._common) - 1, 0))
        rare = self._common[place] != prints.hashes if len(self._common) else np.ones(len(prints.hashes), dtype=bool)
        owners = prints.owners[rare]
        return TextPrints(prints.hashes[rare], owners, np.bincount(owners, minlength=texts))

    def near(self, texts: Sequence[str], share: float) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of which the shorter text shares most of its stretches with the other.

        Args:
            texts: normal forms.
            share: how many of the stretches of the shorter one, 0 to 1.

        Returns:
            Positions of indexed texts and of these, one pair each.
        """
        from mlebench.preparation.audit.likeness.row_hashes import matches

        prints = self._rare(text_prints(texts), len(texts))
        left, right = matches(self._hashes, prints.hashes)
        codes, shared = np.unique(self._owners[left] * len(texts) + prints.owners[right], return_counts=True)
        mine, theirs = codes // max(len(texts), 1), codes % max(len(texts), 1)
        needed = np.maximum(np.minimum(self._counts[mine], prints.counts[theirs]) * share, FEWEST_PRINTS)
        near = shared >= needed
        return mine[near], theirs[near]
