"""Two sides with similar code, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlebench.evidence.review.similarity.code_set import Side
from mlebench.evidence.review.similarity.stretches import Stretch

VIOLATION = 0.5
"""Extent from which code counts as copied. Copies with other names, constants, order and files measure 0.9 and more, with
inserted statements 0.75; independent solutions of one task 0.02 at most, an author's examples of one pattern 0.4."""
LOOK = 0.25
"""Extent from which a person should look."""
NEARLY_ALL = 0.8
"""Extent from which the code of two runs counts as one, and similarity from which a few lines are worth a look."""
LEAST_SHARED = 12
"""Fingerprints from which a similarity counts: 80 tokens, ten lines. Shorter scripts are similar without copying: reading
tables, fitting a model and writing predictions has 6 to 12. Half of it suffices for a pair to be listed."""
LEAST_IN_PART = 20
"""Fingerprints from which it counts that one side is part of the other, which may be much longer."""


@dataclass(frozen=True)
class SimilarPair:
    """Two sides that share code."""

    left: Side
    """A run or an agent's folder."""
    right: Side
    """A notebook, or another run of the same competition."""
    similarity: float
    """Twice the shared fingerprints over those of both sides, 0 to 1: for all files, or for the two most similar if higher."""
    left_share: float
    right_share: float
    """Shares of either side's fingerprints that the other has."""
    shared: int
    """Fingerprints that both have."""
    stretches: Sequence[Stretch]
    """The longest first."""

    @property
    def extent(self) -> float:
        """The value that decides levels: the similarity, or the share of one side that is in the other."""
        if self.shared < LEAST_IN_PART:
            return self.similarity
        return max(self.similarity, self.left_share, self.right_share)

    @property
    def longest(self) -> int:
        """Tokens of the longest stretch."""
        return max((stretch.tokens for stretch in self.stretches), default=0)

    def level(self, threshold: float = VIOLATION) -> Literal["violation", "look"] | None:
        """The level in a review; None for no finding.

        Between runs it is unknown who copied, and agents on one model write similar code, so a violation needs more. One agent's
        runs of one competition are naturally similar: within a group there is no finding, between groups at most `look`.
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
        """The pair in JSON form."""
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
