"""The dialect of chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlebench.errors import Refusal
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.chat import Chat
from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, event, plain, stream, usage
from tests.gateway.dialects.requests import read, sent
from tests.gateway.dialects.streams import SIZES, read_stream, streaming_call

CHAT = Chat()
TOKENS = Tokens(input=100, cached=30, output=50, reasoning=20)
FUNCTION = {"type": "function", "function": {"name": "f", "description": "", "parameters": {"$ref": "#/$defs/x"}, "strict": True}}
CHOICE = {"type": "function", "function": {"name": "f"}}
ASKS = {"stream_options": {"include_usage": True}}


def test_routes() -> None:
    assert CHAT.route("POST", "/v1/chat/completions") == Route("generate")
    assert CHAT.route("POST", "/chat/completions") == Route("generate")
    for path in ("/v1/chat", "/v1/chat/completionsx", "/v2/chat/completions", "/x/v1/chat/completions", "/v1/embeddings", "/"):
        assert CHAT.route("POST", path) is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/v1/chat/completions/chat_1", 404),
        ("POST", "/v1/chat/completions/chat_1/messages", 404),
        ("POST", "/v1/chat/completions/", 404),
    ],
)
def test_closed_paths(method: str, path: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        CHAT.route(method, path)
    assert refused.value.status == status


def test_what_agents_send_passes() -> None:
    request = {
        "messages": [
            {"role": "system", "content": "be short", "name": "s"},
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"url": "https://x.org"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "see https://x.org/a.png"},
        ],
        "tools": [FUNCTION, {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": True,
        "temperature": 0,
        "top_p": 1,
        "stop": ["x"],
        "seed": 1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "web_search", "schema": {}}},
        "reasoning_effort": "low",
        "max_completion_tokens": 10,
    }
    call = read("chat", request)
    assert call.removed == ()
    assert CHAT.body(call, "gpt") == {**request, "model": "gpt"}
    assert CHAT.path(call, "gpt") == "/chat/completions"


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("required", "required"),
        (CHOICE, CHOICE),
        ({"type": "function", "function": {"name": "gone"}}, None),
        ({"type": "web_search"}, None),
        ({"type": "web_search", "web_search": {"name": "f"}}, None),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "mcp"}, CHOICE]}},
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CHOICE]}},
        ),
        ({"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "mcp"}]}}, None),
    ],
)
def test_a_choice_among_tools_that_are_there(choice: Any, left: Any) -> None:
    content = sent("chat", {"tools": [FUNCTION, {"type": "web_search"}], "tool_choice": choice})
    assert content.get("tool_choice") == left
    assert content["tools"] == [FUNCTION]


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, None),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ({"max_tokens": 7, "n": 3}, 21),
        ({"max_tokens": 7.0}, 7),
        ({"max_tokens": None, "n": None}, None),
        ({"n": 5}, None),
    ],
)
def test_most_output(limits: dict[str, Any], most: int | None) -> None:
    assert read("chat", limits).most_output == most


@pytest.mark.parametrize("bad", ["7", True, 0, -1, 1.5, 10**10, [7], {}])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
def test_limits_that_providers_may_read_otherwise_are_refused(name: str, bad: Any) -> None:
    with pytest.raises(Refusal) as refused:
        read("chat", {name: bad})
    assert name in refused.value.message


@pytest.mark.parametrize("stream", [1, "true", 0, "false", [], {}])
def test_a_stream_is_asked_for_by_true_alone(stream: Any) -> None:
    with pytest.raises(Refusal):
        read("chat", {"stream": stream})
    with pytest.raises(Refusal):
        read("chat", {"stream": True, "stream_options": {"include_usage": stream}})


@pytest.mark.parametrize("model", [None, "", 5, ["m"]])
def test_a_model_must_be_named(model: Any) -> None:
    with pytest.raises(Refusal):
        read("chat", {"model": model})


def test_a_model_that_searches_needs_a_grant() -> None:
    with pytest.raises(Refusal) as refused:
        read("chat", {"model": "m:online"})
    assert "web_search" in refused.value.message
    assert read("chat", {"model": "m:online"}, grants=["web_search"]).model == "m:online"


def test_usage_is_asked_for_in_streams_and_dropped_where_the_client_did_not() -> None:
    call = streaming_call("chat")
    assert call.content["stream_options"] == {"include_usage": True} and call.drops_usage
    assert not streaming_call("chat", ASKS).drops_usage
    quiet = streaming_call("chat", {"stream_options": {"include_usage": False, "include_obfuscation": False, "x": 1}})
    assert quiet.content["stream_options"] == {"include_usage": True, "include_obfuscation": False} and quiet.drops_usage
    assert "stream_options" not in sent("chat", {"stream_options": {"include_usage": True}}), "it is refused without a stream"


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_passes_without_the_usage_that_nobody_asked_for(size: int) -> None:
    reader, passed = read_stream(streaming_call("chat"), "chat", stream("chat", Said(tokens=TOKENS)), size)
    assert passed == b"".join(stream("chat", Said(tokens=TOKENS), with_usage=False))
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, None)


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_passes_whole_where_the_client_asked(size: int) -> None:
    events = stream("chat", Said(tokens=TOKENS))
    reader, passed = read_stream(streaming_call("chat", ASKS), "chat", events, size)
    assert passed == b"".join(events) and reader.tokens == TOKENS


def chunk(**fields: Any) -> bytes:
    return event({"id": "c", "object": "chat.completion.chunk", **fields})


LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USED = usage("chat", TOKENS)


@pytest.mark.parametrize(
    ("events", "dropped", "tokens"),
    [
        ([chunk(**LAST, usage=USED)], 0, TOKENS),
        ([chunk(choices=[], usage=None), chunk(**LAST, usage=None), chunk(choices=[], usage=USED)], 1, TOKENS),
        ([chunk(choices=[], usage=usage("chat", Tokens(input=9, output=1))), chunk(choices=[], usage=USED)], 2, TOKENS),
        ([chunk(choices=[], prompt_filter_results=[]), chunk(**LAST)], 0, None),
        ([chunk(**LAST), chunk(choices=[], usage={})], 1, None),
        ([chunk(**LAST), chunk(choices=[], usage="much")], 0, None),
        ([chunk(usage=USED), chunk(choices=None, usage=USED), b": ping\n\n"], 2, TOKENS),
        ([chunk(choices=[], usage=USED, error={"message": "x"})], 0, TOKENS),
    ],
)
def test_how_providers_differ(events: list[bytes], dropped: int, tokens: Tokens | None) -> None:
    reader, passed = read_stream(streaming_call("chat"), "chat", [*events, b"data: [DONE]\n\n"])
    assert b"".join(events).count(b"data:") + 1 - passed.count(b"data:") == dropped
    assert reader.tokens == tokens


def test_a_stream_is_complete_when_all_choices_ended_or_it_says_so() -> None:
    call = streaming_call("chat", {"n": 2})
    assert not read_stream(call, "chat", [chunk(**LAST)])[0].is_complete
    assert read_stream(call, "chat", [chunk(**LAST), chunk(**LAST)])[0].is_complete
    assert read_stream(call, "chat", [b"data: [DONE]"])[0].is_complete
    assert not read_stream(streaming_call("chat"), "chat", stream("chat", Said())[:2])[0].is_complete


def test_an_error_in_a_stream_is_said() -> None:
    reader, _ = read_stream(streaming_call("chat"), "chat", [event({"error": {"message": "over\nload", "code": 502}})])
    assert reader.failure == "over\\nload" and not reader.is_complete


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        (USED, TOKENS),
        ({"prompt_tokens": 5, "completion_tokens": 2}, Tokens(input=5, output=2)),
        ({"prompt_tokens": 5, "completion_tokens": None}, Tokens(input=5)),
        ({"prompt_tokens": 5.0, "completion_tokens": 2}, Tokens(input=5, output=2)),
        # xAI counts the reasoning beside the answer
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 17,
                "completion_tokens_details": {"reasoning_tokens": 10},
            },
            Tokens(input=5, output=12, reasoning=10),
        ),
        # DeepSeek
        ({"prompt_tokens": 5, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, Tokens(input=5, cached=4, output=2)),
        # OpenRouter
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}},
            Tokens(input=9, cached=4, cache_write=3, output=2),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 400}},
            Tokens(input=5, cached=5, output=2),
        ),
        ({"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": [1]}, Tokens(input=5, output=2)),
        (None, None),
        ([], None),
        ("5", None),
        ({}, None),
        ({"prompt_tokens": "5", "completion_tokens": True}, None),
        ({"prompt_tokens": -5, "completion_tokens": 10**30}, None),
        ({"prompt_tokens": float("inf"), "completion_tokens": float("nan")}, None),
        ({"prompt_tokens": {"prompt_tokens": 5}, "completion_tokens": [2]}, None),
    ],
)
def test_usage_is_read_in_one_convention_and_never_believed_blindly(said: Any, tokens: Tokens | None) -> None:
    assert CHAT.tokens({"usage": said}) == tokens


def test_a_plain_answer() -> None:
    assert CHAT.tokens(plain("chat", Said(tokens=TOKENS))) == TOKENS
    assert CHAT.tokens([]) is None


def test_headers() -> None:
    kept, removed = CHAT.request_headers(
        {
            "user-agent": "agent/1\x00 \u00e9" + "x" * 1000,
            "authorization": "Bearer token",
            "host": "localhost",
            "x-stainless-os": "Linux",
            "openai-organization": "org",
            "openai-beta": "assistants=v2",
            "cookie": "a=b",
            "accept": "*/*",
            "http-referer": "x",
        },
        [],
    )
    assert kept == {"user-agent": "agent/1 " + "x" * 192}
    assert removed == ["header openai-organization", "header openai-beta", "header http-referer"]


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(400, "budget-exhausted", "spent"), {"type": "insufficient_quota", "code": "insufficient_quota"}),
        (Refusal(404, "unknown-model", "no"), {"type": "invalid_request_error", "code": "model_not_found"}),
        (Refusal(401, "token", "no"), {"type": "invalid_request_error", "code": "invalid_api_key"}),
        (Refusal(502, "unavailable", "no"), {"type": "server_error", "code": "unavailable"}),
    ],
)
def test_refusals(refusal: Refusal, error: dict[str, str]) -> None:
    assert json.loads(CHAT.refusal(refusal)) == {"error": {"message": refusal.message, "param": None, **error}}


def test_the_probe_is_a_request_that_the_dialect_reads() -> None:
    path, content = CHAT.probe("served")
    assert path == "/chat/completions" and read("chat", content).removed == ()
