"""The names by which metrics are known: what Kaggle's pages, competition files and users call each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Submits = Literal["numbers", "probabilities", "labels", "class probabilities", "label sets", "ranked labels", "texts", "masks"]
"""What a submission holds for a metric: numbers; probabilities (one or more columns, each on its own); one label a row; one
probability for each class, which exclude each other; a list of labels, in any order or best first; free text; run lengths."""


@dataclass(frozen=True, kw_only=True)
class NamedMetric:
    """One metric, as a new competition uses it.

    Attributes:
        name: as `competition.yaml` writes it.
        aliases: other spellings.
        direction: which scores are better.
        best: score of a perfect submission.
        submits: what a submission holds for it.
        module: the module of `grading.metrics` with it, such as `classification`.
        function: the function's name there.
        expression: the grader's `metric`, such as `mean_columnwise(roc_auc)`; by default the function itself.
        several_columns: whether it takes several columns (2-D arrays).
    """

    name: str
    aliases: tuple[str, ...] = ()
    direction: Literal["maximize", "minimize"]
    best: float
    submits: Submits
    module: str
    function: str
    expression: str = ""
    several_columns: bool = False
