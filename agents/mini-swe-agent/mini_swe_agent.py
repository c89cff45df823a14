"""Runs mini-swe-agent on the task, as a library with its own loop, prompts and shell; a finished conversation can go on."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import LibraryAgent, main
from mlebench_agent.litellm_model import OFFLINE, check_budget, litellm_name
from mlebench_agent.models import BudgetSpent
from mlebench_agent.task import Task

# read when the package is imported; keeps its folder out of the home directory
os.environ.update(OFFLINE, MSWEA_SILENT_STARTUP="1", MSWEA_GLOBAL_CONFIG_DIR="/tmp/mini-swe-agent")

import litellm
from minisweagent.agents.default import DefaultAgent
from minisweagent.config import get_config_from_spec
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models import get_model
from minisweagent.models.litellm_model import LitellmModel

# suppresses advice on its own settings
litellm.suppress_debug_info = True
PASSING = (
    litellm.APIConnectionError,
    litellm.InternalServerError,
    litellm.RateLimitError,
    litellm.ServiceUnavailableError,
    litellm.Timeout,
)
"""Provider errors that pass with time."""
_LARGEST_OUTPUT = 1_000_000
"""Characters of a command's output that are kept; the model sees 10,000 of them."""


class MiniSweAgent(LibraryAgent):
    name = "mini-swe-agent"
    defaults: Mapping[str, Any] = {"model": "", "steps": 0, "timeout": 3600}

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        config = get_config_from_spec("mini")
        model = config["model"] | {"model_class": f"{__name__}.Model", "cost_tracking": "ignore_errors"}
        self.model: Any = get_model(litellm_name(self.arguments["model"]), model)
        self.shell = Shell(**config["environment"], cwd=str(task.home), timeout=self.arguments["timeout"])
        # otherwise its own limit of 3 dollars would end the run before the run's budget
        limits = {"cost_limit": 0, "step_limit": self.arguments["steps"], "output_path": self.folder / "mini.traj.json"}
        self.agent = Agent(self, config["agent"] | limits)

    def work_on(self, prompt: str, *, is_first: bool) -> None:
        self.is_at_its_limit = self.agent.run(prompt).get("exit_status") == "LimitsExceeded"

    def says_to_wait(self, error: Exception) -> bool:
        return isinstance(error, PASSING)

    def usage(self) -> Mapping[str, Any]:
        return {"calls": self.agent.n_calls, **self.model.tokens, "cost_usd": self.agent.cost}


class Agent(DefaultAgent):  # type: ignore[misc]
    """An agent that keeps the conversation when it is run again, and that logs and saves each step."""

    messages: list[dict[str, Any]]

    def __init__(self, adapter: MiniSweAgent, config: Mapping[str, Any]) -> None:
        super().__init__(adapter.model, adapter.shell, **config)
        self.messages: list[dict[str, Any]] = []
        self._adapter = adapter
        self._earlier: list[dict[str, Any]] = []

    def run(self, task: str = "", **more: Any) -> dict[str, Any]:
        self._earlier = [message for message in self.messages if message["role"] != "exit"]
        return super().run(task, **more)

    def add_messages(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        if self._earlier and not self.messages:
            # replaces the system prompt and the framing of a first task
            self.messages, self._earlier = self._earlier, []
            messages = (self.model.format_message(role="user", content=self.extra_template_vars["task"]),)
        for message in messages:
            self._show(message)
        return super().add_messages(*messages)

    def execute_actions(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        try:
            for action in message["extra"]["actions"]:
                outputs.append(self.env.execute(action))
        finally:
            # every tool call needs an answer before the next message, including the call that ends the conversation
            answers = self.model.format_observation_messages(message, outputs, self.get_template_vars())
            added = self.add_messages(*answers)
        return added

    def save(self, path: Path | None, *more: dict[str, Any]) -> dict[str, Any]:
        data = super().save(None, *more)
        if path is not None:
            partial = path.with_name(f".{path.name}")
            partial.write_text(json.dumps(data), encoding="utf-8")
            partial.replace(path)
        self._adapter.report_usage()
        return data

    def _show(self, message: Mapping[str, Any]) -> None:
        role, extra = message["role"], message.get("extra") or {}
        if role == "tool":
            self._adapter.say(f"[{extra['returncode']}] {extra['exception_info'] or extra['raw_output']}")
        elif role != "system" and message.get("content"):
            self._adapter.say(f"{role}: {message['content']}")
        for action in extra.get("actions") or ():
            self._adapter.say(f"$ {action['command']}")


class Model(LitellmModel):  # type: ignore[misc]
    """A model that counts tokens and does not retry a final error."""

    abort_exceptions: Sequence[type[BaseException]] = [*LitellmModel.abort_exceptions, litellm.BadRequestError, BudgetSpent]

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.tokens: Counter[str] = Counter(input_tokens=0, cached_tokens=0, output_tokens=0)

    def _query(self, messages: list[dict[str, Any]], **more: Any) -> Any:
        try:
            response = super()._query(messages, **more)
        except litellm.BadRequestError as error:
            check_budget(error)
            raise
        self.tokens["input_tokens"] += response.usage.prompt_tokens
        self.tokens["cached_tokens"] += getattr(response.usage.prompt_tokens_details, "cached_tokens", None) or 0
        self.tokens["output_tokens"] += response.usage.completion_tokens
        return response


class Shell(LocalEnvironment):  # type: ignore[misc]
    """An environment that bounds how much of a command's output it keeps."""

    def execute(self, action: dict[str, Any], cwd: str = "", *, timeout: int | None = None) -> dict[str, Any]:
        output: dict[str, Any] = super().execute(action, cwd, timeout=timeout)
        text = output["output"]
        if len(text) > _LARGEST_OUTPUT:
            half = _LARGEST_OUTPUT // 2
            output["output"] = f"{text[:half]}\n[{len(text) - 2 * half} characters]\n{text[-half:]}"
        return output


if __name__ == "__main__":
    main(MiniSweAgent)
