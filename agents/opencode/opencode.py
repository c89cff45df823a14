"""Runs opencode on the task: the gateway as its provider, no web tools, and what its output means."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import CommandLineAgent, main
from mlebench_agent.task import stop

PROGRAM = "/opt/opencode/opencode"
SCRATCH = "/tmp/opencode"
# by dialect: the opencode package that speaks it, and the gateway's variables
DIALECTS = {
    "chat": ("@ai-sdk/openai-compatible", "OPENAI_BASE_URL", "", "OPENAI_API_KEY"),
    "responses": ("@ai-sdk/openai", "OPENAI_BASE_URL", "", "OPENAI_API_KEY"),
    "messages": ("@ai-sdk/anthropic", "ANTHROPIC_BASE_URL", "/v1", "ANTHROPIC_API_KEY"),
    "gemini": ("@ai-sdk/google", "GOOGLE_GEMINI_BASE_URL", "/v1beta", "GEMINI_API_KEY"),
}
USAGE = """SELECT
    (SELECT count(*) FROM message WHERE json_extract(data, '$.finish') IS NOT NULL),
    sum(tokens_input + tokens_cache_read + tokens_cache_write), sum(tokens_cache_read), sum(tokens_cache_write),
    sum(tokens_output + tokens_reasoning), sum(tokens_reasoning)
FROM session"""


class Opencode(CommandLineAgent):
    name = "opencode"
    defaults: Mapping[str, Any] = {"model": "", "dialect": "chat", "context": 200_000, "output": 32_000}
    _session = ""

    def prepare(self) -> None:
        if self.arguments["dialect"] not in DIALECTS:
            stop(f"the argument `dialect` must be one of {', '.join(DIALECTS)}, not `{self.arguments['dialect']}`")
        (self.folder / "opencode.json").write_text(json.dumps(self._configuration, indent=1), encoding="utf-8")

    @property
    def _configuration(self) -> dict[str, Any]:
        package, address, version, key = DIALECTS[self.arguments["dialect"]]
        limit = {"context": self.arguments["context"], "output": self.arguments["output"]}
        return {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "lsp": False,
            "formatter": False,
            "enabled_providers": ["gateway"],
            "model": self._model,
            "small_model": self._model,
            "permission": {"webfetch": "deny", "websearch": "deny", "codesearch": "deny"},
            "provider": {
                "gateway": {
                    "npm": package,
                    "options": {"baseURL": os.environ.get(address, "") + version, "apiKey": f"{{env:{key}}}"},
                    "models": {self.arguments["model"]: {"limit": limit}},
                }
            },
        }

    @property
    def _model(self) -> str:
        return f"gateway/{self.arguments['model']}"

    @property
    def _database(self) -> Path:
        return self.folder / "opencode.db"

    def environment(self) -> dict[str, str]:
        return {
            "OPENCODE_CONFIG": str(self.folder / "opencode.json"),
            "OPENCODE_DB": str(self._database),
            "OPENCODE_FAKE_VCS": "git",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            # indexes of all files help only people who type names
            "OPENCODE_DISABLE_FFF": "1",
            "OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER": "1",
            **{f"XDG_{kind}_HOME": f"{SCRATCH}/{kind.lower()}" for kind in ("DATA", "CACHE", "CONFIG", "STATE")},
        }

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        resume = ["--session", self._session] if self._session else []
        return [PROGRAM, "run", "--format", "json", "--auto", "--title", "task", "-m", self._model, *resume]

    def stdin(self, prompt: str) -> str:
        return prompt

    def shown_event(self, event: Mapping[str, Any]) -> str | None:
        self._session = event["sessionID"]
        part = event.get("part") or {}
        if event["type"] == "tool_use":
            words = part["state"]["input"]
            return f"{part['tool']}: {words.get('command') or json.dumps(words)}"
        if event["type"] == "error":
            error = event["error"]
            return f"error: {(error.get('data') or {}).get('message') or error}"
        return part.get("text")

    def usage(self) -> dict[str, Any]:
        """The sum over all sessions, including those of sub-agents."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self._database}?mode=rw", uri=True)) as database:
                [row] = database.execute(USAGE)
        except sqlite3.Error as error:
            raise OSError(f"{self._database.name}: {error}") from None
        names = ("calls", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
        return {name: row[n] or 0 for n, name in enumerate(names)}


if __name__ == "__main__":
    main(Opencode)
