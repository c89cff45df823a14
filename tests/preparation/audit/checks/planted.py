"""Small cases of one's own: a public folder, and answers that the folder does or does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from mlebench.preparation.audit.case import Case, Check
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.labels import read_labels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import Target, Truth
from mlebench.registry import Competition


def case_of(public: Path, answers: pd.DataFrame, *, kind: str = "class", quick: bool = False) -> Case:
    """A case with one target.

    Args:
        public: the folder that an agent sees.
        answers: two columns, ids and answers.
        kind: of the target, class or number.
        quick: leave out what reads pixels and samples.
    """
    text = answers.astype(str)
    name, label = answers.columns
    values = answers[label].to_numpy(dtype=np.float64) if kind == "number" else text[label].to_numpy(dtype=object)
    target = Target(label, "number" if kind == "number" else "class", values, (label,))
    truth = Truth(text, text, (name,), (target,), frozenset({name}))
    seen = Seen(public)
    # no check of twins asks the competition
    return Case(cast(Competition, None), seen, truth, read_labels(seen, truth, "sample_submission.csv"), quick)


def clues(check: Check, case: Case) -> list[Clue]:
    """What a check finds."""
    return list(check(case))


def told(clue: Clue, case: Case) -> dict[str, object]:
    """The answers that a clue reveals, by id."""
    (guess,) = clue.guesses
    ids = case.truth.ids.iloc[:, 0]
    return {str(name): value for name, value, known in zip(ids, guess.values, guess.told, strict=True) if known}
