"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.reviewed import ReviewedGroup


@dataclass(frozen=True)
class RuleOptions:
    """What a user supplies besides the groups."""

    against: Path | None = None
    """A folder of other people's work: notebooks, scripts and what they predicted."""


@dataclass(frozen=True)
class Rule:
    """A question about run groups that is answered without a model."""

    name: str
    question: str
    """In one sentence."""
    find: Callable[[Sequence[ReviewedGroup], RuleOptions], Iterator[ReviewFinding]]
    compares: bool = False
    """Whether it compares runs and therefore needs all groups at once; other rules may see one run at a time."""
    lacks: Callable[[Sequence[ReviewedGroup]], str | None] = lambda groups: None
    """Why some runs could not be examined, in a sentence without a full stop; None if all could."""
