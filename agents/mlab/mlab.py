"""The loop of MLAgentBench's agent: the model writes a step, its action is done, and what was observed is its next question."""

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
"""Kinds of questions beside the steps, and the argument that names their model."""
TRIES = 3
"""Answers to one question until an unreadable one counts as a step."""
LONGEST_LOG = 12_000
"""Characters of a research log that is shown as it is; of a longer one a model picks what matters to the plan."""
LEAST_SHOWN = 1_500
LEAST_SECONDS, LONGEST_PAUSE = 60.0, 60.0


def main() -> int:
    """Work on the task; 0 unless the model does not answer any more."""
    task = Task(sys.argv[1:], DEFAULTS)
    research = Research(task, Models())
    # what the model wrote is kept also where the time ends the run
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        research.work()
    except BudgetSpent as end:
        say(f"mlab: {end}; what was submitted stands")
    except Refused as end:
        say(f"mlab: the model does not answer: {end}")
        return 1
    finally:
        research.workspace.keep_scripts()
    return 0


class Research:
    """One model on one task, with what helps it."""

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
        """Take steps until the model gives its final answer or has taken as many as it may."""
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
        """The model's next step; it may try again where one cannot be read.

        Raises:
            Malformed: none of its tries can be read.
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
        """What of the research log the next step is to know."""
        if len(self.log.text) <= LONGEST_LOG:
            return self.log.text
        try:
            return self.assistant.retrieve(self.plan)
        except Failed:
            return clipped(self.log.text, LONGEST_LOG)

    def ask_for_step(self, log: str, further: list[Any]) -> Answer:
        """An answer to the prompt and what was said on it since; steps are shown shorter where the model has no room for them."""
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
        """What the action brings; None where it ends the work."""
        name = known_name(self.actions, response.action)
        if name == FINAL_ANSWER:
            self.write(step=self.steps, response=response.text, action=name)
            if not self.task.arguments["continue"] or self.task.seconds_left < LEAST_SECONDS:
                return None
            self.final_answers += 1
            # a model that has nothing more to do does not spend its budget within a minute
            time.sleep(min(LONGEST_PAUSE, 2.0**self.final_answers) if self.final_answers > 1 else 0.0)
            return self.task.reminder
        self.final_answers = 0
        try:
            return perform(self.actions, name, response.action_input) or "(nothing)"
        except Failed as failure:
            return f"The action failed: {failure}"

    def remember(self, step: Step) -> None:
        """Show the step from now on, and move the oldest one that is shown to the research log."""
        self.latest.append(step)
        if len(self.latest) > IN_FULL:
            oldest = self.latest.pop(0)
            try:
                self.log.append(f"Step {oldest.number}", self.assistant.summarize(oldest.shown(SHOWN)))
            except Failed:
                self.log.append(f"Step {oldest.number}", oldest.shown(LEAST_SHOWN))

    def ask_helper(self, kind: str, prompt: str) -> str:
        """The words of another call, which sees nothing but the prompt.

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
        """An answer of the model that is there for this kind of question."""
        try:
            return self.models.ask(self.served[kind], messages)
        finally:
            self.task.report_usage({**self.models.usage, "steps": self.steps})

    def write(self, **content: Any) -> None:
        """A line of the trajectory."""
        self.trajectory.write(json.dumps({"at": round(time.time(), 3), **content}) + "\n")
        self.trajectory.flush()


if __name__ == "__main__":
    sys.exit(main())
