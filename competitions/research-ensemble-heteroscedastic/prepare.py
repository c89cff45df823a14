from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mlebench.data import Edition
from mlebench.research.binary_problems import TrueProbability, draw_problems, write_problems
from mlebench.research.networks import draw_network

INPUTS = (2, 10)
EXAMPLES_PER_INPUT = (3, 10, 30, 100)
LOW_TEMPERATURE, HIGH_TEMPERATURE = 0.02, 0.5
DRAWS_PER_CELL = 4


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = product(INPUTS, EXAMPLES_PER_INPUT, range(DRAWS_PER_CELL))
    facts = [
        {"inputs": d, "examples": d * ratio, "low_temperature": LOW_TEMPERATURE, "high_temperature": HIGH_TEMPERATURE}
        for d, ratio, _ in cells
    ]

    def true_probability(facts: dict[str, Any], name: str) -> TrueProbability:
        network = draw_network(edition.rng(f"{name} function"), facts["inputs"])
        direction = edition.rng(f"{name} half-space").standard_normal(facts["inputs"])
        return lambda x: network.probability(x, np.where(x @ direction > 0, LOW_TEMPERATURE, HIGH_TEMPERATURE))

    write_problems(*draw_problems(edition, facts, true_probability), public, private)
