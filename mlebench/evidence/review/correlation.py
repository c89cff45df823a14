"""Whether scores correlate with another property of competitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grading.report import CompetitionReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 3
"""Minimum number of competitions; fewer always lie on a line."""
SEED, RESAMPLES = 20241009, 2000
"""Of all intervals here."""
_LEAST_SPREAD = 1e-12


@dataclass(frozen=True)
class Correlation:
    """One coefficient."""

    value: float | None
    """From -1 to 1; None if it is undefined."""
    interval: tuple[float, float] | None
    """95 % percentile bootstrap interval over competitions."""
    reason: str | None = None
    """Why it is undefined."""


@dataclass(frozen=True)
class Relation:
    """Scores against a measure of the same competitions."""

    points: Sequence[tuple[str, float, float]]
    """Competition, measure and score, by competition."""
    pearson: Correlation
    spearman: Correlation

    def to_dict(self) -> dict[str, Any]:
        """The JSON of it."""
        points = [{"competition": name, "measure": measure, "score": score} for name, measure, score in self.points]
        return {"points": points, "pearson": asdict(self.pearson), "spearman": asdict(self.spearman)}


def relation_of(measures: Mapping[str, float], scores: Mapping[str, float]) -> Relation:
    """Relate measures and scores of the competitions that have both.

    Args:
        measures: by competition.
        scores: by competition, seeds averaged; see `normalised_scores`.
    """
    import numpy as np
    from scipy.stats import rankdata

    points = [(name, measures[name], scores[name]) for name in sorted(measures.keys() & scores.keys())]
    values = np.array([point[1:] for point in points], dtype=float).reshape(-1, 2)
    rng = np.random.default_rng(SEED)
    drawn = values[rng.integers(len(points), size=(RESAMPLES, len(points)))] if points else np.empty((0, 0, 2))
    ranks, drawn_ranks = (rankdata(table, axis=-2) if table.size else table for table in (values, drawn))
    return Relation(points, _correlation(values, drawn), _correlation(ranks, drawn_ranks))


def normalised_scores(reports: Iterable[CompetitionReport]) -> dict[str, float]:
    """The mean score of each competition over its reports, 0 at the leaderboard's median or worse and 1 at gold or better.

    Args:
        reports: of all runs of one agent; one without a score counts 0, one without thresholds is left out.
    """
    found: dict[str, list[float]] = {}
    for report in reports:
        gold, median = report.gold_threshold, report.median_threshold
        if gold is not None and median is not None and gold != median:
            reached = 0.0 if report.score is None else (report.score - median) / (gold - median)
            found.setdefault(report.competition_id, []).append(min(1.0, max(0.0, reached)))
    return {name: sum(scores) / len(scores) for name, scores in found.items()}


def _correlation(values: NDArray[np.float64], drawn: NDArray[np.float64]) -> Correlation:
    import numpy as np

    if len(values) < FEWEST:
        return Correlation(None, None, f"only {len(values)} competitions have both; at least {FEWEST} are needed")
    [value] = _pearson(values[np.newaxis])
    if np.isnan(value):
        return Correlation(None, None, "one of them is constant over competitions")
    resampled = _pearson(drawn)
    lower, upper = np.nanquantile(resampled, (0.025, 0.975))
    return Correlation(float(value), (float(lower), float(upper)))


def _pearson(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation of each table of `[competition, (measure, score)]`; NaN if a column does not vary."""
    import numpy as np

    centred = tables - tables.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1))
    scale = np.abs(tables).max(axis=1) + 1e-300
    varies = (spread > _LEAST_SPREAD * scale).all(axis=1)
    found = np.full(len(tables), np.nan)
    found[varies] = (centred[varies].prod(axis=2).sum(axis=1) / spread[varies].prod(axis=1)).clip(-1, 1)
    return found
