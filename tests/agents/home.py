"""The folders that a packaged agent finds, and its program run in them at once, without sandbox or gateway, before a provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.gateway.provider import KEY, Answer, Provider, Received

ROOT = Path(__file__).parents[2]
LATE = """
import os, subprocess, time

wait = subprocess.Popen.wait


def wait_late(process, timeout=None):
    while timeout is not None and process.poll() is None and not os.path.exists({path!r}):
        time.sleep(0.02)
    return wait(process, timeout)


subprocess.Popen.wait = wait_late
"""
VALIDATE = """#!/bin/sh
if grep -q '^id,y$' "$1"; then echo 'valid: the submission is valid'; else echo "not valid: $(head -c 20 "$1")"; fi
"""


class Home:
    """An agent's `/home`, somewhere else."""

    def __init__(self, folder: Path, description: str = "Predict y.") -> None:
        self.folder = folder
        self._program_path = [str(ROOT / "containers" / "runtime")]
        for name in ("data", "submission", "logs", "code"):
            (folder / name).mkdir(parents=True)
        (folder / "instructions.txt").write_text("Work well.\n")
        (folder / "data" / "description.md").write_text(description)
        (folder / "validate_submission.sh").write_text(VALIDATE)

    def environment(self, provider: Provider, seconds: float) -> dict[str, str]:
        """What a run's environment says of the folders, the time and the models."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(self._program_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MLEBENCH_HOME": str(self.folder),
            "TIME_LIMIT_SECS": str(seconds),
            "OPENAI_BASE_URL": provider.base_url("chat"),
            "OPENAI_API_KEY": KEY,
            **{f"{name.upper()}_DIR": str(self.folder / name) for name in ("data", "submission", "logs", "code")},
        }

    def begin_limits_at(self, path: str) -> None:
        """Have the time limits of the agent's commands count from when one has made this file, however slowly it starts."""
        folder = self.folder / ".late"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(LATE.format(path=str(self.folder / path)))
        self._program_path.insert(0, str(folder))

    def run(self, agent: str, provider: Provider, *words: str, seconds: float = 3600) -> subprocess.CompletedProcess[str]:
        """Run an agent of `agents/` to its end."""
        folder = ROOT / "agents" / agent
        environment = {**self.environment(provider, seconds), "AGENT_DIR": str(folder)}
        return subprocess.run(
            ["sh", str(folder / "start.sh"), "model=a-model", *words],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def lines(self, path: str) -> list[dict[str, Any]]:
        """A file of JSON lines."""
        return [json.loads(line) for line in (self.folder / path).read_text().splitlines()]

    @property
    def usage(self) -> dict[str, Any]:
        """What the agent says that it used."""
        content: dict[str, Any] = json.loads((self.folder / "logs" / "usage.json").read_text())
        return content


def calling(*calls: tuple[str, Mapping[str, Any] | str], **message: Any) -> Answer:
    """An answer in the chat dialect that calls tools, arguments given as they are or, a text, as the model wrote them."""
    listed = [
        {
            "id": f"call_{place}",
            "type": "function",
            "function": {"name": name, "arguments": text if isinstance(text, str) else json.dumps(text)},
        }
        for place, (name, text) in enumerate(calls)
    ]
    return saying({"role": "assistant", "content": None, "tool_calls": listed, **message}, "tool_calls")


def saying(message: Mapping[str, Any], reason: str = "stop", **more: Any) -> Answer:
    """An answer in the chat dialect with just this message."""
    usage = {"prompt_tokens": 100, "completion_tokens": 7}
    content = {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage, **more}
    return Answer(body=json.dumps(content).encode())


def failing(status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the chat dialect."""
    body = {"error": {"message": message, "type": code, "param": None, "code": code}}
    return Answer(status=status, headers=headers or {}, body=json.dumps(body).encode())


def results_in(received: Received) -> list[str]:
    """What the tools said, in the order of a request's conversation."""
    return [message["content"] for message in received.content["messages"] if message["role"] == "tool"]
