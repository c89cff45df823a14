"""Runs Codex CLI on the task: configuration for the gateway, its command lines, and what its events mean."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import CommandLineAgent, main

PROGRAM = "/opt/codex/bin/codex"
SETTINGS = """web_search = "disabled"
check_for_update_on_startup = false
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "{OPENAI_BASE_URL}"
env_key = "OPENAI_API_KEY"
wire_api = "responses"

[analytics]
enabled = false

[feedback]
enabled = false

# they fetch from addresses that cannot be reached here
[features]
apps = false
plugins = false
remote_plugin = false

# they cover OpenAI's documentation, images and more plugins
[skills.bundled]
enabled = false
"""
TOKENS = {
    "input_tokens": "input_tokens",
    "cached_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_input_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_output_tokens",
}
PASSING = re.compile(r"last status: 429|high demand|unexpected status 5\d\d|stream disconnected")


class Codex(CommandLineAgent):
    name = "codex"
    defaults: Mapping[str, Any] = {"model": "", "reasoning_effort": "", "context_window": 0}

    def prepare(self) -> None:
        chosen = {
            "model": self.arguments["model"],
            "model_reasoning_effort": self.arguments["reasoning_effort"],
            "model_context_window": self.arguments["context_window"],
        }
        home = Path.home() / ".codex"
        self.keep(home / "sessions")
        lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in chosen.items() if value)
        (home / "config.toml").write_text(lines + SETTINGS.format_map(os.environ), encoding="utf-8")

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        # sessions of sub-agents start later than the agent's own
        session = next(iter(self._sessions), None)
        resume = ["resume", session.stem[-36:]] if session else []
        return [PROGRAM, "exec", *resume, "--json", "--strict-config", "--skip-git-repo-check",
                "--dangerously-bypass-approvals-and-sandbox", "-"]  # fmt: skip

    def stdin(self, prompt: str) -> str:
        return prompt

    def shown_event(self, event: Mapping[str, Any]) -> str | None:
        item = event.get("item", {})
        if event["type"] == "item.started" and item["type"] == "command_execution":
            return f"$ {item['command']}"
        if event["type"] == "item.completed":
            return _completed(item)
        return event["message"] if event["type"] == "error" else None

    def says_to_wait(self, output: str) -> bool:
        return bool(PASSING.search(output[output.rfind('{"type":"turn.failed"') :]))

    def usage(self) -> Mapping[str, Any]:
        sums: Counter[str] = Counter()
        for session in self._sessions:
            counts = [line for line in session.read_text(encoding="utf-8").splitlines() if '"type":"token_count"' in line]
            infos = [info for line in counts if (info := json.loads(line)["payload"].get("info"))]
            total = infos[-1]["total_token_usage"] if infos else {}
            sums.update({name: total.get(word, 0) for name, word in TOKENS.items()})
        return sums

    @property
    def _sessions(self) -> list[Path]:
        """Session files, oldest first by the time in their names."""
        return sorted(self.folder.glob("sessions/*/*/*/rollout-*.jsonl"), key=lambda path: path.name)


def _completed(item: Mapping[str, Any]) -> str | None:
    if item["type"] == "command_execution":
        return f"exit code {item['exit_code']}: {item['aggregated_output'][-300:]}" if item["exit_code"] else None
    if item["type"] == "file_change":
        return "changed " + ", ".join(f"{change['path']} ({change['kind']})" for change in item["changes"])
    return item.get("text") or item.get("message")


if __name__ == "__main__":
    main(Codex)
