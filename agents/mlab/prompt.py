"""The prompt of each step: the task, the actions, the research log, and the latest steps in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actions import Action, described
from mlebench_agent.commands import clipped
from mlebench_agent.task import Task
from response import FORMAT

IN_FULL = 3
"""Number of steps shown in full; earlier ones are in the research log."""


@dataclass(frozen=True)
class Step:
    """A response of the model and its observation."""

    number: int
    text: str
    """Thoughts, action and input."""
    observation: str

    def shown(self, most: int) -> str:
        """The step as a prompt shows it, each part at most `most` characters long."""
        return f"STEP {self.number}\n{clipped(self.text, most)}\nObservation:\n```\n{clipped(self.observation, most)}\n```"


class Prompt:
    """The prompts of one run; the constant part comes first because providers cache the beginnings of prompts."""

    def __init__(self, task: Task, actions: Mapping[str, Action]) -> None:
        self._task = task
        self._beginning = f"""You are a researcher in machine learning, and solve a task on your own by experiments, step by step.

TASK
{task.prompt}
WORKSPACE
Scripts run in a folder of their own, the workspace, and all paths of actions are relative to it. The data is linked there as
`data` and stands at {task.data}, where it can only be read. The submission is the file {task.submission}, which scripts write.

ACTIONS
{described(actions)}

FORM OF YOUR RESPONSE
Each response is one step, in exactly this form:
{FORMAT}

The observation of the action is your next question. Use what was observed alone: do not write observations yourself, and do not
claim a result that no script has printed. Take one action at a time.
"""

    def text(self, log: str, latest: Sequence[Step], steps_left: int | None, most: int) -> str:
        """The prompt of the next step.

        Args:
            log: what to show of the earlier steps.
            latest: the steps to show in full.
            steps_left: including this one; None if there is no limit.
            most: maximum characters of each part of a step.
        """
        steps = "\n\n".join(step.shown(most) for step in latest) or "There are none yet. Begin with a look at the files."
        left = self._task.time_left + ("" if steps_left is None else f" and {steps_left} steps")
        earlier = f"RESEARCH LOG\n{log}\n\n" if log else ""
        return f"{self._beginning}\n{earlier}LATEST STEPS\n{steps}\n\nYou have {left} left. Write your next step now."
