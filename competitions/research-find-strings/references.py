from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import read_csv

from .string_functions import ATOMS, NAMED_ATOMS
from .string_search import Examples, search, search_with_exception

Interpreter = Callable[[Examples], Callable[[str], str]]


def identity(examples: Examples) -> Callable[[str], str]:
    return lambda text: text


def most_common_output(examples: Examples) -> Callable[[str], str]:
    outputs = [output for _, output in examples]
    return lambda text: max(outputs, key=outputs.count)


def nearest_input(examples: Examples) -> Callable[[str], str]:
    return lambda text: max(examples, key=lambda example: len(set(example[0]) & set(text)))[1]


INTERPRETERS: dict[str, Interpreter] = {
    "identity": identity,
    "most common output": most_common_output,
    "output of the input with the most common characters": nearest_input,
    "best of ten named atoms": partial(search, atoms=dict(list(NAMED_ATOMS.items())[:10]), depth=1),
    "best named atom": partial(search, atoms=NAMED_ATOMS, depth=1),
    "best atom": partial(search, atoms=ATOMS, depth=1),
    "best named atom, or two that a condition chooses between": partial(search_with_exception, atoms=NAMED_ATOMS, depth=1),
    "two of twenty named atoms": partial(search, atoms=dict(list(NAMED_ATOMS.items())[:20]), depth=2),
    "enumeration of two atoms": partial(search, atoms=ATOMS, depth=2),
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, interpreter in INTERPRETERS.items():
        yield name, interpreted(public, interpreter)


def interpreted(public: Path, interpreter: Interpreter) -> pd.DataFrame:
    examples, queries = (read_csv(public / f"{name}.csv", text=True, dtype=str) for name in ("examples", "queries"))
    guesses = {
        name: interpreter(list(zip(rows["input"], rows["output"], strict=True))) for name, rows in examples.groupby("function")
    }
    outputs = [guesses[name](text) for name, text in zip(queries["function"], queries["input"], strict=True)]
    return queries[["row_id"]].assign(output=outputs)
