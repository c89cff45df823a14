"""A scripted model for agents without tools, such as mlab: it answers in their text protocol with the actions of a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tests.agents.packaged.working_model import TOKENS
from tests.gateway.provider import Answer, Received

Step = tuple[str, Mapping[str, Any]]
"""An action and its input."""


def step_text(action: str, action_input: Mapping[str, Any], plan: str = "Look, then submit.") -> str:
    """A response in the protocol."""
    return (
        f"Reflection: Nothing was wrong.\nResearch Plan and Status: {plan}\nFact Check: All was observed.\nThought: I go on.\n"
        f"Action: {action}\nAction Input: {json.dumps(action_input)}"
    )


class TextModel:
    """The provider's `answer`: a step of the script where one is asked for, `code` for an edit, and a sentence for the rest."""

    def __init__(self, steps: Sequence[Step], code: str = "", *, is_endless: bool = False) -> None:
        """With `is_endless` the last step is asked for again and again."""
        self._steps = list(steps)
        self._code = code
        self._is_endless = is_endless
        self._lock = threading.Lock()
        self.prompts: list[str] = []
        """Those that asked for a step."""
        self.others: list[str] = []
        """All other prompts."""
        self.models: dict[str, set[str]] = {"step": set(), "edit": set(), "other": set()}
        """Names of the models that were asked, by what they were asked for."""

    def __call__(self, received: Received) -> Answer:
        text = "\n\n".join(str(message["content"]) for message in received.content["messages"])
        kind = "step" if "Action Input:" in text and "LATEST STEPS" in text else "edit" if "INSTRUCTION" in text else "other"
        with self._lock:
            self.models[kind].add(received.model)
            (self.prompts if kind == "step" else self.others).append(text)
            if kind == "step":
                return Answer(text=self._take_step(), tokens=TOKENS)
        return Answer(text=f"Here it is:\n```python\n{self._code}```" if kind == "edit" else "It was as it was.", tokens=TOKENS)

    def _take_step(self) -> str:
        if len(self._steps) > 1 or (self._steps and not self._is_endless):
            return step_text(*self._steps.pop(0))
        return step_text(*self._steps[0]) if self._steps else step_text("Final Answer", {"final_answer": "All is done."})
