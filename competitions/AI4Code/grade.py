import pandas as pd

from grading import Grader, InvalidSubmission, Text
from grading.metrics.ordering import pooled_kendall_tau
from grading.wording import quoted


def kendall_tau(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Kendall's rank correlation over the cells of all notebooks; each row must hold just its notebook's cells."""
    true_order = answers.set_index("id")["cell_order"].astype(str)
    orders = [
        true_places(notebook, true_order[notebook].split(), cells.split())
        for notebook, cells in zip(submission["id"].astype(str), submission["cell_order"], strict=True)
    ]
    return pooled_kendall_tau(orders)


def true_places(notebook: str, true_order: list[str], predicted: list[str]) -> list[int]:
    place = {cell: number for number, cell in enumerate(true_order)}
    if len(predicted) != len(place) or place.keys() != set(predicted):
        odd = next((cell for cell in predicted if cell not in place), None)
        what = f"{quoted(odd)} is none of them" if odd else "cells are missing or repeated"
        raise InvalidSubmission(f"column `cell_order`: row {notebook!r} must hold each cell of its notebook once; {what}")
    return [place[cell] for cell in predicted]


grader = Grader(id="id", columns={"cell_order": Text(allow_empty=False)}, table_metric=kendall_tau)
