from itertools import product
from pathlib import Path
from typing import Any

from mlebench.data import Edition
from mlebench.research.binary_problems import TrueProbability, draw_problems, write_problems
from mlebench.research.networks import draw_network

INPUTS = (2, 10, 100)
EXAMPLES_PER_INPUT = (1, 10, 100)
TEMPERATURES = (0.01, 0.1, 0.5)
FUNCTIONS_PER_CELL = 2


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = product(INPUTS, EXAMPLES_PER_INPUT, TEMPERATURES, range(FUNCTIONS_PER_CELL))
    facts = [{"inputs": d, "examples": d * ratio, "temperature": rho} for d, ratio, rho, _ in cells]

    def true_probability(facts: dict[str, Any], name: str) -> TrueProbability:
        network = draw_network(edition.rng(f"{name} function"), facts["inputs"])
        return lambda x: network.probability(x, facts["temperature"])

    write_problems(*draw_problems(edition, facts, true_probability), public, private)
