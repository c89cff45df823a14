"""Each dialect's answers, whole and streamed, with text, tools and reasoning, and parts of a request other than plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlebench.evidence.conversations.call_text import CallText, read_call
from mlebench.evidence.conversations.turns import ToolCall, Turn
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.transcript import CallTexts
from tests.exports.recorded import DIALECTS
from tests.exports.requests import Agent, Result, User, request
from tests.gateway.answers import Said, event, plain, stream

LS = {"command": "ls"}
NAMES = (
    *("messages", "input", "instructions", "system", "systemInstruction", "contents", "tools", "functions", "content", "parts"),
    *("choices", "output", "candidates", "delta", "tool_calls", "function_call", "arguments", "thinking", "index"),
)
"""Keys of requests and answers that hold more than words."""


def read(dialect: str, answer: Any = b"", asked: Any = None) -> CallText:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    asked = request(dialect, "rules", [User("go")]) if asked is None else asked
    return read_call(
        CallTexts(json.dumps(asked), body.decode("utf-8", "backslashreplace")), ModelCall("answered", 200, dialect=dialect)
    )


def events(*contents: Any) -> bytes:
    return b"".join(event(content, content.get("type", "")) for content in contents)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("said", [Said("a longer text"), Said(tool=("bash", LS))], ids=["text", "tool"])
def test_an_answer_says_the_same_whole_and_streamed(dialect: str, said: Said) -> None:
    whole = read(dialect, plain(dialect, said)).answer
    assert whole is not None and read(dialect, b"".join(stream(dialect, said))).answer == whole
    assert whole.text == ("" if said.tool else said.text)
    assert [(call.name, call.arguments) for call in whole.calls] == ([said.tool] if said.tool else [])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_is_read_in_its_order(dialect: str) -> None:
    said = [
        User("go"),
        Agent("I look", "ls", reasoning="" if dialect == "chat" else "hm"),
        Result("a b"),
        Agent("done"),
        User("on"),
    ]
    text = read(dialect, asked=request(dialect, "rules", said))
    assert [turn.text for turn in text.system] == ["rules"]
    assert [(turn.source, turn.text) for turn in text.turns] == [
        ("user", "go"),
        ("agent", "I look"),
        ("tool", "a b"),
        ("agent", "done"),
        ("user", "on"),
    ]
    assert text.turns[1].reasoning == ("" if dialect == "chat" else "hm")
    assert [call.name for call in text.turns[1].calls] == ["bash"]
    declared = {
        "name": "bash",
        "description": "runs",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
    }
    assert text.tools == [{"type": "function", "function": declared}]


REASONED: dict[str, tuple[Any, bytes]] = {
    "chat": (
        {"choices": [{"message": {"role": "assistant", "content": "yes", "reasoning_content": "so so"}}]},
        events(*({"choices": [{"index": 0, "delta": delta}]} for delta in (
            {"role": "assistant", "reasoning_content": "so "}, {"reasoning_content": "so"}, {"content": "y"}, {"content": "es"},
        ))),
    ),
    "responses": (
        {"output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so so"}], "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]},
        ]},
        events(
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "so "},
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "so"},
            {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "role": "assistant"}},
            {"type": "response.output_text.delta", "output_index": 1, "delta": "yes"},
        ),
    ),
    "messages": (
        {"content": [{"type": "thinking", "thinking": "so so", "signature": "x"}, {"type": "text", "text": "yes"}]},
        events(
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "so so"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "yes"}},
        ),
    ),
    "gemini": (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "so so", "thought": True}, {"text": "yes"}]}}]},
        events(*({"candidates": [{"content": {"parts": [part]}}]} for part in (
            {"text": "so ", "thought": True}, {"text": "so", "thought": True}, {"text": "y"}, {"text": "es"},
        ))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_reasoning_stands_apart(dialect: str) -> None:
    """The streams here are cut off before their end, so that nothing repeats the answer as a whole."""
    for answer in REASONED[dialect]:
        assert read(dialect, answer).answer == Turn("agent", "yes", "so so")


def test_calls_of_tools_in_a_stream_are_put_together_by_their_index() -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "bash", "arguments": '{"command"'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "read", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ': "ls"}'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "not JSON"}}]},
    ]
    answer = read("chat", events(*({"choices": [{"index": 0, "delta": delta}]} for delta in deltas))).answer
    assert answer is not None
    assert answer.calls == (ToolCall("a", "bash", LS), ToolCall("b", "read", {"input": "not JSON"}))


def test_a_gemini_stream_that_is_one_array_is_read_as_one() -> None:
    chunks = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in ("a", "b")]
    assert read("gemini", chunks).answer == Turn("agent", "ab")


def test_several_choices_are_one_answer_of_which_the_first_calls() -> None:
    choices = [{"index": n, "message": {"role": "assistant", "content": text}} for n, text in enumerate(("one", "two"))]
    assert read("chat", {"choices": choices}).answer == Turn("agent", "one\n\ntwo")


@pytest.mark.parametrize(
    ("item", "call"),
    [
        ({"type": "custom_tool_call", "name": "apply_patch", "input": "***"}, ("apply_patch", {"input": "***"})),
        ({"type": "local_shell_call", "action": {"command": ["ls"]}}, ("local_shell", {"command": ["ls"]})),
        ({"type": "function_call", "namespace": "mcp", "name": "run", "arguments": "[1]"}, ("mcp.run", {"arguments": "[1]"})),
        ({"type": "computer_call", "actions": [{"type": "click"}]}, ("computer", {"actions": [{"type": "click"}]})),
    ],
)
def test_every_kind_of_call_of_the_responses_dialect_is_one(item: dict[str, Any], call: tuple[str, Any]) -> None:
    answer = read("responses", {"output": [{**item, "call_id": "c"}]}).answer
    assert answer is not None
    assert [(one.id, one.name, one.arguments) for one in answer.calls] == [("c", *call)]


def test_results_stand_before_what_a_message_says_beside_them() -> None:
    blocks = [{"type": "text", "text": "hurry"}, {"type": "tool_result", "tool_use_id": "c", "content": "fine"}]
    asked = {"messages": [{"role": "user", "content": blocks}]}
    assert [(turn.source, turn.text) for turn in read("messages", asked=asked).turns] == [("tool", "fine"), ("user", "hurry")]


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        ("chat", {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}),
        ("responses", {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 5000}),
        ("messages", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 5000}}),
        ("gemini", {"inlineData": {"mimeType": "image/png", "data": "A" * 5000}}),
    ],
)
def test_an_image_stands_by_its_hash(dialect: str, part: dict[str, Any]) -> None:
    message = {"role": "user", "parts" if dialect == "gemini" else "content": [part]}
    name = {"responses": "input", "gemini": "contents"}.get(dialect, "messages")
    [turn] = read(dialect, asked={name: [message]}).turns
    assert "SHA-256" in turn.text and "image" in turn.text and len(turn.text) < 400


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "value", [None, 1, "x", [], [1, None, "x"], {"a": []}, [[[]]], {"type": 7}, [{"type": "text", "text": 3}]]
)
def test_whatever_stands_in_the_place_of_a_list_is_borne(dialect: str, value: Any) -> None:
    for name in NAMES:
        read(dialect, {name: value}, {name: value})
        read(dialect, events({"type": value, name: value}), {"messages": [{"role": "assistant", name: value}]})
        read(dialect, {"candidates": [{name: value}], "choices": [{"message": {name: value}}]}, {"contents": [{name: value}]})
        read(dialect, {"output": [{"type": "message", name: value}], "content": [{name: value}]}, {"input": [{name: value}]})


@pytest.mark.parametrize("asked", ["[]", "3", "{", "[" * 100_000, '{"messages": [' + "1," * 2**20 + "1]}", ""])
def test_a_request_that_is_none_is_refused(asked: str) -> None:
    with pytest.raises(ValueError):
        read_call(CallTexts(asked, ""), ModelCall("answered", 200, dialect="chat"))


def test_an_answer_of_which_only_the_beginning_was_kept_is_none() -> None:
    assert read("chat", json.dumps(plain("chat", Said("a long text"))).encode()[:-20]).answer is None
