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
        cells: those of each notebook in the order of the ids, sorted and separated by blanks.
    """

    cells: tuple[str, ...]

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        texts = self.text_of(cells).tolist()
        # sorted on both sides, as the true order must not tell in the time either
        is_wrong = [" ".join(sorted(text.split())) != expected for text, expected in zip(texts, self.cells, strict=True)]
        if any(is_wrong):
            row = is_wrong.index(True)
            raise InvalidSubmission(
                f"column `{cells.name}`: row {str(ids.iloc[row])!r} must hold each cell of its notebook once; "
                f"{about_wrong(texts[row].split(), self.cells[row].split())}"
            )
        return np.array(texts, dtype=object)

    def refused_cells(self) -> Mapping[str, str]:
        return {"missing": "", "text": "abc", "repeated": " ".join([self.cells[0].split()[0]] * 2)}


def about_wrong(submitted: list[str], expected: list[str]) -> str:
    odd = next((cell for cell in submitted if cell not in expected), None)
    return f"{quoted(odd)} is none of them" if odd else "cells are missing or repeated"


def cells_of_notebooks(answers: pd.DataFrame) -> pd.DataFrame:
    """The cells of each notebook, which are public, without their order."""
    return answers[["id"]].assign(cells=[" ".join(sorted(str(order).split())) for order in answers["cell_order"]])


def kendall_tau(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Kendall's rank correlation over the cells of all notebooks."""
    true_order = answers.set_index("id")["cell_order"].astype(str)
    orders = [
        true_places(true_order[notebook].split(), cells.split())
        for notebook, cells in zip(submission["id"].astype(str), submission["cell_order"], strict=True)
    ]
    return pooled_kendall_tau(orders)


def true_places(true_order: list[str], predicted: list[str]) -> list[int]:
    place = {cell: number for number, cell in enumerate(true_order)}
    return [place[cell] for cell in predicted]


grader = Grader(
    id="id",
    public=cells_of_notebooks,
    columns=lambda known: {"cell_order": CellOrder(tuple(known["cells"]))},
    table_metric=kendall_tau,
)
