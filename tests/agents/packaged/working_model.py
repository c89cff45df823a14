"""A scripted model that does a competition through whatever shell tool an agent gives it, in any dialect.

It looks at the task, writes a program, runs it, asks the submission checker, and says that it is done. Requests without a shell,
such as one for a title, get a text and do not disturb it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import Answer, Received

TOKENS = Tokens(input=1000, output=20)
"""What every answer says that it used."""
SHELLS = (
    "bash",
    "Bash",
    "shell",
    "exec_command",
    "shell_command",
    "run_shell_command",
    "terminal",
    "execute_bash",
)
"""What agents call the tool that runs a command."""
JAVASCRIPT = "exec"
"""What Codex calls the tool that runs a program, from which models that it knows call all others."""
LONGEST_YIELD = 30_000
"""Milliseconds after which Codex answers at the latest what a command has written so far."""
WAIT = "python -c 'import time; time.sleep(300)'"
"""A step that is not over before a run's time is."""
DONE = "The submission is valid. All is done."

PROGRAMS = {
    "spaceship-titanic": """import pandas as pd
train, test = pd.read_csv('/home/data/train.csv'), pd.read_csv('/home/data/test.csv')
rate = train.groupby(train['CryoSleep'].fillna(False).astype(bool))['Transported'].mean()
asleep = test['CryoSleep'].fillna(False).astype(bool)
pd.DataFrame({'PassengerId': test['PassengerId'], 'Transported': asleep.map(rate) > 0.5}).to_csv(
    '/home/submission/submission.csv', index=False)
""",
    "demo-wine": """import pandas as pd
from sklearn.ensemble import RandomForestClassifier
train, test = pd.read_csv('/home/data/train.csv'), pd.read_csv('/home/data/test.csv')
features = [column for column in test.columns if column != 'id']
forest = RandomForestClassifier(50, random_state=0).fit(train[features], train['cultivar'])
answer = pd.DataFrame(forest.predict_proba(test[features]), columns=forest.classes_)
answer.insert(0, 'id', test['id'])
answer.to_csv('/home/submission/submission.csv', index=False)
""",
}
"""By competition a program that makes a valid submission."""


def steps_for(competition: str) -> list[str]:
    """The commands of one conversation that does the competition."""
    return [
        "head -c 300 /home/data/description.md; ls /home/data",
        f"cat > /home/code/solve.py <<'END'\n{PROGRAMS[competition]}END",
        "python /home/code/solve.py && head -n 3 /home/submission/submission.csv",
        "/home/validate_submission.sh",
    ]


class WorkingModel:
    """The provider's `answer`: one step of the script for every request that offers a shell, then `DONE`."""

    def __init__(self, steps: Sequence[str], *, is_endless: bool = False) -> None:
        """With `is_endless` the last step is asked for again and again, and the model is never done."""
        self._steps = list(steps)
        self._is_endless = is_endless
        self._next = 0
        self._answers = 0
        self._lock = threading.Lock()
        self.prompts: list[str] = []
        """What it was asked with a shell at hand, as JSON."""
        self.tools: set[str] = set()
        """Names of all the tools that it was offered; those without a name by their type."""

    def __call__(self, received: Received) -> Answer:
        content = received.content
        offered = tools_in(content) if isinstance(content, dict) else {}
        shell = next((name for name in (*SHELLS, JAVASCRIPT) if name in offered), None)
        with self._lock:
            self._answers += 1
            number = self._answers
            self.tools.update(offered)
            if shell is None:
                return Answer(text="A title", tokens=TOKENS, number=number)
            self.prompts.append(json.dumps(content))
            command = self._take_step()
        if command is None:
            return Answer(text=DONE, tokens=TOKENS, number=number)
        return Answer(text="", tool=(shell, arguments_for(shell, offered[shell], command)), tokens=TOKENS, number=number)

    def start_again(self, steps: Sequence[str]) -> None:
        """A further conversation."""
        with self._lock:
            self._steps, self._next = list(steps), 0

    def _take_step(self) -> str | None:
        if self._next < len(self._steps):
            self._next += 1
            return self._steps[self._next - 1]
        return self._steps[-1] if self._is_endless else None


def busy_first(model: WorkingModel) -> Callable[[Received], Answer]:
    """The same model behind a provider that answers the first request with 429."""
    waiting = [Answer(status=429)]
    return lambda received: waiting.pop() if waiting else model(received)


def check_second_turn(model: WorkingModel, place: int) -> None:
    """The prompt at this place is of a turn that goes on with the session of the first one, as it was asked to."""
    first, second = model.prompts[0], model.prompts[place]
    assert "solve.py" not in first
    assert "solve.py" in second and DONE in second and "You still have" in second


def tools_in(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The JSON schema of each tool's arguments by its name, in any dialect."""
    added = [item for item in _list(content.get("input")) if item.get("type") == "additional_tools"]
    found: dict[str, Mapping[str, Any]] = {}
    for tool in [tool for place in (content, *added) for tool in _list(place.get("tools"))]:
        for each in tool.get("functionDeclarations") or tool.get("tools") or [tool.get("function", tool)]:
            schema = each.get("parameters") or each.get("parametersJsonSchema") or each.get("input_schema") or {}
            found[str(each.get("name") or each.get("type") or next(iter(each), ""))] = schema
    return found


def arguments_for(shell: str, schema: Mapping[str, Any], command: str) -> Mapping[str, Any] | str:
    """What runs this command in a shell tool, whatever it calls its arguments."""
    if shell == JAVASCRIPT:
        call = json.dumps({"cmd": command, "yield_time_ms": LONGEST_YIELD})
        return f"text((await tools.exec_command({call})).output)"
    properties: Mapping[str, Any] = schema.get("properties") or {}
    name = next((name for name in ("command", "cmd") if name in properties), "command")
    is_list = (properties.get(name) or {}).get("type") == "array"
    arguments: dict[str, Any] = {name: ["bash", "-c", command] if is_list else command}
    if "yield_time_ms" in properties:
        # a slow machine is waited for
        arguments["yield_time_ms"] = LONGEST_YIELD
    for other in schema.get("required") or ():
        arguments.setdefault(other, _anything(properties.get(other) or {}))
    return arguments


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _anything(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    return {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}.get(str(schema.get("type")), "the next step")
