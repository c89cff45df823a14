"""The loop of MLAgentBench's agent: the model writes a step, its action runs, and the observation is the next prompt."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from actions import FINAL_ANSWER, actions_of, known_name, perform
from assistant import Assistant
from mlebench_agent.commands import clipped
from mlebench_agent.models import Answer, BudgetSpent, Models, Refused, TooLong
from mlebench_agent.task import Task, say
from prompt import IN_FULL, Prompt, Step
from research_log import ResearchLog
from response import Malformed, Response, parse
from workspace import SHOWN, Failed, Workspace

DEFAULTS: Mapping[str, Any] = {
    "model": "",
    "edit_model": "",
    "fast_model": "",
    "max_steps": 50,
    "command_timeout": 3600,
    "continue": False,
}
HELPERS: Mapping[str, str] = {"edit": "edit", "read": "fast"}
"""Kinds of calls other than steps, with the argument that names their model."""
TRIES = 3
"""Tries at one step before an unreadable answer counts as the step."""
LONGEST_LOG = 12_000
"""A research log of up to this many characters is shown in full; from a longer one a model picks what matters to the plan."""
LEAST_SHOWN = 1_500
LEAST_SECONDS, LONGEST_PAUSE = 60.0, 60.0


def main() -> int:
    """Work on the task; 0 unless the model has stopped answering."""
    task = Task(sys.argv[1:], DEFAULTS)
    research = Research(task, Models())
    # the model's files are kept even if the time limit ends the run
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        research.work()
    except BudgetSpent as end:
        say(f"mlab: {end}; the latest submission counts")
    except Refused as end:
        say(f"mlab: the model does not answer: {end}")
        return 1
    finally:
        research.workspace.keep_scripts()
    return 0


class Research:
    """One model on one task, with its assistant, log and workspace."""

    def __init__(self, task: Task, models: Models) -> None:
        self.task, self.models = task, models
        model = task.arguments["model"]
        self.served = {"step": model} | {kind: task.arguments[f"{name}_model"] or model for kind, name in HELPERS.items()}
        self.log = ResearchLog(task.logs / "mlab" / "research_log.md")
        self.trajectory = (task.logs / "mlab" / "trajectory.jsonl").open("a", encoding="utf-8")
        self.workspace = Workspace(task, task.arguments["command_timeout"])
        self.assistant = Assistant(self.workspace, self.log, self.ask_helper)
        self.actions = actions_of(self.workspace, self.assistant)
        self.prompt = Prompt(task, self.actions)
        self.latest: list[Step] = []
        self.plan = ""
        self.steps = self.final_answers = 0

    def work(self) -> None:
        """Take steps until the model gives its final answer or reaches the step limit."""
        while not self.steps or self.steps != self.task.arguments["max_steps"]:
            self.steps += 1
            try:
                response = self.next_response()
            except Malformed as problem:
                self.remember(Step(self.steps, "(a response that could not be read)", str(problem)))
                continue
            say(f"[{self.steps}] {response.action} {json.dumps(response.action_input, ensure_ascii=False)[:300]}")
            self.plan = response.thoughts.get("Research Plan and Status", self.plan)
            observation = self.observe(response)
            if observation is None:
                return
            self.write(step=self.steps, response=response.text, action=response.action, observation=observation)
            self.remember(Step(self.steps, response.text, observation))
        say(f"mlab: all {self.steps} steps are taken")

    def next_response(self) -> Response:
        """The model's next step; the model may retry if a response cannot be read.

        Raises:
            Malformed: none of its tries could be read.
        """
        log, further, problem = self.relevant_log(), list[Any](), ""
        for _ in range(TRIES):
            answer = self.ask_for_step(log, further)
            try:
                response = parse(answer.text)
                known_name(self.actions, response.action)
                return response
            except (Malformed, Failed) as error:
                problem = f"your response was cut off: {error}" if answer.reason == "length" else str(error)
                say(f"[{self.steps}] a response that cannot be read: {problem}")
                self.write(step=self.steps, unreadable=answer.text, problem=problem)
            wish = f"That cannot be read: {problem}. Write the step again, in the form that was given."
            further += [answer.message, {"role": "user", "content": wish}]
        raise Malformed(f"{TRIES} responses could not be read; the last time: {problem}")

    def relevant_log(self) -> str:
        """The part of the research log that the next step sees."""
        if len(self.log.text) <= LONGEST_LOG:
            return self.log.text
        try:
            return self.assistant.retrieve(self.plan)
        except Failed:
            return clipped(self.log.text, LONGEST_LOG)

    def ask_for_step(self, log: str, further: list[Any]) -> Answer:
        """An answer to the prompt and its retries; steps are shortened if they exceed the model's context."""
        limit = self.task.arguments["max_steps"]
        most = SHOWN
        while True:
            text = self.prompt.text(log, self.latest, limit - self.steps + 1 if limit else None, most)
            try:
                return self.ask("step", [{"role": "user", "content": text}, *further])
            except TooLong:
                most //= 2
                if most < LEAST_SHOWN:
                    raise

    def observe(self, response: Response) -> str | None:
        """The observation of the action; None if the action ends the work."""
        name = known_name(self.actions, response.action)
        if name == FINAL_ANSWER:
            self.write(step=self.steps, response=response.text, action=name)
            if not self.task.arguments["continue"] or self.task.seconds_left < LEAST_SECONDS:
                return None
            self.final_answers += 1
            # keeps a model that has nothing more to do from spending its budget within a minute
            time.sleep(min(LONGEST_PAUSE, 2.0**self.final_answers) if self.final_answers > 1 else 0.0)
            return self.task.reminder
        self.final_answers = 0
        try:
            return perform(self.actions, name, response.action_input) or "(nothing)"
        except Failed as failure:
            return f"The action failed: {failure}"

    def remember(self, step: Step) -> None:
        """Add the step to those shown in full, and move the oldest of them to the research log."""
        self.latest.append(step)
        if len(self.latest) > IN_FULL:
            oldest = self.latest.pop(0)
            try:
                self.log.append(f"Step {oldest.number}", self.assistant.summarize(oldest.shown(SHOWN)))
            except Failed:
                self.log.append(f"Step {oldest.number}", oldest.shown(LEAST_SHOWN))

    def ask_helper(self, kind: str, prompt: str) -> str:
        """The text of a separate call, which sees only the prompt.

        Raises:
            Failed: the prompt is too long for the model.
        """
        try:
            answer = self.ask(kind, [{"role": "user", "content": prompt}])
        except TooLong as error:
            raise Failed(f"the text is too long for the model: {error}") from error
        self.write(step=self.steps, asked=kind, prompt=clipped(prompt, 2_000), answer=answer.text)
        return answer.text

    def ask(self, kind: str, messages: list[Any]) -> Answer:
        """An answer of the model that handles this kind of call."""
        try:
            return self.models.ask(self.served[kind], messages)
        finally:
            self.task.report_usage({**self.models.usage, "steps": self.steps})

    def write(self, **content: Any) -> None:
        """Add a line to the trajectory."""
        self.trajectory.write(json.dumps({"at": round(time.time(), 3), **content}) + "\n")
        self.trajectory.flush()


if __name__ == "__main__":
    sys.exit(main())
