"""Suites of small binary problems whose joint predictions are graded: what is drawn, published and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grading.function_samples import FUNCTIONS, sample_table
from mlebench.data.tables import write_csv
from mlebench.registry.edition import Edition

ANCHORS = 50
"""Test inputs of a problem."""

TrueProbability = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """What is public of one problem."""

    facts: Mapping[str, Any]
    """The row of `problems.csv`: `problem`, `inputs`, `examples` and further facts given by the competition."""
    x: np.ndarray
    """Training inputs, float32, shape (examples, inputs)."""
    y: np.ndarray
    """Training labels 0 and 1, int8, or observed values, float32, shape (examples,)."""
    anchors: np.ndarray
    """Test inputs, float32, shape (anchors, inputs)."""

    @property
    def row_ids(self) -> list[str]:
        """One per anchor."""
        return [f"{self.facts['problem']}-{number:02d}" for number in range(len(self.anchors))]


def draw_problems(
    edition: Edition,
    all_facts: list[dict[str, Any]],
    true_probability: Callable[[dict[str, Any], str], TrueProbability],
    *,
    anchors_per_problem: int = ANCHORS,
    examples_at_anchors: bool = False,
) -> tuple[list[Problem], pd.DataFrame]:
    """Draw training data and anchors, x ~ N(0, I), each from a separate stream.

    Args:
        all_facts: one dict per problem with `inputs` and `examples`; gets a name as `problem`.
        true_probability: draws the function x ↦ P(y = 1) of a problem, given its facts and its name.
        examples_at_anchors: whether training inputs are drawn among the anchors, with replacement, as the arms of a bandit are.

    Returns:
        The problems and the answers: `row_id`, `problem`, `probability`.
    """
    problems, answers = [], []
    for number, given in enumerate(all_facts):
        facts = {"problem": f"p{number:02d}", **given}
        name = facts["problem"]
        anchors = _inputs(edition.rng(f"{name} anchors"), anchors_per_problem, facts["inputs"])
        for_inputs = edition.rng(f"{name} inputs")
        if examples_at_anchors:
            x = anchors[for_inputs.integers(anchors_per_problem, size=facts["examples"])]
        else:
            x = _inputs(for_inputs, facts["examples"], facts["inputs"])
        probability = true_probability(facts, name)
        y = (edition.rng(f"{name} labels").random(len(x)) < probability(x)).astype(np.int8)
        problems.append(Problem(facts, x, y, anchors))
        answers.append(pd.DataFrame({"row_id": problems[-1].row_ids, "problem": name, "probability": probability(anchors)}))
    return problems, pd.concat(answers, ignore_index=True)


def _inputs(rng: np.random.Generator, count: int, inputs: int) -> np.ndarray:
    return rng.standard_normal((count, inputs)).astype(np.float32)


def write_problems(problems: list[Problem], answers: pd.DataFrame, public: Path, private: Path, *, constant: float = 0.5) -> None:
    """Write `problems.csv`, `train.npz`, `anchors.npz` and the sample submission to public, `answers.csv` to private.

    Args:
        constant: what the sample submission says everywhere.
    """
    write_csv(pd.DataFrame([problem.facts for problem in problems]), public / "problems.csv")
    named = {str(problem.facts["problem"]): problem for problem in problems}
    examples = {f"x_{name}": problem.x for name, problem in named.items()} | {
        f"y_{name}": entry.y for name, entry in named.items()
    }
    np.savez(public / "train.npz", **examples)  # type: ignore[arg-type]
    np.savez(public / "anchors.npz", **{f"x_{name}": problem.anchors for name, problem in named.items()})  # type: ignore[arg-type]
    samples = np.full((len(answers), FUNCTIONS), constant)
    write_csv(sample_table(answers["row_id"], samples), public / "sample_submission.csv")
    write_csv(answers, private / "answers.csv")


def read_problems(public: Path) -> Iterator[Problem]:
    """Read what `write_problems` published."""
    with np.load(public / "train.npz") as train, np.load(public / "anchors.npz") as anchors:
        for facts in pd.read_csv(public / "problems.csv").to_dict("records"):
            name = facts["problem"]
            yield Problem(
                {str(key): value for key, value in facts.items()}, train[f"x_{name}"], train[f"y_{name}"], anchors[f"x_{name}"]
            )


Method = Callable[[Problem, np.random.Generator], np.ndarray]
"""P(y = 1), or the value, at a problem's anchors under sampled functions, (anchors, 100), or (anchors, 1) if there is but one."""


def submissions(public: Path, methods: Mapping[str, Method], rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """The submission of each method over all problems."""
    problems = list(read_problems(public))
    for (name, method), stream in zip(methods.items(), rng.spawn(len(methods)), strict=True):
        yield name, pd.concat([predict(problem, method, stream) for problem in problems], ignore_index=True)


def predict(problem: Problem, method: Method, rng: np.random.Generator) -> pd.DataFrame:
    """The rows of one problem in a method's submission."""
    samples = np.broadcast_to(method(problem, rng), (len(problem.anchors), FUNCTIONS))
    return sample_table(problem.row_ids, samples)
