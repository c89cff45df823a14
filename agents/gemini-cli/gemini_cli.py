"""Runs Gemini CLI on the task: settings that restrict it to one model and keep it off the web, and what its sessions record."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import CommandLineAgent, main

PROGRAM = ("/opt/node/bin/node", "/opt/gemini-cli/gemini.js")
# its built-in helpers call other models
POLICY = """[[rule]]
toolName = ["google_web_search", "web_fetch", "invoke_agent", "activate_skill"]
decision = "deny"
priority = 999
"""
TURNS_USED = 53
"""Its exit code when the turns are used up."""
_LONGEST_SAID = 200
_NOISE = ("YOLO mode", "[STARTUP]", "    at ")
_PATH_STARTS = '"/.~\\'


class GeminiCli(CommandLineAgent):
    name = "gemini-cli"
    defaults: Mapping[str, Any] = {"model": "", "max_turns": -1}
    _said = ""

    def prepare(self) -> None:
        folder = self.folder / ".gemini"
        (folder / "policies").mkdir(parents=True, exist_ok=True)
        (folder / "policies" / "tools.toml").write_text(POLICY, encoding="utf-8")
        (folder / "settings.json").write_text(json.dumps(self._settings, indent=1), encoding="utf-8")

    @property
    def _settings(self) -> dict[str, Any]:
        model = self.arguments["model"]
        return {
            "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "plan": {"enabled": False}},
            "ui": {"showCompatibilityWarnings": False},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            # repeating a command while a training runs is not a loop
            "model": {"name": model, "maxSessionTurns": self.arguments["max_turns"], "disableLoopDetection": True},
            # compression and other helpers must use the chosen model, too
            "modelConfigs": {"customOverrides": [{"match": {"overrideScope": "core"}, "modelConfig": {"model": model}}]},
            "tools": {
                "shell": {"enableInteractiveShell": False, "inactivityTimeout": 24 * 3600},
                "useRipgrep": False,
            },
            "context": {"fileFiltering": {"enableRecursiveFileSearch": False, "respectGitIgnore": False}},
            "experimental": {"enableAgents": False},
            "skills": {"enabled": False},
        }

    def environment(self) -> dict[str, str]:
        return {
            "GEMINI_CLI_HOME": str(self.folder),
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "NO_COLOR": "1",
        }

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        resume = ["--resume", "latest"] if self._sessions else []
        return [*PROGRAM, "--yolo", "-o", "stream-json", *resume]

    def stdin(self, prompt: str) -> str:
        """The prompt with `@data` and the like escaped, because the program would replace them with file contents."""
        names = "|".join(re.escape(path.name) for path in self.task.home.iterdir())
        return re.sub(rf"@(?=[{re.escape(_PATH_STARTS)}]|(?:{names}))", r"\\@", prompt)

    def shown(self, line: str) -> str | None:
        if line.startswith(_NOISE):
            return None
        event = json.loads(line) if line.startswith("{") else {"type": "text", "text": line}
        if event["type"] == "message":
            # an answer arrives in pieces
            self._said += event["content"] if event["role"] == "assistant" else ""
            return None
        said, self._said = self._said.strip()[:_LONGEST_SAID], ""
        return "\n".join(filter(None, (said, _line(event)))) or None

    def says_to_wait(self, output: str) -> bool:
        """True also if its own ten tries were not enough."""
        result = json.loads(output.rstrip().rpartition("\n")[2])
        return re.search(r'"code":(429|5\d\d)\b', result["error"]["message"]) is not None

    def take_turn(self, prompt: str, number: int) -> int:
        code = super().take_turn(prompt, number)
        self.is_at_its_limit = code == TURNS_USED
        return code

    @property
    def _sessions(self) -> list[Path]:
        return sorted((self.folder / ".gemini" / "tmp").glob("*/chats/*.jsonl"))

    def usage(self) -> dict[str, Any]:
        answers: dict[str, Mapping[str, int]] = {}
        for path in self._sessions:
            answers.update(_answers(path))
        return {
            "calls": len(answers),
            "input_tokens": sum(tokens["input"] for tokens in answers.values()),
            "cached_tokens": sum(tokens["cached"] for tokens in answers.values()),
            "reasoning_tokens": sum(tokens["thoughts"] for tokens in answers.values()),
            "output_tokens": sum(tokens["output"] + tokens["thoughts"] for tokens in answers.values()),
        }


def _line(event: Mapping[str, Any]) -> str:
    kind = event["type"]
    if kind == "tool_use":
        words = event["parameters"]
        return f"{event['tool_name']}: {words.get('command') or json.dumps(words)}"
    if kind in ("error", "result"):
        return str(event.get("message") or (event.get("error") or {}).get("message") or "")
    return str(event.get("text", ""))


def _answers(session: Path) -> dict[str, Mapping[str, int]]:
    """Tokens of the model's answers by id; if a session writes a line twice, the later one counts."""
    found = {}
    for line in session.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            for each in (record, *(record.get("$set") or {}).get("messages", ())):
                if each.get("tokens"):
                    found[each["id"]] = each["tokens"]
    return found


if __name__ == "__main__":
    main(GeminiCli)
