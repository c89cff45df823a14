"""Whatever an agent does with its conversations, every text of it stands in the trajectories, and none stands there twice."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.exports.recorded import DIALECTS, Recording, make_group
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway.answers import Said as Answer

STEPS = 40


class Wanderer:
    """An agent that says nothing twice, and that changes its conversations in all ways that agents do."""

    def __init__(self, recording: Recording, dialect: str, seed: int) -> None:
        self._recording, self._dialect = recording, dialect
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._said: list[Said] = [User(self._word("task"))]
        self.sent: set[str] = set()
        """All texts that stood in a request."""
        self.answered: list[str] = []

    def wander(self) -> None:
        ways = (
            self._go_on,
            self._go_on,
            self._go_on,
            self._ask_aside,
            self._ask_beside,
            self._clear,
            self._slide,
            self._repeat,
            self._fail,
        )
        for _ in range(STEPS):
            self._random.choice(ways)()

    def _word(self, kind: str) -> str:
        return f"<{kind} {next(self._numbers)} of a wandering agent, unlike any other>"

    def _ask(self, said: list[Said], answer: Answer | None = None) -> None:
        self._recording.call(
            self._dialect, request(self._dialect, "<the rules>", said), answer, is_streaming=self._random.random() < 0.5
        )
        self.sent.update(one.text for one in said if one.text)
        if answer is not None and answer.tool is None:
            self.answered.append(answer.text)

    def _go_on(self) -> None:
        if self._random.random() < 0.5:
            answer = Answer(self._word("answer"))
            self._ask(self._said, answer)
            self._said += [Agent(answer.text), User(self._word("question"))]
        else:
            command = self._word("command")
            self._ask(self._said, Answer(tool=("bash", {"command": command})))
            self.answered.append(command)
            self._said += [Agent("", command, f"given-{command}"), Result(self._word("result"), f"given-{command}")]

    def _ask_aside(self) -> None:
        """Something else altogether."""
        self._ask([User(self._word("side question"))], Answer(self._word("side answer")))

    def _ask_beside(self) -> None:
        """A question at the end of the conversation, which does not hold it afterwards."""
        self._ask([*self._said, User(self._word("aside"))], Answer(self._word("answer aside")))

    def _clear(self) -> None:
        results = [at for at, one in enumerate(self._said) if isinstance(one, Result)]
        if results[:-1]:
            at = self._random.choice(results[:-1])
            self._said[at] = self._said[at]._replace(text=self._word("cleared"))

    def _slide(self) -> None:
        """Leave out what came after the task, up to an answer."""
        agents = [at for at, one in enumerate(self._said) if isinstance(one, Agent)]
        if len(agents) > 3:
            start = agents[self._random.randrange(1, len(agents) - 1)]
            self._said = [self._said[0], User(self._word("summary")), *self._said[start:]]

    def _repeat(self) -> None:
        self._ask(self._said, Answer(self._word("unused answer")))

    def _fail(self) -> None:
        self._recording.call(
            self._dialect, request(self._dialect, "<the rules>", self._said), None, outcome="failed", status=500
        )  # fmt: skip
        self.sent.update(one.text for one in self._said if one.text)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_lost_and_nothing_stands_there_twice(dialect: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(make_group(Path(folder)))
        agent = Wanderer(recording, dialect, seed)
        agent.wander()
        recording.end()
        trajectory, notes = recording.exported()
        usage = recording.usage
    steps = [step for each in trajectory.all for step in each.steps]
    texts = Counter(step.message for step in steps)
    texts.update(result.content for step in steps for result in (step.observation.results if step.observation else ()))
    texts.update(str(call.arguments["command"]) for step in steps for call in step.tool_calls or ())
    del texts[""]
    assert notes == []
    assert {text: count for text, count in texts.items() if count > 1 and text != "<the rules>"} == {}
    assert agent.sent | set(agent.answered) | {"<the rules>"} == texts.keys()
    assert not [step for step in steps if step.extra.get("not_by_a_call")]
    by_a_call = {step.message for step in steps if step.llm_call_count == 1}
    by_a_call |= {str(call.arguments["command"]) for step in steps for call in step.tool_calls or ()}
    assert set(agent.answered) <= by_a_call
    assert trajectory.final_metrics.total_prompt_tokens == usage["input_tokens"]
    lines = [step.extra["call"] for step in steps if step.source == "agent"]
    assert sorted(lines) == list(range(1, len(lines) + 1))
