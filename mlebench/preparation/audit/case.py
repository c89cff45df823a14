"""What every check gets: one prepared competition, as an agent sees it and with the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.labels import TrainLabels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import Truth
from mlebench.registry import Competition


@dataclass(frozen=True)
class Case:
    """One competition in one edition."""

    competition: Competition
    seen: Seen
    truth: Truth
    labels: TrainLabels
    quick: bool = False
    """Leave out what reads pixels and samples."""
    jobs: int = 1
    """Processes that may be used."""


Check = Callable[[Case], Iterator[Clue]]
