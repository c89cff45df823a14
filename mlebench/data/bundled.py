"""Data sets that ship inside scikit-learn, made into tables for the demo split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlebench.registry.edition import Edition


def bundled_table(bunch: Any, edition: Edition) -> pd.DataFrame:
    """A data set of scikit-learn as one table: a shuffled `id`, the features, and `target`.

    The ids are drawn again, so that they do not give away a row's place in the public data set.

    Args:
        bunch: what a loader of `sklearn.datasets` returned with `as_frame=True`.
        edition: determines the order of ids.
    """
    table: pd.DataFrame = bunch.frame.rename(columns=lambda name: str(name).replace(" ", "_").replace("/", "_"))
    rng = np.random.default_rng(0) if edition.is_v1 else edition.rng("ids")
    table.insert(0, "id", rng.permutation(len(table)))
    return table.sort_values("id", ignore_index=True)
