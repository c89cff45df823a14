"""What the adapter of Gemini CLI makes of prompts, output and sessions, without the program."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from mlebench_agent.task import Task

from tests.agents.home import Home

ADAPTER = Path(__file__).parents[2] / "agents" / "gemini-cli" / "gemini_cli.py"


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("MLEBENCH_HOME", str(home.folder))
    for name in ("data", "submission", "logs", "code"):
        monkeypatch.delenv(f"{name.upper()}_DIR", raising=False)
    specification = importlib.util.spec_from_file_location("gemini_cli", ADAPTER)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.GeminiCli(Task(["model=a-model"], {"continue": False, **module.GeminiCli.defaults}))


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("scored by MAP@5, mail a@b.c", "scored by MAP@5, mail a@b.c"),
        ("NDCG@data and @data/train.csv", "NDCG\\@data and \\@data/train.csv"),
        ('@/etc/passwd @./x @~ @"data"', '\\@/etc/passwd \\@./x \\@~ \\@"data"'),
    ],
)
def test_a_word_that_names_a_file_stays_a_word(agent: Any, said: str, heard: str) -> None:
    assert agent.stdin(said) == heard


@pytest.mark.parametrize(
    ("code", "waits"), [(429, True), (500, True), (503, True), (400, False), (404, False)], ids=lambda value: str(value)
)
def test_a_busy_provider_is_told_from_a_refusal(agent: Any, code: int, waits: bool) -> None:
    message = f"[API Error: {json.dumps({'error': {'code': code, 'message': 'no'}}, separators=(',', ':'))}]"
    output = '{"type":"init"}\nsome text\n' + json.dumps({"type": "result", "status": "error", "error": {"message": message}})
    assert agent.says_to_wait(output) is waits


def test_pieces_of_an_answer_are_one_line_before_the_next_event(agent: Any) -> None:
    for piece in ("I look ", "first."):
        assert agent.shown(json.dumps({"type": "message", "role": "assistant", "content": piece, "delta": True})) is None
    call = {"type": "tool_use", "tool_name": "run_shell_command", "parameters": {"command": "ls"}}
    assert agent.shown(json.dumps(call)) == "I look first.\nrun_shell_command: ls"
    assert agent.shown(json.dumps({"type": "tool_result", "status": "success", "output": "x"})) is None
    assert agent.shown("some warning") == "some warning"
    assert agent.shown("    at someFunction (file.js:1:2)") is None


def test_an_answer_that_a_session_holds_twice_counts_once_and_half_a_line_is_passed_over(agent: Any) -> None:
    chats = agent.folder / ".gemini" / "tmp" / "home" / "chats"
    chats.mkdir(parents=True)
    answer = {"id": "1", "tokens": {"input": 100, "output": 7, "cached": 60, "thoughts": 3, "tool": 0, "total": 110}}
    later = {"$set": {"messages": [answer, {"id": "0", "content": "asked"}]}}
    lines = [json.dumps(line) for line in ({"sessionId": "s"}, answer, answer, later, answer | {"id": "2"})]
    (chats / "session-1.jsonl").write_text("\n".join([*lines, '{"id": "3", "tok']))
    assert agent.usage() == {
        "calls": 2,
        "input_tokens": 200,
        "cached_tokens": 120,
        "output_tokens": 20,
        "reasoning_tokens": 6,
    }
