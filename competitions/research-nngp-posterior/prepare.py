from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data import Edition
from mlebench.research.binary_problems import Problem, write_problems

from .joint_divergence import GROUP, GROUPS, normal_divergence
from .posterior_rows import posterior_rows
from .regression import posterior
from .wide_networks import WideNetworks, draw_wide_networks

INPUTS = (1, 10, 100)
EXAMPLES_PER_INPUT = (1, 10, 100)
MOST_EXAMPLES = 1000
NOISES = (0.03, 0.1, 0.3)
SPREAD = 0.5
"""Distance of a group's inputs from its centre, in every direction."""
_JITTER = 1e-6


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    networks = draw_wide_networks(edition.rng("constants"))
    problems, answers = [], []
    cells = [cell for cell in product(INPUTS, EXAMPLES_PER_INPUT, NOISES) if cell[0] * cell[1] <= MOST_EXAMPLES]
    for number, (inputs, ratio, noise) in enumerate(cells):
        facts = {"problem": f"p{number:02d}", "inputs": inputs, "examples": inputs * ratio, "noise": noise}
        problem = draw_problem(edition, facts, networks)
        problems.append(problem)
        answers.append(exact_answers(problem, networks))
    write_problems(problems, pd.concat(answers, ignore_index=True), public, private, constant=0.0)


def draw_problem(edition: Edition, facts: dict[str, Any], networks: WideNetworks) -> Problem:
    """Observations of one function, and groups of neighbouring test inputs."""
    name, inputs = facts["problem"], facts["inputs"]
    x = edition.rng(f"{name} inputs").standard_normal((facts["examples"], inputs)).astype(np.float32)
    for_anchors = edition.rng(f"{name} anchors")
    centres = np.repeat(for_anchors.standard_normal((GROUPS, inputs)), GROUP, axis=0)
    anchors = (centres + SPREAD * for_anchors.standard_normal(centres.shape)).astype(np.float32)
    factor = np.linalg.cholesky(networks.covariance(x, x) + _JITTER * np.eye(len(x)))
    function = factor @ edition.rng(f"{name} function").standard_normal(len(x))
    y = function + facts["noise"] * edition.rng(f"{name} labels").standard_normal(len(x))
    return Problem(facts, x, y.astype(np.float32), anchors)


def exact_answers(problem: Problem, networks: WideNetworks) -> pd.DataFrame:
    """The exact posterior within each group, and the prior's divergence from it."""
    noise = problem.facts["noise"]
    exact = posterior(networks.covariance, problem.x, problem.y, noise, problem.anchors)
    prior = networks.covariance(problem.anchors, problem.anchors)
    errors = noise**2 * np.eye(GROUP)
    tables = []
    for group in range(GROUPS):
        rows = slice(group * GROUP, (group + 1) * GROUP)
        mean, covariance = exact.mean[rows], exact.covariance[rows, rows]
        of_prior = normal_divergence(mean, covariance + errors, np.zeros(GROUP), prior[rows, rows] + errors)
        table = posterior_rows(problem.row_ids[rows], mean, covariance)
        tables.append(table.assign(group=f"{problem.facts['problem']}-{group}", noise=noise, divergence_of_prior=of_prior))
    return pd.concat(tables, ignore_index=True)
