"""The format of a submitted belief: a joint normal distribution over all contexts and arms of a bandit, and the index widths."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from grading import Column, Real

CONTEXTS, ARMS = 8, 12
CELLS = CONTEXTS * ARMS
"""Pairs of a context and an arm, in this order."""
LOADINGS = 16
"""Shared factors of a belief."""
STEPS = 200
STAGES = 4
"""Equal parts of a game, each with its own width."""
LARGEST = 100.0
"""Bound on every number in a belief."""

WIDTH_COLUMNS = [f"width_{stage}" for stage in range(1, STAGES + 1)]
LOADING_COLUMNS = [f"f{number:02d}" for number in range(1, LOADINGS + 1)]


def belief_columns() -> Mapping[str, Column]:
    """The kind of each column."""
    spread, signed = Real(0, LARGEST), Real(-LARGEST, LARGEST)
    return {"mean": signed, "own": spread, **dict.fromkeys(WIDTH_COLUMNS, spread), **dict.fromkeys(LOADING_COLUMNS, signed)}


def belief_table(
    row_ids: pd.Series | list[str],
    mean: np.ndarray,
    own: np.ndarray,
    loadings: np.ndarray,
    widths: tuple[float, ...] = (0.0,) * STAGES,
) -> pd.DataFrame:
    """A submission.

    Args:
        row_ids: one per cell.
        mean: expected reward, shape (cells,).
        own: standard deviation of a cell's independent part, shape (cells,).
        loadings: loadings on up to `LOADINGS` shared standard normal factors, shape (cells, factors).
        widths: number of standard deviations that the index adds to the mean, by stage, the same for all cells.
    """
    filled = np.zeros((len(mean), LOADINGS))
    filled[:, : loadings.shape[1]] = loadings
    table = pd.DataFrame({"row_id": list(row_ids), "mean": mean, "own": own})
    table = table.assign(**dict(zip(WIDTH_COLUMNS, widths, strict=True)))
    return pd.concat([table, pd.DataFrame(filled, columns=LOADING_COLUMNS)], axis=1)
