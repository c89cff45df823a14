"""A solver that asks no model, for `inspect eval --solver`."""

from __future__ import annotations

from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import sandbox


@solver
def copier() -> Solver:
    """Submits the sample submission."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await sandbox().exec(["cp", "/home/data/sample_submission.csv", "/home/submission/submission.csv"])
        return state

    return solve
