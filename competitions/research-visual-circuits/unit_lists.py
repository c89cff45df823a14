"""A cell of the submission: the units of one hidden layer, the most important first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grading.columns import Column, IntegerList, refuse

UNITS = 64
"""Units of every hidden layer."""
LISTED = 16
"""Units in a list."""


@dataclass(frozen=True)
class RankedUnits(Column):
    """`LISTED` different unit numbers from 0, separated by spaces.

    Attributes:
        units: of a layer.
    """

    units: int

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        numbers = IntegerList(0, self.units - 1, allow_empty=False).parse(cells, ids)
        wrong = np.array([len(set(cell.split())) != LISTED or len(cell.split()) != LISTED for cell in numbers], dtype=bool)
        refuse(wrong, cells, ids, f"{LISTED} different units")
        return numbers

    def refused_cells(self) -> Mapping[str, Any]:
        whole = " ".join(map(str, range(LISTED)))
        return {
            "missing": "", "infinite": "inf", "text": f"{whole[:-2]}x", "too few": "1 2 3", "too many": f"{whole} {LISTED}",
            "repeated": whole.replace("1 ", "0 ", 1), "above the range": whole.replace("0 ", f"{self.units} ", 1),
        }  # fmt: skip
