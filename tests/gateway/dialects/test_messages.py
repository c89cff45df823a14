"""Anthropic's dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlebench.errors import Refusal
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.messages import Messages
from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, event, plain, stream
from tests.gateway.dialects.requests import PATHS, SMALLEST, read, sent
from tests.gateway.dialects.streams import SIZES, read_stream, streaming_call

MESSAGES = Messages()
TOKENS = Tokens(input=100, cached=30, cache_write=20, output=50)
SCHEMA = {"type": "object", "properties": {"$ref": {"$ref": "#/$defs/x"}}}
TOOL = {"name": "f", "description": "", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}


def test_routes() -> None:
    assert MESSAGES.route("POST", "/v1/messages") == Route("generate")
    assert MESSAGES.route("POST", "/v1/messages/count_tokens") == Route("count")
    assert MESSAGES.route("POST", "/v1/message") is None
    for method, path, status in (("GET", "/v1/messages", 405), ("POST", "/v1/messages/batches", 404)):
        with pytest.raises(Refusal) as refused:
            MESSAGES.route(method, path)
        assert refused.value.status == status


def test_what_agents_send_passes() -> None:
    request = {
        "system": [{"type": "text", "text": "be short", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "https://x.org/a.png"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "x", "signature": "y"},
                    {"type": "redacted_thinking", "data": "z"},
                    {"type": "tool_use", "id": "1", "name": "f", "input": {"url": "https://x.org"}, "caller": {"type": "direct"}},
                    {"type": "server_tool_use", "id": "2", "name": "tool_search_tool_regex", "input": {"query": "x"}},
                    {"type": "tool_search_tool_result", "tool_use_id": "2", "content": {"tool_references": []}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "1",
                        "is_error": False,
                        "content": [
                            {"type": "text", "text": "x"},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                        ],
                    },
                    {
                        "type": "document",
                        "title": "t",
                        "citations": {"enabled": True},
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                    },
                ],
            },
        ],
        "tools": [
            TOOL,
            {"type": "custom", **TOOL, "defer_loading": True, "allowed_callers": ["direct"]},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 9},
            {"type": "computer_20251124", "name": "computer", "display_width_px": 1, "display_height_px": 1},
            {"type": "memory_20250818", "name": "memory"},
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        ],
        "tool_choice": {"type": "tool", "name": "f"},
        "thinking": {"type": "enabled", "budget_tokens": 5},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919", "keep": {"type": "tool_uses", "value": 3}}]},
        "metadata": {"user_id": "x"},
        "max_tokens": 32000,
        "stream": True,
        "temperature": 1,
    }
    call = read("messages", request)
    assert call.removed == ()
    assert MESSAGES.body(call, "claude") == {**request, "model": "claude"}
    assert call.most_output == 32000


def test_a_cache_that_lives_longer_has_its_own_price_and_is_not_asked_for() -> None:
    long = {"type": "ephemeral", "ttl": "1h"}
    call = read("messages", {"cache_control": long, "tools": [{**TOOL, "cache_control": long}]})
    assert call.content["cache_control"] == {"type": "ephemeral"} == call.content["tools"][0]["cache_control"]
    assert call.removed == ("key cache_control.ttl", "key tools.cache_control.ttl")


def test_a_program_of_the_provider_calls_no_tool() -> None:
    call = read("messages", {"tools": [{**TOOL, "allowed_callers": ["direct", "code_execution_20260120"]}]})
    assert call.content["tools"][0]["allowed_callers"] == ["direct"]
    only_program = sent("messages", {"tools": [{**TOOL, "allowed_callers": ["code_execution_20260120"]}]})
    assert "allowed_callers" not in only_program["tools"][0]
    granted = sent("messages", {"tools": [{**TOOL, "allowed_callers": ["code_execution_20260120"]}]}, grants=["code_execution"])
    assert granted["tools"][0]["allowed_callers"] == ["code_execution_20260120"]


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ({"type": "any"}, {"type": "any"}),
        ({"type": "tool", "name": "f"}, {"type": "tool", "name": "f"}),
        ({"type": "tool", "name": "web_search"}, None),
        ({"type": "tool", "name": ["f"]}, None),
    ],
)
def test_a_choice_among_tools_that_are_there(choice: Any, left: Any) -> None:
    content = sent("messages", {"tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}], "tool_choice": choice})
    assert content.get("tool_choice") == left


@pytest.mark.parametrize("bad", [None, "7", True, 0, -1, 1.5, 10**10, [7]])
def test_a_limit_must_be_there_and_be_a_number(bad: Any) -> None:
    with pytest.raises(Refusal) as refused:
        read("messages", {"max_tokens": bad})
    assert "max_tokens" in refused.value.message


def test_a_count_asks_for_nothing_else() -> None:
    path = PATHS["messages"] + "/count_tokens"
    call = read("messages", {"stream": True, "temperature": 1, "tools": [TOOL]}, path=path)
    assert call.action == "count" and not call.is_streaming and MESSAGES.path(call, "c") == "/messages/count_tokens"
    assert MESSAGES.body(call, "c") == {"model": "c", "messages": SMALLEST["messages"]["messages"], "tools": [TOOL]}
    assert read("messages", {"max_tokens": None}, path=path).most_output is None


def test_of_the_query_only_beta_passes() -> None:
    assert read("messages", query={"beta": "true", "x": "y"}).query == {"beta": "true"}
    assert read("messages", query={"beta": "x"}).query == {}


def test_headers() -> None:
    given = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219, interleaved-thinking-2025-05-14,web-fetch-2025-09-10,mcp-client-2025-04-04,"
        "code-execution-2025-08-25,files-api-2025-04-14,skills-2025-10-02,fast-mode-2026-02-01,server-side-fallback-2026-06-01,"
        "extended-cache-ttl-2025-04-11,made-up-2030-01-01,context-1m-2025-08-07\r\nx-evil: 1",
        "user-agent": "claude-cli/2",
        "x-app": "cli",
        "x-api-key": "token",
        "x-forwarded-for": "1.2.3.4",
    }
    kept, removed = MESSAGES.request_headers(given, [])
    assert kept == {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
        "user-agent": "claude-cli/2",
    }
    assert "beta mcp-client-2025-04-04" in removed and "header x-forwarded-for" in removed
    opened, _ = MESSAGES.request_headers(given, ["web_fetch", "remote_mcp", "files"])
    assert opened["anthropic-beta"] == (
        "claude-code-20250219,interleaved-thinking-2025-05-14,web-fetch-2025-09-10,mcp-client-2025-04-04,files-api-2025-04-14"
    )
    assert MESSAGES.request_headers({"anthropic-version": "x\r\ny"}, [])[0] == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_passes_whole(size: int) -> None:
    events = stream("messages", Said(tokens=TOKENS))
    reader, passed = read_stream(streaming_call("messages"), "messages", events, size)
    assert passed == b"".join(events)
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, None)


def test_a_stream_that_is_cut_off_says_what_it_said() -> None:
    reader, _ = read_stream(streaming_call("messages"), "messages", stream("messages", Said(tokens=TOKENS))[:3])
    assert reader.tokens == Tokens(input=100, cached=30, cache_write=20, output=1) and not reader.is_complete


def start(**usage: Any) -> bytes:
    return event({"type": "message_start", "message": {"usage": usage}}, "message_start")


def delta(usage: Any) -> bytes:
    return event({"type": "message_delta", "delta": {}, "usage": usage}, "message_delta")


@pytest.mark.parametrize(
    ("events", "tokens"),
    [
        ([start(input_tokens=9, output_tokens=1), delta({"output_tokens": 5})], Tokens(input=9, output=5)),
        ([start(input_tokens=9), delta({"output_tokens": 5}), delta({"output_tokens": 8})], Tokens(input=9, output=8)),
        # counts of the whole prompt come with the end, and may have grown
        (
            [start(input_tokens=9), delta({"input_tokens": 20, "cache_read_input_tokens": 7, "output_tokens": 5})],
            Tokens(input=27, cached=7, output=5),
        ),
        ([start(input_tokens=0), delta({"input_tokens": 20, "output_tokens": 5})], Tokens(input=20, output=5)),
        # nothing and 0 do not correct anything
        ([start(input_tokens=9), delta({"input_tokens": 0, "output_tokens": 5})], Tokens(input=9, output=5)),
        ([start(input_tokens=9), delta({"input_tokens": None, "output_tokens": 5})], Tokens(input=9, output=5)),
        ([start(input_tokens=9), delta(None), delta("x"), delta({"output_tokens": -5})], Tokens(input=9)),
        ([start(), delta({"output_tokens": True})], None),
        (
            [start(input_tokens=9), delta({"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 3}})],
            Tokens(input=9, output=5, reasoning=3),
        ),
    ],
)
def test_counts_grow_in_a_stream(events: list[bytes], tokens: Tokens | None) -> None:
    assert read_stream(streaming_call("messages"), "messages", events)[0].tokens == tokens


def test_what_a_provider_did_beside_the_answer_counts() -> None:
    said = {
        "input_tokens": 10,
        "output_tokens": 5,
        "iterations": [
            {"type": "compaction", "input_tokens": 1000, "output_tokens": 200},
            {"type": "message", "input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 0},
            "x",
        ],
    }
    assert MESSAGES.tokens({"usage": said}) == Tokens(input=1010, output=205)
    assert MESSAGES.tokens({"usage": {**said, "iterations": "x"}}) == Tokens(input=10, output=5)


@pytest.mark.parametrize("said", [None, [], "x", {}, {"input_tokens": "5"}, {"input_tokens": True, "output_tokens": -1}])
def test_usage_that_says_nothing(said: Any) -> None:
    assert MESSAGES.tokens({"usage": said}) is None


def test_a_plain_answer() -> None:
    assert MESSAGES.tokens(plain("messages", Said(tokens=TOKENS))) == TOKENS


def test_an_error_in_a_stream_is_said() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "over load"}}
    reader, _ = read_stream(streaming_call("messages"), "messages", [start(input_tokens=9), event(error, "error")])
    assert (reader.failure, reader.is_complete, reader.tokens) == ("over load", False, Tokens(input=9))


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(400, "budget-exhausted", "spent"), "invalid_request_error"),
        (Refusal(401, "token", "no"), "authentication_error"),
        (Refusal(404, "unknown-model", "no"), "not_found_error"),
        (Refusal(413, "too-large", "no"), "request_too_large"),
        (Refusal(502, "unavailable", "no"), "api_error"),
    ],
)
def test_refusals(refusal: Refusal, kind: str) -> None:
    assert json.loads(MESSAGES.refusal(refusal)) == {"type": "error", "error": {"type": kind, "message": refusal.message}}


def test_the_probe_is_a_request_that_the_dialect_reads() -> None:
    path, content = MESSAGES.probe("served")
    assert path == "/messages" and read("messages", content).removed == ()
