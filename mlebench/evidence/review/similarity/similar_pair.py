"""Two sides whose code is alike, and what that says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlebench.evidence.review.similarity.code_set import Side
from mlebench.evidence.review.similarity.stretches import Stretch

VIOLATION = 0.5
"""Extent from which code counts as taken over. Copies with other names, constants, order and files measure 0.9 and more, with
statements put in between 0.75; independent solutions of one task 0.02 at most, examples by one author to one pattern 0.4."""
LOOK = 0.25
"""Extent from which a person should look."""
NEARLY_ALL = 0.8
"""Extent from which the code of two runs counts as one, and similarity from which a few lines are worth a look."""
LEAST_SHARED = 12
"""Fingerprints from which on a likeness counts: 80 tokens, ten lines. Shorter scripts are alike without being copied: reading
tables, fitting a model and writing predictions is 6 to 12. Half of it for a pair to be listed at all."""
LEAST_IN_PART = 20
"""Fingerprints from which on it counts that a side is a part of the other, which may hold much more."""


@dataclass(frozen=True)
class SimilarPair:
    """Two sides that share code."""

    left: Side
    """A run or an agent's folder."""
    right: Side
    """A notebook, or another run of the same competition."""
    similarity: float
    """Twice the shared fingerprints by those of both, 0 to 1: of all files, or of the two files most alike if that is more."""
    left_share: float
    right_share: float
    """Shares of either side's fingerprints that the other has."""
    shared: int
    """Fingerprints that both have."""
    stretches: Sequence[Stretch]
    """The longest first."""

    @property
    def extent(self) -> float:
        """What levels are decided by: the similarity, or the share of a side that is a part of the other."""
        if self.shared < LEAST_IN_PART:
            return self.similarity
        return max(self.similarity, self.left_share, self.right_share)

    @property
    def longest(self) -> int:
        """Tokens of the longest stretch."""
        return max((stretch.tokens for stretch in self.stretches), default=0)

    def level(self, threshold: float = VIOLATION) -> Literal["violation", "look"] | None:
        """What a review says about it; None if that is nothing.

        Between runs, nobody knows who copied, and agents on one model write alike: it takes more for a violation. One agent's
        runs of one competition are alike by nature: nothing is said within a group, `look` at most between groups.
        """
        is_between_runs = self.right.kind == "run"
        if (is_between_runs and self.left.group == self.right.group) or self.extent < min(LOOK, threshold):
            return None
        if self.shared < LEAST_SHARED:
            return "look" if self.similarity >= NEARLY_ALL else None
        if not is_between_runs:
            return "violation" if self.extent >= threshold else "look"
        is_copied = self.extent >= max(threshold, NEARLY_ALL) and self.shared >= LEAST_IN_PART
        return "violation" if is_copied and self.left.agent != self.right.agent else "look"

    def to_dict(self) -> dict[str, Any]:
        """The pair as JSON holds it."""
        return {
            "left": self.left._asdict(),
            "right": self.right._asdict(),
            "similarity": round(self.similarity, 4),
            "left_share": round(self.left_share, 4),
            "right_share": round(self.right_share, 4),
            "longest": self.longest,
            "stretches": [
                {"left": stretch.left._asdict(), "right": stretch.right._asdict(), "tokens": stretch.tokens}
                for stretch in self.stretches
            ],
        }
