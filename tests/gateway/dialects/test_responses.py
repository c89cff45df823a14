"""The dialect of OpenAI's responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlebench.errors import Refusal
from mlebench.gateway.dialects import sse
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.responses import Responses
from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, event, plain, stream, usage
from tests.gateway.dialects.requests import PATHS, read, sent
from tests.gateway.dialects.streams import SIZES, read_stream, streaming_call

RESPONSES = Responses()
TOKENS = Tokens(input=100, cached=30, output=50, reasoning=20)
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}


def test_routes() -> None:
    assert RESPONSES.route("POST", "/v1/responses") == Route("generate")
    assert RESPONSES.route("POST", "/responses") == Route("generate")
    assert RESPONSES.route("POST", "/v1/responses/input_tokens") == Route("count")
    assert RESPONSES.route("POST", "/v1/response") is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/responses", 405),
        ("GET", "/v1/responses/resp_1", 404),
        ("DELETE", "/v1/responses/resp_1", 404),
        ("POST", "/v1/responses/resp_1/cancel", 404),
        ("GET", "/v1/responses/resp_1/input_items", 404),
        ("POST", "/v1/responses/compact", 404),
    ],
)
def test_closed_paths(method: str, path: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        RESPONSES.route(method, path)
    assert refused.value.status == status


def test_what_agents_send_passes() -> None:
    request = {
        "instructions": "be short",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "x"}]},
            {"role": "user", "content": "https://x.org/a.png"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "web_search"},
            {"type": "custom_tool_call", "call_id": "2", "name": "apply_patch", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "2", "output": "x"},
            {"type": "local_shell_call", "call_id": "3", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "shell_call", "call_id": "4", "action": {"commands": ["ls"]}, "environment": {"type": "local"}},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "y", "annotations": []}]},
        ],
        "tools": [
            FUNCTION,
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            {"type": "local_shell"},
            {"type": "apply_patch"},
            {"type": "shell", "environment": {"type": "local"}},
            {"type": "namespace", "name": "n", "description": "", "tools": [FUNCTION]},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "x",
        "text": {"verbosity": "low"},
        "store": False,
    }
    call = read("responses", request)
    assert call.removed == ()
    assert RESPONSES.body(call, "gpt") == {**request, "model": "gpt"}


def test_nothing_is_stored() -> None:
    assert sent("responses")["store"] is False
    call = read("responses", {"store": True})
    assert call.content["store"] is False and call.removed == ("key store",)
    assert sent("responses", {"store": True}, grants=["stored_conversations"])["store"] is True
    assert "store" not in sent("responses", grants=["stored_conversations"])


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt", "background"])
def test_what_depends_on_what_is_stored_is_refused_unless_it_is_empty(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        read("responses", {name: "x"})
    assert refused.value.kind == "not-allowed" and name in refused.value.message
    for empty in (None, False, ""):
        assert read("responses", {name: empty}).removed == () and name not in sent("responses", {name: empty})


def test_reasoning_that_only_the_provider_could_know_goes() -> None:
    lost = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "x"}]}
    opened = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]}
    call = read("responses", {"input": [lost, opened]})
    assert call.content["input"] == [opened] and len(call.removed) == 1


def test_a_shell_without_a_word_is_the_agents_own() -> None:
    assert sent("responses", {"tools": [{"type": "shell"}]})["tools"] == [{"type": "shell", "environment": {"type": "local"}}]


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
        ({"type": "function", "name": "gone"}, None),
        ({"type": "mcp", "server_label": "f"}, None),
        ({"type": "mcp", "name": "f"}, None),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}, {"type": "function", "name": "f"}]},
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}, None),
    ],
)
def test_a_choice_among_tools_that_are_there(choice: Any, left: Any) -> None:
    content = sent("responses", {"tools": [FUNCTION, {"type": "mcp", "server_label": "f"}], "tool_choice": choice})
    assert content.get("tool_choice") == left


def test_most_output() -> None:
    assert read("responses").most_output is None
    assert read("responses", {"max_output_tokens": 9}).most_output == 9
    with pytest.raises(Refusal):
        read("responses", {"max_output_tokens": "9"})


def test_a_count_asks_for_nothing_else() -> None:
    call = read("responses", {"stream": True, "temperature": 1, "tools": [FUNCTION]}, path=PATHS["responses"] + "/input_tokens")
    assert call.action == "count" and not call.is_streaming
    assert RESPONSES.path(call, "gpt") == "/responses/input_tokens"
    assert RESPONSES.body(call, "gpt") == {"model": "gpt", "input": "hello", "tools": [FUNCTION]}


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_passes_whole(size: int) -> None:
    events = stream("responses", Said(tokens=TOKENS))
    reader, passed = read_stream(streaming_call("responses"), "responses", events, size)
    assert passed == b"".join(events)
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, None)


@pytest.mark.parametrize("size", [50, 1000, 10**6])
def test_instructions_that_the_answer_repeats_hide_no_usage(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sse, "MOST_EVENT", 2**12)
    forged = {"usage": {"input_tokens": 1, "output_tokens": 1}}
    ours = {key: value for key, value in plain("responses", Said()).items() if key not in ("usage", "tools", "metadata")}
    echoed = {"instructions": " " * 2**16 + json.dumps(forged), "tools": [{"parameters": forged}]}
    answer = {**ours, **echoed, "usage": usage("responses", TOKENS), "user": json.dumps(forged), "metadata": {"usage": "{"}}
    ending = event({"type": "response.completed", "response": answer}, "response.completed")
    reader, passed = read_stream(streaming_call("responses"), "responses", [ending], size)
    assert passed == ending
    assert (reader.tokens, reader.is_complete) == (TOKENS, True)
    created = event({"type": "response.created", "response": {**answer, "usage": None}})
    reader, _ = read_stream(streaming_call("responses"), "responses", [created], size)
    assert not reader.is_complete and reader.tokens is None
    failed = event({"type": "response.failed", "response": {**answer, "usage": None}})
    reader, _ = read_stream(streaming_call("responses"), "responses", [failed], size)
    assert reader.is_complete and reader.tokens is None


def test_what_an_answer_repeats_behind_its_usage_is_short() -> None:
    for name in ("metadata", "user", "safety_identifier", "prompt_cache_key"):
        with pytest.raises(Refusal) as refused:
            read("responses", {name: {"x": "y" * 2**14}})
        assert refused.value.status == 413


def test_a_stream_that_is_cut_off_is_not_complete() -> None:
    reader, _ = read_stream(streaming_call("responses"), "responses", stream("responses", Said())[:-1])
    assert reader.tokens is None and not reader.is_complete


@pytest.mark.parametrize(
    ("kind", "response", "failure"),
    [
        ("response.incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, None),
        ("response.failed", {"error": {"code": "server_error", "message": "over load"}}, "over load"),
    ],
)
def test_other_ends_are_ends_with_usage(kind: str, response: dict[str, Any], failure: str | None) -> None:
    ending = event({"type": kind, "response": {**response, "usage": usage("responses", TOKENS)}}, kind)
    reader, _ = read_stream(streaming_call("responses"), "responses", [ending])
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, failure)


def test_errors_in_a_stream_are_said() -> None:
    for error in ({"type": "error", "code": "x", "message": "over load"}, {"type": "error", "error": {"message": "over load"}}):
        reader, _ = read_stream(streaming_call("responses"), "responses", [event(error, "error")])
        assert reader.failure == "over load" and not reader.is_complete


def test_a_cache_that_lives_longer_has_its_own_price_and_is_not_asked_for() -> None:
    mark = {"mode": "explicit", "ttl": "12h"}
    parts = [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": mark}]
    options = {**mark, "comparison_response_id": "resp_1", "prewarm": True}
    call = read("responses", {"input": [{"role": "user", "content": parts}], "prompt_cache_options": options})
    assert call.content["prompt_cache_options"] == {"mode": "explicit"}
    assert call.content["input"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert len(call.removed) == 4


def test_what_was_cached_for_long_is_counted_apart() -> None:
    details = {"cached_tokens": 3, "cache_write_tokens": 6, "cache_write_tokens_details": {"ttl_12h_tokens": 4}}
    said = {"input_tokens": 10, "output_tokens": 2, "input_tokens_details": details}
    expected = Tokens(input=10, cached=3, cache_write=6, long_cache_write=4, output=2)
    assert RESPONSES.tokens({"usage": said}) == expected


def test_a_plain_answer() -> None:
    assert RESPONSES.tokens(plain("responses", Said(tokens=TOKENS))) == TOKENS
    assert RESPONSES.tokens({"usage": None}) is None


def test_a_refusal() -> None:
    content = json.loads(RESPONSES.refusal(Refusal(400, "budget-exhausted", "spent")))
    assert content["error"]["code"] == "insufficient_quota"


def test_the_probe_is_a_request_that_the_dialect_reads() -> None:
    path, content = RESPONSES.probe("served")
    call = read("responses", content)
    assert path == "/responses" and call.removed == () and call.most_output == 16
