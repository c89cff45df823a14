"""The result of a review of run groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mlebench.evidence.review.finding import ReviewFinding

if TYPE_CHECKING:
    from mlebench.evidence.review.similarity.similarities import Similarities


@dataclass(frozen=True)
class Skipped:
    """A rule that was not applied, or not completely."""

    rule: str
    reason: str
    """One sentence without its full stop; printable."""


@dataclass(frozen=True)
class GroupReview:
    """The result for one group."""

    group: str
    """Its name."""
    reviewed_at: str
    """ISO time in UTC."""
    states: Mapping[str, str]
    """By run id, in the plan's order, the SHA-256 of the run's state; see `review_file.state_of`."""
    rules: tuple[str, ...]
    """Names of the rules that were applied, including `similarity` and `judge` if they were."""
    skipped: tuple[Skipped, ...] = ()
    findings: tuple[ReviewFinding, ...] = ()
    """Violations first, then in the order of runs."""
    similarity: Mapping[str, Any] | None = None
    """Similar code: the `threshold` of a violation, how many `notebooks` there were, and the `pairs` (`SimilarPair.to_dict`) of
    which one side is of the group; None if nothing was compared."""
    judgements: Mapping[str, Any] | None = None
    """What judges answered, as `Judgements.to_dict` gives it; None if none was asked."""
    familiarity: Mapping[str, Any] | None = None
    """How well a model knows public texts, as `Familiarity.to_dict` gives it, and as `against_scores` whether the group's scores
    rise with that (`Relation.to_dict`); None if none was asked."""

    @property
    def flagged(self) -> tuple[str, ...]:
        """Ids of the runs with a violation, in the plan's order."""
        violating = {run_id for finding in self.findings if finding.level == "violation" for run_id in finding.runs}
        return tuple(run_id for run_id in self.states if run_id in violating)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "group": self.group,
            "reviewed_at": self.reviewed_at,
            "runs": dict(self.states),
            "rules": list(self.rules),
            "skipped": [asdict(entry) for entry in self.skipped],
            "findings": [finding.to_dict() for finding in self.findings],
            "flagged": list(self.flagged),
            "similarity": self.similarity,
            "judgements": self.judgements,
            "familiarity": self.familiarity,
        }


@dataclass(frozen=True)
class Review:
    """The result for all groups that were reviewed together."""

    groups: Sequence[GroupReview]
    incomplete: tuple[str, ...] = ()
    """Why it is incomplete, one sentence each: a judge's budget was spent, a model gave no answer."""
    similarities: Similarities | None = field(default=None, compare=False)
    """The `Similarities` that a page shows side by side; None if nothing was compared."""

    @property
    def findings(self) -> list[ReviewFinding]:
        """Of all groups."""
        return [finding for group in self.groups for finding in group.findings]

    @property
    def holds(self) -> bool:
        """Whether no run is flagged and nothing requested is missing."""
        return not self.incomplete and not any(group.flagged for group in self.groups)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"groups": [group.to_dict() for group in self.groups], "incomplete": list(self.incomplete)}
