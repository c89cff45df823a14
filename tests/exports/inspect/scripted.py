"""A model that answers with the tool calls it is given."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None and os.environ.get("MLEBENCH_REQUIRE_INSPECT") != "1",
    reason="inspect_ai is not installed",
)

Call = tuple[str, dict[str, Any]]


def run(command: str) -> Call:
    """A call of the tool `bash`."""
    return "bash", {"command": command}


def write(text: str, path: str = "/home/submission/submission.csv") -> Call:
    """A call of the tool `python` that writes a file."""
    return "python", {"code": f"open({path!r}, 'w').write({text!r})"}


def model(*calls: Call) -> Any:
    """A model that makes these calls and then ends, each conversation by itself: epochs run side by side."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def answer(conversation: list[Any], *_: Any) -> ModelOutput:
        made = sum(message.role == "assistant" for message in conversation)
        name, arguments = calls[made] if made < len(calls) else ("submit", {"answer": "done"})
        output = ModelOutput.for_tool_call("mockllm/model", name, arguments)
        # where it is missing, Inspect counts tokens with a table that it fetches
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model("mockllm/model", custom_outputs=answer)


UNSEEN = "no matching entries in passwd file"
"""What Docker says of each command where it has unmounted its own view of a container that is running, as it sometimes does."""


def evaluated(task: Any, *calls: Call, log_dir: str, **more: Any) -> Any:
    """The log of a task that a scripted model worked on, in containers that the engine did not lose sight of."""
    from inspect_ai import eval as evaluate

    for _ in range(3):
        [log] = evaluate(task, model=model(*calls), log_dir=log_dir, display="none", **more)
        if UNSEEN not in log.model_dump_json():
            return log
        Path(log.location).unlink()
    pytest.fail("the engine lost sight of its containers three times")


def answers_of_tools(sample: Any) -> list[str]:
    """What each tool said, in order."""
    return [message.text for message in sample.messages if message.role == "tool"]
