"""Runs Claude Code on the task: its environment, its command lines, and what its events mean."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench_agent.conversation import CommandLineAgent, main

PROGRAM = "/opt/claude-code/claude"
WEB_TOOLS = "WebSearch,WebFetch"
KINDS_OF_MODELS = ("OPUS", "SONNET", "HAIKU", "FABLE")
TOKENS = {
    "input_tokens": ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    "cached_tokens": ("cache_read_input_tokens",),
    "cache_write_tokens": ("cache_creation_input_tokens",),
    "output_tokens": ("output_tokens",),
}


class ClaudeCode(CommandLineAgent):
    name = "claude-code"
    defaults: Mapping[str, Any] = {"model": "", "effort": "", "max_turns": 0}

    def prepare(self) -> None:
        self.keep(Path.home() / ".claude" / "projects")
        self._session = str(uuid.uuid4())

    def environment(self) -> dict[str, str]:
        model = self.arguments["model"]
        return {
            # otherwise it refuses to bypass permissions as root
            "IS_SANDBOX": "1",
            # updates, telemetry, error reports, feedback
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            # the gateway rejects experimental fields in a request
            "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
            # training takes longer than the default limit of ten minutes per command
            "BASH_MAX_TIMEOUT_MS": str(int(max(600.0, self.task.seconds_left) * 1000)),
            "CLAUDE_CODE_SUBAGENT_MODEL": model,
            **{f"ANTHROPIC_DEFAULT_{kind}_MODEL": model for kind in KINDS_OF_MODELS},
        }

    def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
        effort, max_turns = self.arguments["effort"], self.arguments["max_turns"]
        is_there = any(self.folder.glob(f"projects/*/{self._session}.jsonl"))
        return [
            *(PROGRAM, "--print", "--verbose", "--output-format", "stream-json"),
            *("--permission-mode", "bypassPermissions", "--disallowed-tools", WEB_TOOLS),
            *("--model", self.arguments["model"]),
            *(("--effort", effort) if effort else ()),
            *(("--max-turns", str(max_turns)) if max_turns else ()),
            *("--resume" if is_there else "--session-id", self._session),
        ]

    def stdin(self, prompt: str) -> str:
        return prompt

    def shown_event(self, event: Mapping[str, Any]) -> str | None:
        if event["type"] == "result":
            return f"{'failed' if event['is_error'] else 'ended'} after {event['num_turns']} turns ({event['subtype']})"
        if event.get("subtype") == "api_retry":
            return f"the model did not answer ({event['error']}, HTTP status {event['error_status']})"
        blocks = event["message"]["content"] if event["type"] in ("assistant", "user") else []
        return "\n".join(filter(None, (_shown_block(block) for block in blocks))) or None

    def says_to_wait(self, output: str) -> bool:
        result = json.loads(output.rstrip().rpartition("\n")[2])
        status = result.get("api_error_status")
        return result.get("terminal_reason") == "api_error" and (status is None or status == 429 or status >= 500)

    def usage(self) -> Mapping[str, Any]:
        answers: dict[str, Mapping[str, int]] = {}
        cost = None
        # sub-agents write separate files
        for session in sorted(self.folder.glob("projects/**/*.jsonl")):
            for line in session.read_text(encoding="utf-8").splitlines():
                event = json.loads(line)
                if event["type"] == "assistant" and "requestRef" in event:
                    # each part of an answer repeats the usage of the whole answer
                    answers[event["requestRef"]] = event["message"]["usage"]
                elif event["type"] == "cost-state" and session.stem == self._session:
                    cost = event["totalCostUSD"]
        sums: Counter[str] = Counter(calls=len(answers))
        for used in answers.values():
            sums.update({name: sum(used.get(part) or 0 for part in parts) for name, parts in TOKENS.items()})
        return {**sums, **({} if cost is None else {"cost_usd": cost})}


def _shown_block(block: Mapping[str, Any]) -> str | None:
    if block["type"] == "tool_use":
        words = block["input"]
        return f"$ {words['command']}" if "command" in words else f"{block['name']} {json.dumps(words)}"
    if block["type"] == "tool_result":
        return f"failed: {block['content']}" if block.get("is_error") else None
    return block["text"] if block["type"] == "text" else None


if __name__ == "__main__":
    main(ClaudeCode)
