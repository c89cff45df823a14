"""The submission checker as a tool: whether a file is valid and, if not, why. It says no score."""

from __future__ import annotations

import anyio.to_thread
from inspect_ai.tool import Tool, tool

from grading.printable import printable
from mlebench.exports.inspect.scoring import where_sample_is
from mlebench.exports.inspect.settings import DataPlace
from mlebench.exports.inspect.taking import copied
from mlebench.grade.one import Submission
from mlebench.grade.pool import shared_pool
from mlebench.registry import Competition

_LONGEST_ANSWER = 4000


@tool
def validate(data_dir: str | None = None, edition: str = "v1") -> Tool:
    """A tool that checks submissions of the task `competitions`.

    Args:
        data_dir: the data directory, as the task has it.
        edition: v1 or v2, as the task has it.
    """
    place = DataPlace.of(data_dir, edition)

    async def execute(path: str = "/home/submission/submission.csv") -> str:
        """Check whether a file is a valid submission. Does not tell its score.

        Args:
            path: the csv file, in /home or /tmp.
        """
        container, competition_id = await where_sample_is()
        return await anyio.to_thread.run_sync(_check, container, place.competition(competition_id), path)

    return execute


def _check(container: str, competition: Competition, path: str) -> str:
    with copied(container, path) as (file, reason):
        if file is None:
            return f"not valid: {reason}"
        valid, message = shared_pool().check(Submission(competition.id, file, within=file.parent), competition)
        words = printable(message.replace(str(file), path), _LONGEST_ANSWER)
    return f"valid: {words}" if valid else f"not valid: {words}"
