"""What reaches around the sandbox does not reach a provider, whatever dialect and spelling it comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal
from mlebench.gateway.dialects.cleaning import LEAST_MEDIA, MOST_DEPTH, MOST_NOTES, MOST_VALUES, Cleaning, check_form
from mlebench.gateway.dialects.table import DIALECTS
from tests.gateway.dialects.requests import PATHS, SMALLEST, read, sent

MARK = "reaches-around"
URL = f"https://{MARK}.example/x.png"
PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 20


REMOTE = {"type": "image", "source": {"type": "url", "url": URL}}


def chat_part(part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, part]}]}


def input_item(item: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "look"}, item]}


def input_part(part: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


def block(one: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [one]}]}


def gemini_part(part: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [part]}]}


ATTACKS: list[tuple[DialectName, dict[str, Any]]] = [
    # tools that a provider runs
    *(
        ("chat", {"tools": [tool]})
        for tool in (
            {"type": "web_search", "x": MARK},
            {"type": "Web_Search", "x": MARK},
            {"type": "web_search_preview_2030_01_01", "x": MARK},
            {"type": "openrouter:web_search", "parameters": {"x": MARK}},
            {"type": "mcp", "server_url": URL},
            {"type": "code_interpreter", "container": MARK},
            {"type": ["function"], "function": {"name": MARK}},
            {"type": None, "server_url": URL},
            {"server_url": URL, "function": {"name": MARK}},
            {"type": "function", "function": {"name": "f"}, "server_url": URL},
            {"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": {"$ref": URL}}}}},
            {"type": "builtin_function", "function": {"name": f"${MARK}"}},
            {"type": "google_search", "x": MARK},
            {"type": "custom", "custom": {"name": "c", "server_url": URL}},
            {"type": "function", "function": {"name": "f", "server_url": URL}},
        )
    ),
    *(
        ("responses", {"tools": [tool]})
        for tool in (
            {"type": "web_search", "x": MARK},
            {"type": "web_search_2025_08_26", "filters": {"allowed_domains": [MARK]}},
            {"type": "web_search_preview", "x": MARK},
            {"type": "file_search", "vector_store_ids": [MARK]},
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [MARK]}},
            {"type": "image_generation", "model": MARK},
            {"type": "mcp", "server_label": MARK, "server_url": URL},
            {"type": "mcp", "connector_id": MARK},
            {"type": "shell", "environment": {"type": "container_auto", "network_policy": {"allowed_domains": [MARK]}}},
            {"type": "shell", "environment": {"type": "container_reference", "container_id": MARK}},
            {"type": "shell", "environment": {"type": "local", "container_id": MARK}},
            {"type": "shell", "environment": MARK},
            {"type": "programmatic_tool_calling", "x": MARK},
            {"type": "namespace", "name": "n", "tools": [{"type": "mcp", "server_url": URL}]},
            {"type": "function", "name": "f", "allowed_callers": [MARK]},
            {"type": "something_new", "x": MARK},
            {"type": "function", "name": "f", "parameters": {"allOf": [{"$id": URL, "$ref": f"{MARK}/x"}]}},
        )
    ),
    ("responses", input_item({"type": "additional_tools", "role": "developer", "tools": [{"type": "mcp", "server_url": URL}]})),
    ("responses", input_item({"type": "tool_search_output", "tools": [{"type": "web_search", "x": MARK}]})),
    *(
        ("messages", {"tools": [tool]})
        for tool in (
            {"type": "web_search_20250305", "name": MARK},
            {"type": "web_search_20991231", "name": MARK},
            {"type": "web_fetch_20250910", "name": MARK},
            {"type": "code_execution_20250825", "name": MARK},
            {"type": "mcp_toolset", "mcp_server_name": MARK},
            {"type": "advisor_20260301", "model": MARK},
            {"type": "bash_20250124 ", "name": MARK},
            {"name": "f", "input_schema": {"$defs": {"x": {"$dynamicRef": f"FILE:///{MARK}"}}}},
            {"type": "BASH_20250124", "name": MARK},
            {"type": "custom", "name": "f", "input_schema": {}, "server_url": URL},
            {"type": "custom", "name": "f", "input_schema": {}, "allowed_callers": [MARK]},
        )
    ),
    *(
        ("gemini", {"tools": [tool]})
        for tool in (
            {"googleSearch": {"x": MARK}},
            {"google_search": {"x": MARK}},
            {"googleSearchRetrieval": {"x": MARK}},
            {"google_search_retrieval": {"x": MARK}},
            {"enterpriseWebSearch": {"x": MARK}},
            {"googleMaps": {"x": MARK}},
            {"google_maps": {"x": MARK}},
            {"urlContext": {"x": MARK}},
            {"url_context": {"x": MARK}},
            {"codeExecution": {"x": MARK}},
            {"code_execution": {"x": MARK}},
            {"fileSearch": {"fileSearchStoreNames": [MARK]}},
            {"retrieval": {"vertexAiSearch": {"datastore": MARK}}},
            {"mcpServers": [{"streamableHttpTransport": {"url": URL}}]},
            {"mcp_servers": [{"url": URL}]},
            {"functionDeclarations": [{"name": "f"}], "googleSearch": {"x": MARK}},
            {"GoogleSearch": {"x": MARK}},
            {"somethingNew": {"x": MARK}},
            {"functionDeclarations": [{"name": "f", "parameters_json_schema": {"$ref": URL}}]},
        )
    ),
    # keys beside the tools
    *(
        ("chat", {key: value})
        for key, value in {
            "web_search_options": {"x": MARK},
            "search_parameters": {"mode": MARK},
            "plugins": [{"id": "web", "engine": MARK}],
            "models": [MARK],
            "route": MARK,
            "provider": {"order": [MARK]},
            "transforms": [MARK],
            "store": MARK,
            "service_tier": MARK,
            "Tools": [{"type": MARK}],
            "extra_body": {"x": MARK},
            "chat_template": MARK,
            "documents": [MARK],
            "audio": {"voice": MARK},
            "modalities": [MARK],
            "prediction": {"content": MARK},
            "best_of": MARK,
            "background": MARK,
            "previous_response_id": MARK,
            "data_sources": [{"type": "azure_search", "parameters": {"endpoint": URL}}],
            "enable_search": MARK,
            "search_settings": {"include_domains": [MARK]},
            "compound_custom": {"tools": {"enabled_tools": [MARK]}},
            "preset": MARK,
            "functions": [{"name": "f", "server_url": URL}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": URL}}},
        }.items()
    ),
    *(
        ("responses", {key: value})
        for key, value in {
            "previous_response_id": MARK,
            "conversation": {"id": MARK},
            "prompt": {"id": MARK},
            "background": MARK,
            "service_tier": MARK,
            "models": [MARK],
            "plugins": [MARK],
            "context_management": [{"type": MARK}],
            "reasoning": {"effort": "low", "mode": MARK},
            "include": ["web_search_call.action.sources", MARK],
            "container": MARK,
            "instructions": [{"type": "item_reference", "id": MARK}],
        }.items()
    ),
    *(
        ("messages", {key: value})
        for key, value in {
            "mcp_servers": [{"type": "url", "url": URL, "name": MARK}],
            "container": {"skills": [MARK]},
            "thread": {"type": "continue", "id": MARK},
            "fallbacks": [{"model": MARK}],
            "service_tier": MARK,
            "speed": MARK,
            "inference_geo": MARK,
            "betas": [MARK],
            "context_management": {"edits": [{"type": "compact_20260112", "instructions": MARK}]},
            "cache_control": {"type": "ephemeral", "ttl": MARK},
            "user_profile_id": MARK,
            "workspace_id": MARK,
        }.items()
    ),
    *(
        ("gemini", {key: value})
        for key, value in {
            "cachedContent": MARK,
            "cached_content": MARK,
            "store": MARK,
            "serviceTier": MARK,
            "service_tier": MARK,
            "generationConfig": {"routingConfig": {"x": MARK}},
            "generation_config": {"model_selection_config": {"x": MARK}},
            "toolConfig": {"retrievalConfig": {"x": MARK}},
            "tool_config": {"include_server_side_tool_invocations": MARK},
            "modelArmorConfig": {"x": MARK},
        }.items()
    ),
    # addresses and files
    *(
        ("chat", chat_part(part))
        for part in (
            {"type": "image_url", "image_url": {"url": URL}},
            {"type": "image_url", "image_url": URL},
            {"type": "image_url", "image_url": {"url": f" {URL}"}},
            {"type": "image_url", "image_url": {"url": f"HTTPS://{MARK}"}},
            {"type": "image_url", "image_url": {"url": f"//{MARK}/x"}},
            {"type": "image_url", "image_url": {"url": f"file:///{MARK}"}},
            {"type": "image_url", "image_url": {"url": PICTURE, "fallback": URL}},
            {"type": "image_url", "image_url": {"url": {"url": URL}}},
            {"type": "audio_url", "audio_url": {"url": URL}},
            {"type": "video_url", "video_url": {"url": URL}},
            {"type": "input_audio", "input_audio": {"data": URL, "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": f"//{MARK}.example/x", "format": "wav"}},
            {"type": "file", "file": {"file_id": MARK}},
            {"type": "file", "file": {"file_data": URL}},
            {"type": "file", "file": {"file_url": URL}},
            {"type": "text", "text": "look", "image_url": {"url": URL}},
            {"image_url": {"url": URL}},
            {"type": "input_image", "image_url": URL},
            {"type": "something_new", "x": MARK},
            {"type": "text", "text": {"type": "image_url", "image_url": {"url": URL}}},
            {"type": "document_url", "document_url": URL},
        )
    ),
    ("chat", {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "extra_content": {"x": URL}}]}]}),
    ("chat", {"messages": [{"role": "assistant", "audio": {"id": MARK}}]}),
    *(
        ("responses", changes)
        for changes in (
            input_item({"type": "item_reference", "id": MARK}),
            input_item({"id": MARK}),
            input_item({"type": None, "id": MARK}),
            input_item({"type": "reasoning", "id": MARK, "summary": []}),
            input_item({"type": "web_search_call", "id": MARK}),
            input_item({"type": "mcp_approval_response", "approval_request_id": MARK, "approve": True}),
            input_item({"type": "code_interpreter_call", "container_id": MARK}),
            input_item({"type": "image_generation_call", "id": MARK}),
            input_item({"type": "shell_call", "environment": {"type": "container_reference", "container_id": MARK}}),
            input_item({"type": "function_call_output", "output": [{"type": "input_image", "image_url": URL}]}),
            input_item({"type": "computer_call_output", "output": {"type": "computer_screenshot", "file_id": MARK}}),
            input_part({"type": "output_text", "text": "x", "annotations": [{"type": "file_citation", "file_id": MARK}]}),
            input_part({"type": "input_image", "image_url": URL}),
            input_part({"type": "input_image", "file_id": MARK}),
            input_part({"type": "input_file", "file_url": URL}),
            input_part({"type": "input_file", "file_id": MARK}),
            input_part({"type": "input_file", "file_data": URL}),
            input_part({"type": "input_text", "text": "look", "file_id": MARK}),
        )
    ),
    *(
        ("messages", block(one))
        for one in (
            {"type": "image", "source": {"type": "url", "url": URL}},
            {"type": "image", "source": {"type": "file", "file_id": MARK}},
            {"type": "image", "source": {"type": "base64", "data": URL}},
            {"type": "image", "source": {"type": "base64", "data": "aaaa", "url": URL}},
            {"type": "document", "source": {"type": "url", "url": URL}},
            {"type": "document", "source": {"type": "file", "file_id": MARK}},
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]},
            },
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]},
            {"type": "tool_result", "content": [{"type": "document", "source": {"type": "url", "url": URL}}]},
            {"type": "container_upload", "file_id": MARK},
            {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {"url": URL}},
            {"type": "server_tool_use", "id": "s", "name": "new", "input": {"url": URL}},
            {"type": "mcp_tool_use", "id": "s", "server_name": MARK},
            {"type": "web_fetch_tool_result", "content": MARK},
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"type": "mcp_toolset", "x": MARK}}},
            {"type": "something_new", "x": MARK},
        )
    ),
    ("messages", {"system": [{"type": "image", "source": {"type": "url", "url": URL}}]}),
    *(
        ("gemini", gemini_part(part))
        for part in (
            {"fileData": {"fileUri": URL}},
            {"file_data": {"file_uri": URL}},
            {"fileData": {"file_uri": f"gs://{MARK}/x"}},
            {"fileData": {"fileUri": f"https://generativelanguage.googleapis.com/v1beta/files/{MARK}"}},
            {"file_data": {"mime_type": "video/mp4", "fileUri": f"https://youtu.be/{MARK}"}},
            {"inlineData": {"data": URL}},
            {"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": URL}}]}},
            {"function_response": {"name": "f", "parts": [{"file_data": {"file_uri": URL}}]}},
            {"executableCode": {"code": MARK}},
            {"executable_code": {"code": MARK}},
            {"toolCall": {"toolType": MARK}},
            {"FileData": {"fileUri": URL}},
        )
    ),
    ("gemini", {"contents": {"role": "user", "parts": {"fileData": {"fileUri": URL}}}}),
    ("gemini", {"systemInstruction": {"parts": [{"fileData": {"fileUri": URL}}]}}),
    ("gemini", {"system_instruction": {"parts": {"file_data": {"file_uri": URL}}}}),
]


@pytest.mark.parametrize(
    ("dialect", "changes"), ATTACKS, ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:90]
)
def test_what_reaches_around_is_taken_out_or_refused(dialect: DialectName, changes: dict[str, Any]) -> None:
    try:
        call = read(dialect, changes)
    except Refusal as refusal:
        assert refusal.status == 400 and refusal.kind in ("not-allowed", "invalid")
        assert json.loads(DIALECTS[dialect].refusal(refusal))
    else:
        body = json.dumps(DIALECTS[dialect].body(call, "served"))
        assert MARK not in body
        assert call.removed, "nothing goes without a note"


@pytest.mark.parametrize("dialect", PATHS)
def test_a_request_whose_only_tool_was_taken_out_still_works(dialect: DialectName) -> None:
    changes: dict[str, dict[str, Any]] = {
        "chat": {"tools": [{"type": "web_search"}], "tool_choice": "required", "parallel_tool_calls": False},
        "responses": {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}, "max_tool_calls": 3},
        "messages": {
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        "gemini": {"tools": [{"googleSearch": {}}], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    }
    plain = sent(dialect)
    assert sent(dialect, changes[dialect]) == plain


GRANTED: list[tuple[str, DialectName, dict[str, Any]]] = [
    ("web_search", "chat", {"web_search_options": {}}),
    ("web_search", "chat", {"tools": [{"type": "web_search"}]}),
    ("web_search", "responses", {"tools": [{"type": "web_search", "filters": {}}], "tool_choice": {"type": "web_search"}}),
    ("web_search", "messages", {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]}),
    ("web_search", "gemini", {"tools": [{"googleSearch": {}}]}),
    ("web_fetch", "messages", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    ("web_fetch", "gemini", {"tools": [{"urlContext": {}}]}),
    ("code_execution", "responses", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}),
    ("code_execution", "responses", {"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]}),
    ("code_execution", "messages", {"tools": [{"type": "code_execution_20250825", "name": "c"}], "container": "container_1"}),
    ("code_execution", "gemini", {"tools": [{"codeExecution": {}}]}),
    ("remote_mcp", "responses", {"tools": [{"type": "mcp", "server_label": "s", "server_url": URL}]}),
    ("remote_mcp", "messages", {"mcp_servers": [{"type": "url", "url": URL, "name": "s"}]}),
    ("stored_conversations", "responses", {"previous_response_id": "resp_1", "store": True}),
    ("stored_conversations", "gemini", {"cachedContent": "cachedContents/1"}),
    ("files", "chat", chat_part({"type": "file", "file": {"file_id": "file-1"}})),
    ("files", "messages", block({"type": "document", "source": {"type": "file", "file_id": "file_1"}})),
    ("files", "gemini", gemini_part({"fileData": {"fileUri": "gs://bucket/x", "mimeType": "image/png"}})),
    ("remote_urls", "chat", chat_part({"type": "image_url", "image_url": {"url": URL}})),
    ("remote_urls", "responses", input_part({"type": "input_image", "image_url": URL})),
    ("remote_urls", "messages", block({"type": "image", "source": {"type": "url", "url": URL}})),
    ("remote_urls", "gemini", gemini_part({"fileData": {"fileUri": URL}})),
]


@pytest.mark.parametrize(("grant", "dialect", "changes"), GRANTED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_grant_opens_what_it_names_and_no_other_does(grant: str, dialect: DialectName, changes: dict[str, Any]) -> None:
    content = sent(dialect, changes, grants={grant})
    assert {key: content[key] for key in changes} == changes
    assert read(dialect, changes, grants={grant}).removed == ()
    others = {"web_search", "web_fetch", "code_execution", "remote_mcp", "stored_conversations", "files", "remote_urls"} - {grant}
    try:
        refused = sent(dialect, changes, grants=others)
    except Refusal as refusal:
        assert refusal.kind == "not-allowed"
    else:
        assert {key: refused.get(key) for key in changes} != changes


def test_a_refusal_names_the_grant_that_helps() -> None:
    with pytest.raises(Refusal) as refused:
        read("responses", {"previous_response_id": "resp_1"})
    assert refused.value.message == (
        "previous_response_id is closed in this run; it needs the grant stored_conversations in the run's profile"
    )


def test_fields_of_a_model_pass_but_open_nothing() -> None:
    fields = ["top_k", "provider", "models", "tools", "previous_response_id"]
    call = read("chat", {"top_k": 5, "provider": {"sort": "price"}, "models": ["x"], "tools": [{"type": "mcp"}]}, fields=fields)
    assert call.content["top_k"] == 5 and call.content["provider"] == {"sort": "price"}
    assert call.removed == ("key models", "tool mcp")
    with pytest.raises(Refusal):
        read("responses", {"previous_response_id": "resp_1"}, fields=fields)


def test_notes_are_few_short_and_printable() -> None:
    changes = {f"key-{n}\n\u202e{'x' * 1000}": n for n in range(1000)}
    removed = read("chat", changes).removed
    assert len(removed) == MOST_NOTES + 1 and removed[-1] == "968 more"
    assert all(len(note) <= 80 and note.removesuffix("…").isascii() and note.isprintable() for note in removed)


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("content", [None, [], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(dialect: DialectName, content: Any) -> None:
    with pytest.raises(Refusal):
        DIALECTS[dialect].read(DIALECTS[dialect].route("POST", PATHS[dialect]), content, {}, [])  # type: ignore[arg-type]


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("dialect", PATHS)
def test_bodies_are_bounded_in_depth_values_and_numbers(dialect: DialectName) -> None:
    for value, status in ((nested(MOST_DEPTH), 400), (nested(100_000), 400), ([0] * MOST_VALUES, 413), (float("inf"), 400)):
        with pytest.raises(Refusal) as refused:
            read(dialect, {"metadata": value})
        assert refused.value.status == status
    assert check_form({"deep": nested(MOST_DEPTH - 2)})


MEDIA: list[tuple[DialectName, dict[str, Any]]] = [
    ("chat", chat_part({"type": "image_url", "image_url": {"url": PICTURE}})),
    ("chat", chat_part({"type": "input_audio", "input_audio": {"data": PICTURE[22:], "format": "wav"}})),
    ("responses", input_part({"type": "input_image", "image_url": PICTURE})),
    ("messages", block({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE[22:]}})),
    ("gemini", gemini_part({"inlineData": {"mimeType": "image/png", "data": PICTURE[22:]}})),
    ("gemini", gemini_part({"inline_data": {"mime_type": "image/png", "data": PICTURE[22:]}})),
]


ODD_KEYS = st.text(max_size=3) | st.sampled_from(["type", "url"])
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(MARK),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.sampled_from(["type", "url"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS: dict[DialectName, str] = {
    "chat": "model messages tools tool_choice stream stream_options n max_tokens store functions plugins",
    "responses": "model input tools tool_choice stream include store max_output_tokens instructions prompt",
    "messages": "model messages system tools tool_choice stream max_tokens thinking container context_management",
    "gemini": "contents tools toolConfig tool_config generationConfig generation_config systemInstruction",
}
EXAMPLES = [*ATTACKS, *((dialect, changes) for _, dialect, changes in GRANTED), *MEDIA]


def replaced(value: Any, choose: Callable[[int], int], odd: Any) -> Any:
    """The value with one part of it, found by choices among 0 … n - 1, replaced."""
    inner = [*value.items()] if isinstance(value, dict) else [*enumerate(value)] if isinstance(value, list) else []
    if not inner or choose(4) == 0:
        return odd
    key, part = inner[choose(len(inner))]
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = replaced(part, choose, odd)
    return copy


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_body_is_read_or_refused(data: st.DataObject) -> None:
    dialect = data.draw(st.sampled_from(sorted(PATHS)))
    changes = data.draw(st.dictionaries(st.sampled_from(KEYS[dialect].split()), ODD, max_size=4))
    check_read_or_refused(dialect, changes)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_an_odd_value_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    dialect, changes = data.draw(st.sampled_from(EXAMPLES))
    odd = data.draw(ODD)
    check_read_or_refused(dialect, replaced(changes, lambda count: data.draw(st.integers(0, count - 1)), odd))


def check_read_or_refused(dialect: DialectName, changes: Any) -> None:
    if not isinstance(changes, dict):
        return
    try:
        call = read(dialect, changes)
    except Refusal as refusal:
        assert refusal.status in (400, 413)
    else:
        body = json.dumps(DIALECTS[dialect].body(call, "served"), allow_nan=False)
        compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
        assert call.text_bytes + call.media_bytes >= len(compact) - len("served")


@given(st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_text_has_more_bytes_than_are_counted(value: Any) -> None:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert Cleaning(()).text_bytes(value) >= len(written.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("dialect", "changes"), MEDIA)
def test_pictures_and_sound_count_apart_from_text(dialect: DialectName, changes: dict[str, Any]) -> None:
    call = read(dialect, changes)
    assert call.media_bytes == LEAST_MEDIA, "a small file may hold a large picture"
    assert call.text_bytes < len(PICTURE) + 200
    assert call.removed == ()
    larger = json.loads(json.dumps(changes).replace("iVBORw0KGgo", "iVBORw0KGgo" * 1000))
    assert read(dialect, larger).media_bytes > 200_000
    assert read(dialect, larger).text_bytes == call.text_bytes


TEXTS: list[tuple[DialectName, dict[str, Any]]] = [
    ("chat", chat_part({"type": "file", "file": {"file_data": "data:text/plain;base64," + "QUFB" * 5000}})),
    ("chat", chat_part({"type": "file", "file": {"file_data": "QUFB" * 5000, "filename": "x.pdf"}})),
    ("responses", input_part({"type": "input_file", "file_data": "data:;base64," + "QUFB" * 5000})),
    ("gemini", gemini_part({"inlineData": {"data": "QUFB" * 5000, "mimeType": "text/plain"}})),
    ("gemini", gemini_part({"inline_data": {"data": "QUFB" * 5000}})),
]


@pytest.mark.parametrize(("dialect", "changes"), TEXTS)
def test_files_that_may_be_texts_count_as_texts(dialect: DialectName, changes: dict[str, Any]) -> None:
    call = read(dialect, changes)
    assert call.media_bytes == 0 and call.text_bytes > 20_000


def test_text_that_only_looks_like_a_picture_is_text() -> None:
    long = "data:image/png;base64," + "A" * 10_000
    for dialect, changes in (
        ("chat", {"messages": [{"role": "user", "content": long}]}),
        ("messages", block({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": long}})),
        ("gemini", gemini_part({"text": long})),
        ("responses", {"input": long}),
    ):
        call = read(dialect, changes)  # type: ignore[arg-type]
        assert call.media_bytes == 0 and call.text_bytes > 10_000


@pytest.mark.parametrize("dialect", PATHS)
def test_a_smallest_request_is_not_touched(dialect: DialectName) -> None:
    call = read(dialect)
    assert call.removed == ()
    extra = {"responses": {"store": False}}.get(dialect, {})
    assert dict(call.content) == SMALLEST[dialect] | extra
