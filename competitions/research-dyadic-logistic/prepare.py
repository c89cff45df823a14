import math
from itertools import product
from pathlib import Path
from typing import Any

from mlebench.data import Edition
from mlebench.research.binary_problems import TrueProbability, draw_problems, write_problems
from mlebench.research.networks import sigmoid

INPUTS = (10, 50, 100)
EXAMPLES_PER_INPUT = (1, 3, 10)
SCALE = 3.0
DRAWS_PER_CELL = 4


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = product(INPUTS, EXAMPLES_PER_INPUT, range(DRAWS_PER_CELL))
    facts = [{"inputs": d, "examples": d * ratio, "scale": SCALE} for d, ratio, _ in cells]

    def true_probability(facts: dict[str, Any], name: str) -> TrueProbability:
        spread = facts["scale"] / math.sqrt(facts["inputs"])
        coefficients = spread * edition.rng(f"{name} function").standard_normal(facts["inputs"])
        return lambda x: sigmoid(x @ coefficients)

    write_problems(*draw_problems(edition, facts, true_probability), public, private)
