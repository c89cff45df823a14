"""Grades lists of units by the effect of ablating them on captions of private pictures, compared with equally active units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader, Integer, InvalidSubmission, Real
from grading.wording import name_ids

from .ablation_effects import WordEffects, net_effect
from .captioner import BLOCKS, UNITS, Captioned, Captioner
from .unit_choice import Choice


@dataclass(frozen=True)
class PrivatePart:
    """The private pictures, and what is needed to grade on them."""

    effects: WordEffects
    substitutes: np.ndarray
    """For every unit, others that are about as active, shape (BLOCKS, UNITS, count)."""
    reached: np.ndarray
    """Net effect of the grader's own units for each word."""


def unrepeated(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Reject a unit that is listed twice for one word; columns are block, unit and weight."""
    rows = pd.DataFrame({"word": ids.str.rsplit("_").str[0].to_numpy(), "block": prediction[:, 0], "unit": prediction[:, 1]})
    repeated = rows.duplicated().to_numpy()
    if repeated.any():
        what = "row repeats a unit of its word" if repeated.sum() == 1 else "rows repeat units of their words"
        raise InvalidSubmission(f"columns `block` and `unit`: {int(repeated.sum()):,} {what} ({name_ids(ids[repeated])})")
    return prediction


def share_of_effect(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """`net_effect` of the units, summed over words, as a share of the grader's own units' effect.

    Args:
        answers: `row_id` and `private` (the same `PrivatePart` in every row).
        submission: `row_id`, `block`, `unit` and `weight`, in the order of the answers.
    """
    private: PrivatePart = answers["private"].iloc[0]
    word = submission["row_id"].str.rsplit("_").str[0]
    total = 0.0
    # ids sort like the words of the effects
    for place, (_, rows) in enumerate(submission.groupby(word)):
        choice = Choice(rows["block"].to_numpy(dtype=int), rows["unit"].to_numpy(dtype=int), rows["weight"].to_numpy())
        total += net_effect(private.effects, place, choice, private.substitutes)
    return total / float(private.reached.sum())


def read_answers(path: Path) -> pd.DataFrame:
    """The table of the grader's own units, and the private pictures and the network, from `pictures.npz` next to it."""
    table = pd.read_csv(path)
    with np.load(path.parent / "pictures.npz") as arrays:
        means = [arrays[f"mean_{block}"].astype(np.float64) for block in range(BLOCKS)]
        captioned = Captioned(Captioner.read(arrays), arrays["patches"].astype(np.float64), arrays["captions"], means)
        private = PrivatePart(WordEffects(captioned, arrays["concepts"]), arrays["substitutes"], arrays["reached"])
    return table.assign(private=[private] * len(table))


grader = Grader(
    id="row_id",
    columns={"block": Integer(0, BLOCKS - 1), "unit": Integer(0, UNITS - 1), "weight": Real(0, 1)},
    rows=unrepeated,
    table_metric=share_of_effect,
    read_answers=read_answers,
)
