"""What a report says about the reviews of its groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlebench.evidence.review.outcome import GroupReview
from mlebench.reports.flagged_runs import FlaggedTotals, Totals, flagged_totals
from mlebench.reports.kept_review import KeptReview
from mlebench.reports.results import Results
from mlebench.reports.selection import Selection, default_selections, registry_in


@dataclass(frozen=True)
class ReviewFigures:
    """The reviews of one agent's groups, and what becomes of its figures without flagged runs."""

    reviews: Sequence[KeptReview]
    totals: Sequence[FlaggedTotals]
    """One for each selection of the report."""
    unreviewed: int
    """Runs of the report that no review is about."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; percentages are 0 to 100."""
        return {
            "groups": [{"folder": str(kept.folder), **kept.review.to_dict()} for kept in self.reviews],
            "unreviewed_runs": self.unreviewed,
            "totals": totals_json(self.totals),
        }


def review_figures(results: Results, selections: Sequence[Selection]) -> ReviewFigures | None:
    """The figures of results with reviews that still hold; None without any.

    Raises:
        UsageError: no run belongs to a selection.
    """
    if not results.reviews:
        return None
    wanted = {name for selection in selections for name in selection.competition_ids}
    folders = {kept.folder for kept in results.reviews}
    runs = [run for layer in results.layers.values() for name, run in layer.items() if name in wanted]
    flagged = frozenset().union(*(kept.flagged for kept in results.reviews))
    return ReviewFigures(
        reviews=results.reviews,
        totals=[flagged_totals(results, selection, flagged) for selection in selections],
        unreviewed=sum(run.details is None or run.details.folder.parent not in folders for run in runs),
    )


def group_totals(results: Results, review: GroupReview) -> list[FlaggedTotals]:
    """The totals of one group by its review, on what it ran of the splits that it is about.

    Args:
        results: of the group alone, from its folder or out of a bundle.
    """
    present = results.competition_ids()
    runs = [run.details.folder for layer in results.layers.values() for run in layer.values() if run.details is not None]
    flagged = frozenset(folder for folder in runs if folder.name in review.flagged)
    chosen = default_selections(present, registry_in(results.conditions.edition))
    tried = [Selection(split.name, tuple(name for name in split.competition_ids if name in present)) for split in chosen]
    return [flagged_totals(results, selection, flagged) for selection in tried]


def totals_json(totals: Sequence[FlaggedTotals]) -> dict[str, Any]:
    """JSON-ready, by the name of the selection."""
    return {entry.selection.name: _of_selection(entry) for entry in totals}


def _of_selection(entry: FlaggedTotals) -> dict[str, Any]:
    ways = ("with_flagged", "without_flagged", "flagged_as_failures")
    return {"flagged": entry.flagged, **{way: _of_runs(getattr(entry, way)) for way in ways}}


def _of_runs(totals: Totals) -> dict[str, Any]:
    return {
        "runs": totals.runs,
        "metrics": {name: figure._asdict() for name, figure in totals.metrics.items()},
        "mean_normalized_score": totals.mean_normalized_score,
    }
