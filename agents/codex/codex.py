"""Codex CLI on the task: configuration for the gateway, and the words of its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlebench_agent.conversation import CommandLineAgent, main

PROGRAM = "/opt/codex/bin/codex"
CONFIGURATION = """model_provider = "gateway"
[model_providers.gateway]
name = "gateway"
base_url = "http://localhost:5001/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""


class Codex(CommandLineAgent):
    name = "codex"
    defaults: Mapping[str, Any] = {"model": ""}

    def prepare(self) -> None:
        (self.folder / "config.toml").write_text(CONFIGURATION, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {"CODEX_HOME": str(self.folder)}

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        resume = [] if is_first else ["resume", "--last"]
        return [PROGRAM, "exec", *resume, "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m",
                self.arguments["model"], "-"]  # fmt: skip

    def stdin(self, prompt: str) -> str:
        return prompt


if __name__ == "__main__":
    main(Codex)
