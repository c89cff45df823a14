from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .string_functions import RandomFunction, draw_function, draw_text

FUNCTIONS = 300
EXAMPLES = 6
QUERIES = 10
INSIDE = {EXAMPLES: 2, QUERIES: 3}


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    examples, queries = [], []
    for number in range(FUNCTIONS):
        name = f"f{number:03d}"
        rng = edition.rng(f"{name} function")
        function = draw_function(rng, depth=int(rng.choice([1, 2, 3])), has_exception=number % 3 == 0)
        inputs = edition.rng(f"{name} inputs")
        shown = draw_inputs(inputs, function, EXAMPLES, seen=())
        examples.append(table(function, shown).assign(function=name))
        asked = draw_inputs(inputs, function, QUERIES, seen=shown)
        queries.append(table(function, asked).assign(function=name, row_id=[f"{name}-{k}" for k in range(QUERIES)]))

    # the position of a function in the list would reveal whether it has an exception
    order = edition.rng("order").permutation(FUNCTIONS)
    names = {f"f{old:03d}": f"f{new:03d}" for new, old in enumerate(order)}
    shown_table = renamed(pd.concat(examples), names)
    asked_table = renamed(pd.concat(queries), names)
    write_csv(shown_table[["function", "input", "output"]], public / "examples.csv")
    write_csv(asked_table[["row_id", "function", "input"]], public / "queries.csv")
    write_csv(asked_table[["row_id", "function", "exception", "output"]], private / "answers.csv")
    write_csv(asked_table[["row_id"]].assign(output=asked_table["input"]), public / "sample_submission.csv")


def draw_inputs(rng: np.random.Generator, function: RandomFunction, count: int, seen: tuple[str, ...]) -> tuple[str, ...]:
    """Distinct inputs; with an exception, at least a third of them (rounded down) are within it and a third outside."""
    while True:
        drawn = tuple(draw_text(rng) for _ in range(count))
        inside = sum(map(function.is_exception, drawn))
        balanced = function.condition is None or INSIDE[count] <= inside <= count - INSIDE[count]
        if balanced and len({*drawn, *seen}) == count + len(seen):
            return drawn


def table(function: RandomFunction, inputs: tuple[str, ...]) -> pd.DataFrame:
    exception = [int(function.is_exception(text)) for text in inputs]
    return pd.DataFrame({"input": inputs, "output": [function(text) for text in inputs], "exception": exception})


def renamed(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    new = rows["function"].map(names)
    rows = rows.assign(function=new)
    if "row_id" in rows:
        rows["row_id"] = new + rows["row_id"].str[4:]
    return rows.sort_values("function", kind="stable", ignore_index=True)
