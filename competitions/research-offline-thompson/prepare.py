from itertools import product
from pathlib import Path
from typing import Any

from mlebench.data import Edition
from mlebench.research.binary_problems import TrueProbability, draw_problems, write_problems
from mlebench.research.networks import draw_network

INPUTS = (2, 10)
TEMPERATURES = (0.1, 0.5)
PULLS = (20, 50)
BANDITS_PER_CELL = 8
ARMS = 60


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = product(INPUTS, TEMPERATURES, PULLS, range(BANDITS_PER_CELL))
    facts = [{"inputs": d, "examples": pulls, "temperature": rho} for d, rho, pulls, _ in cells]

    def true_probability(facts: dict[str, Any], name: str) -> TrueProbability:
        network = draw_network(edition.rng(f"{name} function"), facts["inputs"])
        return lambda x: network.probability(x, facts["temperature"])

    problems, answers = draw_problems(edition, facts, true_probability, anchors_per_problem=ARMS, examples_at_anchors=True)
    streams = {name: f"{edition.seed(f'{name} evaluation'):032x}" for name in answers["problem"].unique()}
    write_problems(problems, answers.assign(stream=answers["problem"].map(streams)), public, private)
