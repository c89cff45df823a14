"""Any competition of this harness as Kaggle would have it: a mock to download, its task text as pages, Kaggle's metric name."""

from __future__ import annotations

import re

from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import mock_zip
from tests.kaggle.loopback import Contest, LoopbackKaggle, board

TEAMS = 120
_KAGGLE_NAMES = {
    "accuracy": "Categorization Accuracy",
    "area under the ROC curve": "Area Under Receiver Operating Characteristic Curve",
    "ROC AUC": "Area Under Receiver Operating Characteristic Curve",
    "mean column-wise area under the ROC curve": "Mean Columnwise Area Under Receiver Operating Characteristic Curve",
    "mean column-wise ROC AUC": "Mean Columnwise Area Under Receiver Operating Characteristic Curve",
    "log loss": "Log Loss",
    "multi-class log loss": "Multiclass Loss",
    "macro F1": "F-Score (Macro)",
    "micro F1": "F-Score (Micro)",
    "micro-averaged F1": "F-Score (Micro)",
    "root mean squared error": "Root Mean Squared Error",
    "mean column-wise root mean squared error": "Mean Columnwise Root Mean Squared Error",
    "mean column-wise RMSLE": "Mean Columnwise Root Mean Squared Logarithmic Error",
    "quadratic weighted kappa": "Quadratic Weighted Kappa",
    "mean average precision at 5": "Mean Average Precision @ 5",
    "mean average precision at 12": "Mean Average Precision @ 12",
    "mean column-wise Spearman rank correlation": "Mean Columnwise Spearman Correlation",
    "Matthews correlation coefficient": "Matthews Correlation Coefficient",
    "mean Levenshtein distance": "Levenshtein Mean",
    "Pearson correlation coefficient": "Pearson Correlation Coefficient",
}
"""Kaggle's spelling of those of our metrics that have a name there."""


def serve(kaggle: LoopbackKaggle, name: str, *, size: int = 60, slug: str = "") -> Contest:
    """Put one of the 82 on a loopback Kaggle, under its own name or another."""
    contest = kaggle.contests[slug or name] = own_contest(name, size=size)
    return contest


def own_contest(name: str, *, size: int = 60) -> Contest:
    """One of the 82 as a contest with a mock of `size` rows."""
    competition = Registry().get_competition(name)
    scores = _scores(competition)
    kaggle = competition.facts.kaggle
    return Contest(
        archive=mock_zip(name, size),
        title=competition.title,
        metric=_KAGGLE_NAMES.get(competition.metric, competition.metric),
        deadline=f"{kaggle.year if kaggle and kaggle.year else 2020}-06-30T23:59:00Z",
        awards_points=bool(kaggle and kaggle.awards_medals),
        is_code=competition.competition_type == "code",
        tags=[competition.modality],
        teams=len(scores),
        board=board(list(scores)),
        pages=own_pages(competition.description),
    )


def own_pages(description: str) -> list[dict[str, str]]:
    """Kaggle's three pages, made of the sections of a task text."""
    texts = {"Description": "", "Evaluation": "", "data-description": ""}
    for section in re.split(r"^(?=## )", description, flags=re.MULTILINE):
        texts[_page_of(section)] += section
    return [{"name": name, "content": text, "mimeType": "text/markdown"} for name, text in texts.items() if text.strip()]


def _page_of(section: str) -> str:
    heading = section.partition("\n")[0].casefold()
    if any(word in heading for word in ("evaluation", "metric", "submission")):
        return "Evaluation"
    is_task = not heading.startswith("## ") or any(word in heading for word in ("task", "overview", "acknowledgement"))
    return "Description" if is_task else "data-description"


def _scores(competition: Competition) -> list[float]:
    """A leaderboard from the gold threshold to as far behind the median."""
    thresholds = competition.thresholds
    if thresholds is None:
        return []
    step = 2 * (thresholds.median - thresholds.gold) / (TEAMS - 1)
    return [thresholds.gold + step * place for place in range(TEAMS)]
