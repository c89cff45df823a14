"""Runs OpenHands on the task through its SDK: its default agent without a browser, in one conversation, kept in the logs."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import LibraryAgent, main
from mlebench_agent.litellm_model import OFFLINE, check_budget, litellm_name
from mlebench_agent.task import Task

# read when the packages are imported; keeps their folder out of the home directory
os.environ.update(
    OFFLINE,
    LOG_LEVEL="ERROR",
    LOG_RICH_TRACEBACKS="false",
    OH_PERSISTENCE_DIR="/tmp/openhands",
    OPENHANDS_SUPPRESS_BANNER="1",
    # its terminal mistakes the markers around pasted text for output
    INPUTRC=str(Path(__file__).with_name("inputrc")),
)
from openhands.sdk import LLM, Conversation
from openhands.sdk.conversation.exceptions import ConversationRunError
from openhands.sdk.event import ActionEvent, AgentErrorEvent, Event, MessageEvent, ObservationEvent
from openhands.sdk.event.conversation_error import ConversationErrorEvent
from openhands.sdk.llm import content_to_str
from openhands.sdk.llm.exceptions import LLMRateLimitError, LLMServiceUnavailableError, LLMTimeoutError
from openhands.tools.preset.default import get_default_agent

# such as one on every call that a model's price is unknown
warnings.simplefilter("ignore")

PASSING = (LLMRateLimitError, LLMServiceUnavailableError, LLMTimeoutError)
"""Provider errors that pass with time."""
_TIMEOUT = 1800
"""Maximum seconds for one model answer."""


class OpenHands(LibraryAgent):
    name = "openhands"
    defaults: Mapping[str, Any] = {"model": "", "steps": 500}

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        llm = _llm(self.arguments["model"])
        self.conversation = Conversation(
            agent=get_default_agent(llm, cli_mode=True),
            workspace=str(task.home),
            persistence_dir=str(self.folder),
            callbacks=[self._note],
            visualizer=None,
        )

    def work_on(self, prompt: str, *, is_first: bool) -> None:
        self.conversation.max_iteration_per_run = self._steps - self._calls
        self.conversation.send_message(prompt)
        try:
            self.conversation.run()
        except ConversationRunError as error:
            check_budget(error.original_exception)
            raise
        self.is_at_its_limit = self._calls >= self._steps

    def says_to_wait(self, error: Exception) -> bool:
        return isinstance(getattr(error, "original_exception", None), PASSING)

    def usage(self) -> Mapping[str, Any]:
        metrics = self.conversation.state.stats.get_combined_metrics()
        tokens = metrics.accumulated_token_usage
        return {
            "calls": len(metrics.token_usages),
            "input_tokens": tokens.prompt_tokens,
            "cached_tokens": tokens.cache_read_tokens,
            "cache_write_tokens": tokens.cache_write_tokens,
            "output_tokens": tokens.completion_tokens,
            "reasoning_tokens": tokens.reasoning_tokens,
            "cost_usd": metrics.accumulated_cost,
        }

    @property
    def _steps(self) -> int:
        return int(self.arguments["steps"]) or sys.maxsize

    @property
    def _calls(self) -> int:
        return int(self.usage()["calls"])

    def _note(self, event: Event) -> None:
        if isinstance(event, ActionEvent):
            command = getattr(event.action, "command", None)
            is_shell = event.tool_name == "terminal" and command is not None
            self.say(f"$ {command}" if is_shell else f"{event.tool_name} {event.tool_call.arguments}")
            self.report_usage()
        elif isinstance(event, ObservationEvent):
            self.say(f"> {event.observation.text}")
        elif isinstance(event, MessageEvent):
            self.say(f"{event.source}: {' '.join(content_to_str(event.llm_message.content))}")
        elif isinstance(event, AgentErrorEvent):
            self.say(f"> {event.error}")
        elif isinstance(event, ConversationErrorEvent):
            self.say(f"{event.code}: {event.detail}")


def _llm(model: str) -> LLM:
    name = litellm_name(model)
    maker = "ANTHROPIC" if name.startswith("anthropic/") else "OPENAI"
    return LLM(
        model=name.replace("openai/responses/", "openai/"),
        api_mode="responses" if name.startswith("openai/responses/") else "chat",
        base_url=os.environ[f"{maker}_BASE_URL"],
        api_key=os.environ[f"{maker}_API_KEY"],
        timeout=_TIMEOUT,
        usage_id="agent",
    )


if __name__ == "__main__":
    main(OpenHands)
