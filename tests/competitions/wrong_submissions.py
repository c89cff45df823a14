"""Submissions that are as wrong as they can be while they look like the best one: its cells, in other rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from grading import Grader, InvalidSubmission

SEED = 5


def wrong_submission(name: str, grader: Grader, answers: pd.DataFrame, perfect: pd.DataFrame) -> pd.DataFrame:
    """The rows of `perfect` with their predictions shuffled, so that both are of one form and length.

    Predictions move among all rows, or, where that makes them invalid, among rows of the same public values or of the same ending
    of the id. Where a row admits no prediction of another one, the competition has a way of its own.

    Args:
        name: of the competition.
        grader: of one edition.
        answers: the private answers.
        perfect: the best submission, every cell as text.
    """
    rng = np.random.default_rng(SEED)
    if name in OWN_WAYS:
        return OWN_WAYS[name](answers, perfect, rng)
    columns = [*grader.columns_of(answers)]
    for kinds in (
        pd.Series(0, perfect.index),
        public_values(grader, answers),
        perfect[grader.id_columns[0]].str.rsplit("_").str[-1],
    ):
        order = perfect.index.to_numpy().copy()
        for rows in perfect.groupby(kinds.to_numpy()).indices.values():
            order[rows] = rng.permutation(rows)
        shuffled = perfect.copy()
        shuffled[columns] = perfect[columns].to_numpy()[order]
        if is_valid(grader, shuffled, answers):
            return shuffled
    raise AssertionError(f"no other order of the predictions of {name} is valid")


def is_valid(grader: Grader, submission: pd.DataFrame, answers: pd.DataFrame) -> bool:
    try:
        grader.check(submission, answers)
    except InvalidSubmission:
        return False
    return True


def public_values(grader: Grader, answers: pd.DataFrame) -> pd.Series:
    """What is public of each id, as one text; the empty one where nothing is."""
    names = grader.public if isinstance(grader.public, tuple) else ()
    return answers[[*names]].astype(str).agg(" ".join, axis=1) if names else pd.Series("", answers.index)


def cells_in_another_order(answers: pd.DataFrame, perfect: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(cell_order=[" ".join(rng.permutation(cells.split())) for cells in perfect["cell_order"]])


def other_items(answers: pd.DataFrame, perfect: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Of each task other items that are not labelled; 0 and 1 stay, as a file that holds them is looked at for truth values."""
    others = perfect.copy()
    pool = np.arange(len(answers["task"].iloc[0].labels))
    for rows in answers.groupby("name").indices.values():
        chosen = perfect["item"].iloc[rows].astype(int).to_numpy()
        spare = np.setdiff1d(pool[2:], [*answers["task"].iloc[rows[0]].seeds, *chosen])
        items = np.where(chosen < 2, chosen, rng.choice(spare, len(rows), replace=False))
        others.loc[others.index[rows], "item"] = items.astype(str)
    return others


def functions_that_change_columns(answers: pd.DataFrame, perfect: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The values of each row in other columns: rows keep their length, and columns are no longer functions."""
    values = perfect.columns.drop("row_id")
    return perfect.assign(**dict(zip(values, rng.permuted(perfect[values].to_numpy(), axis=1).T, strict=True)))


def values_of_the_other_action(answers: pd.DataFrame, perfect: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rows keep their length, and every table prefers the wrong action."""
    values = [name for name in perfect if name.startswith(("a0_", "a1_"))]
    others = [name.replace("a0_", "a2_").replace("a1_", "a0_").replace("a2_", "a1_") for name in values]
    return perfect.assign(**{name: perfect[other] for name, other in zip(values, others, strict=True)})


OWN_WAYS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]] = {
    "AI4Code": cells_in_another_order,
    "research-active-batch": other_items,
    "research-deep-sea": values_of_the_other_action,
    "research-nngp-posterior": functions_that_change_columns,
    "research-active-text": other_items,
}
