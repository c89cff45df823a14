"""The loop: the model answers, its tool calls run, and their results are the next prompt."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from mlebench_agent.history import History
from mlebench_agent.models import Answer, BudgetSpent, Models, Refused
from mlebench_agent.task import Task, say, stop
from tools import Tools

SYSTEM = """You are an experienced machine-learning engineer. You work through tools on a machine of your own until the task is
done. Look at the data first. Make a simple, valid submission early, and then improve it step by step by what you measure on data
that you held out. An answer without a tool call says that you are done, so call a tool with every answer until then."""
CUT_OFF = "Your answer was cut off before its end. Go on in shorter steps: write long files in parts."
DEFAULTS: Mapping[str, Any] = {
    "model": "",
    "max_steps": 0,
    "command_timeout": 3600,
    "context_tokens": 120_000,
    "temperature": "",
    "reasoning_effort": "",
    "continue": False,
}
LEAST_SECONDS, LONGEST_PAUSE = 60.0, 60.0


def main() -> int:
    """Work on the task; 0 unless the model has stopped answering."""
    task = Task(sys.argv[1:], DEFAULTS)
    try:
        Agent(task, Models()).work()
    except BudgetSpent as end:
        say(f"react: {end}; the latest submission counts")
    except Refused as end:
        say(f"react: the model {task.arguments['model']} does not answer: {end}")
        return 1
    return 0


class Agent:
    """One model on one task."""

    def __init__(self, task: Task, models: Models) -> None:
        self.task, self.models = task, models
        self.tools = Tools(task, task.arguments["command_timeout"])
        self.history = History(task.logs / "react" / "trajectory.jsonl", task.arguments["context_tokens"])
        self.options = {"tools": self.tools.declarations, **options_of(task.arguments)}
        self.told_at = task.seconds_left

    def work(self) -> None:
        """Ask and act until the model is done or reaches the step limit."""
        self.history.add({"role": "system", "content": SYSTEM})
        self.history.add({"role": "user", "content": self.task.prompt})
        step = words_alone = 0
        while not step or step != self.task.arguments["max_steps"]:
            step += 1
            answer = self.ask(step)
            if answer.calls:
                words_alone = 0
                self.act(answer)
            elif answer.reason == "length":
                self.history.add({"role": "user", "content": CUT_OFF})
            elif not self.task.arguments["continue"] or self.task.seconds_left < LEAST_SECONDS:
                return
            else:
                # keeps a model that has nothing more to do from spending its budget within a minute
                words_alone += 1
                time.sleep(min(LONGEST_PAUSE, 2.0**words_alone) if words_alone > 1 else 0.0)
                self.history.add({"role": "user", "content": self.task.reminder})
        say(f"react: all {step} steps are taken")

    def ask(self, step: int) -> Answer:
        """The model's next answer, which joins the history."""
        answer = self.history.ask(self.models, self.task.arguments["model"], **self.options)
        self.task.report_usage({**self.models.usage, "steps": step})
        if answer.text.strip():
            say(f"[{step}] {answer.text.strip()[:2000]}")
        return answer

    def act(self, answer: Answer) -> None:
        """Run the tools that an answer calls, in order."""
        for call in answer.calls:
            result = self.tools.call(call) + (self.time_note() if call is answer.calls[-1] else "")
            self.history.add({"role": "tool", "tool_call_id": call.id, "content": result})

    def time_note(self) -> str:
        """A note on the time left, whenever a tenth of the time left at the previous note has passed."""
        left = self.task.seconds_left
        if left > 0.9 * self.told_at:
            return ""
        self.told_at = left
        return f"\n[{self.task.time_left} left]"


def options_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Extra request keys that the arguments set."""
    options: dict[str, Any] = {}
    if arguments["reasoning_effort"]:
        options["reasoning_effort"] = arguments["reasoning_effort"]
    if arguments["temperature"]:
        try:
            options["temperature"] = float(arguments["temperature"])
        except ValueError:
            stop(f"the argument `temperature` must be a number, not `{arguments['temperature']}`")
    return options


if __name__ == "__main__":
    sys.exit(main())
