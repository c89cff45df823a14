"""A model that answers with the tool calls it is given."""

from __future__ import annotations

import importlib.util
import os
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


def model(*calls: Call, epochs: int = 1) -> Any:
    """A model that makes these calls and then ends, in each epoch anew."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    outputs = []
    for name, arguments in [*calls, ("submit", {"answer": "done"})] * epochs:
        output = ModelOutput.for_tool_call("mockllm/model", name, arguments)
        # where it is missing, Inspect counts tokens with a table that it fetches
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        outputs.append(output)
    return get_model("mockllm/model", custom_outputs=outputs)


def evaluated(task: Any, *calls: Call, log_dir: str, **more: Any) -> Any:
    """The log of a task that a scripted model worked on."""
    from inspect_ai import eval as evaluate

    [log] = evaluate(task, model=model(*calls, epochs=more.get("epochs", 1)), log_dir=log_dir, display="none", **more)
    return log


def answers_of_tools(sample: Any) -> list[str]:
    """What each tool said, in order."""
    return [message.text for message in sample.messages if message.role == "tool"]
