from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from grading import Column, Grader, InvalidSubmission
from grading.metrics.ordering import pooled_kendall_tau
from grading.wording import quoted


@dataclass(frozen=True)
class CellOrder(Column):
    """The cells of a notebook in some order, each once.

    Attributes:
        cells: the cells of each notebook in id order, sorted and separated by blanks.
    """

    cells: tuple[str, ...]

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        texts = self.text_of(cells).tolist()
        # the expected cells are sorted, since the true order must not leak through timing either
        is_wrong = [not holds_the_cells(text, expected) for text, expected in zip(texts, self.cells, strict=True)]
        if any(is_wrong):
            row = is_wrong.index(True)
            raise InvalidSubmission(
                f"column `{cells.name}`: row {str(ids.iloc[row])!r} must list each cell of its notebook once; "
                f"{about_wrong(texts[row].split(), self.cells[row].split())}"
            )
        return np.array(texts, dtype=object)

    def refused_cells(self) -> Mapping[str, str]:
        return {"missing": "", "text": "abc", "repeated": " ".join([self.cells[0].split()[0]] * 2)}


def holds_the_cells(text: str, expected: str) -> bool:
    submitted, cells = text.split(), expected.split()
    different = set(cells)
    if len(submitted) != len(cells) or set(submitted) != different:
        return False
    # sets are faster than sorting but do not count
    return len(different) == len(cells) or sorted(submitted) == cells


def about_wrong(submitted: list[str], expected: list[str]) -> str:
    odd = next((cell for cell in submitted if cell not in expected), None)
    return f"{quoted(odd)} is not one of them" if odd else "cells are missing or repeated"


def cells_of_notebooks(answers: pd.DataFrame) -> pd.DataFrame:
    """The cells of each notebook, which are public, without their order."""
    return answers[["id"]].assign(cells=[" ".join(sorted(str(order).split())) for order in answers["cell_order"]])


def kendall_tau(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Kendall's rank correlation over the cells of all notebooks."""
    orders = zip(answers["cell_order"].astype(str), submission["cell_order"], strict=True)
    return pooled_kendall_tau(true_places(true_order.split(), cells.split()) for true_order, cells in orders)


def true_places(true_order: list[str], predicted: list[str]) -> list[int]:
    place = dict(zip(true_order, range(len(true_order)), strict=True))
    return [*map(place.__getitem__, predicted)]


grader = Grader(
    id="id",
    public=cells_of_notebooks,
    columns=lambda known: {"cell_order": CellOrder(tuple(known["cells"]))},
    table_metric=kendall_tau,
)
