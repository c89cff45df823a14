"""A task of Inspect whose scores are those of our tasks, run without a sandbox on a model that answers from a list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlebench.exports.imported.stated import FLAGS

BRONZE = {"any_medal": 1, "gold": 0, "silver": 0, "bronze": 1, "above_median": 1, "valid": 1}
NONE = {"any_medal": 0, "gold": 0, "silver": 0, "bronze": 0, "above_median": 0, "valid": 1}
SCORES = {"toy-a": (BRONZE, 1.0), "toy-b": (NONE, 3.0)}
"""What the scorer gives, and the score in the report; `toy-c` has an error."""


def report(competition_id: str) -> dict[str, Any]:
    """A grading report of the competition, as far as this harness needs it."""
    value, score = SCORES[competition_id]
    flags = {name: bool(value.get(name.removesuffix("_medal"), value.get(name))) for name in FLAGS}
    return {
        "competition_id": competition_id, "score": score, **flags, "submission_exists": True, "valid_submission": True,
        "edition": "v1", "competition_version": 1, "data": "real", "submission_path": "/home/submission/submission.csv",
    }  # fmt: skip


def run(folder: Path, suffix: str) -> Path:
    """Run it for two epochs; returns the log."""
    from inspect_ai import Task, eval, task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
    from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

    @solver
    def careful() -> Solver:
        inner = generate()

        async def solve(state: TaskState, generate: Generate) -> TaskState:
            if state.sample_id == "toy-c":
                raise ValueError("the container \x1b[31mdied")
            return await inner(state, generate)

        return solve

    @scorer(metrics={name: [mean()] for name in BRONZE})
    def graded() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            name = str(state.sample_id)
            return Score(value=SCORES[name][0], metadata=report(name))

        return score

    @task
    def competitions(edition: str = "v1") -> Task:
        samples = [Sample(input="Predict y.", id=name) for name in (*SCORES, "toy-c")]
        return Task(dataset=MemoryDataset(samples), solver=careful(), scorer=graded())

    def answers() -> Iterator[ModelOutput]:
        while True:
            answer = ModelOutput.from_content("mockllm/model", "done")
            answer.usage = ModelUsage(
                input_tokens=10, input_tokens_cache_read=4, output_tokens=5, total_tokens=19, total_cost=0.5
            )
            yield answer

    model = get_model("mockllm/model", custom_outputs=answers())
    logs = eval(competitions(), model=model, epochs=2, log_dir=str(folder), log_format=suffix, display="none",
                fail_on_error=False, max_samples=1)  # type: ignore[arg-type]  # fmt: skip
    return Path(logs[0].location.removeprefix("file://"))
