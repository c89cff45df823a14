"""Groups of several kinds, united."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlebench.data.groups import united


def test_rows_that_share_a_group_of_any_kind_are_in_one() -> None:
    groups = united(["ann", "ann", "bob", "cid", "dan"], [1, 2, 2, 3, 4])
    assert groups.tolist() == [0, 0, 0, 3, 4]


def test_a_chain_of_groups_is_one_however_long() -> None:
    links = np.random.default_rng(0).permutation(10_000)
    assert set(united(links // 2, (links + 1) // 2)) == {0}


def test_missing_groups_unite_nothing() -> None:
    assert united(pd.Series(["a", None, None, "a"]), [np.nan, 5.0, np.nan, np.nan]).tolist() == [0, 1, 2, 0]
    assert united([], []).tolist() == []
