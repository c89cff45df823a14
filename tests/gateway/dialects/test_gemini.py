"""Google's dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlebench.errors import Refusal
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.gemini import Gemini, camel
from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, event, gemini_chunks, plain, stream
from tests.gateway.dialects.requests import PATHS, SMALLEST, read, sent
from tests.gateway.dialects.streams import SIZES, read_stream, streaming_call

GEMINI = Gemini()
TOKENS = Tokens(input=100, cached=30, output=50, reasoning=20)
COUNT = PATHS["gemini"].replace("generateContent", "countTokens")


def test_routes() -> None:
    assert GEMINI.route("POST", "/v1beta/models/m:generateContent") == Route("generate", "m")
    assert GEMINI.route("POST", "/v1/models/org/m:streamGenerateContent") == Route("generate", "org/m", True)
    assert GEMINI.route("POST", "/v1beta/models/qwen:8b:generateContent") == Route("generate", "qwen:8b")
    assert GEMINI.route("POST", "/v1beta/models/m:countTokens") == Route("count", "m")
    assert GEMINI.route("POST", "/v1beta/tunedModels/m:generateContent") is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1beta/models/m:generateContent", 405),
        ("POST", "/v1beta/models/m:batchGenerateContent", 404),
        ("POST", "/v1beta/models/m:embedContent", 404),
        ("POST", "/v1beta/models/m:GenerateContent", 404),
    ],
)
def test_closed_paths(method: str, path: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        GEMINI.route(method, path)
    assert refused.value.status == status


REQUEST: dict[str, Any] = {
    "systemInstruction": {"role": "user", "parts": [{"text": "be short"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "https://x.org/a.png"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "abc"},
                {"functionCall": {"id": "1", "name": "f", "args": {"file_uri": "https://x.org", "googleSearch": 1}}},
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "1", "name": "f", "response": {"cached_content": "x"}, "parts": []}}],
        },
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "x_y": 1}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "safetySettings": [{"category": "x", "threshold": "y"}],
    "generationConfig": {
        "temperature": 0,
        "topP": 1,
        "maxOutputTokens": 10,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 5},
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"url_context": {"type": "STRING"}}},
    },
}


def snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


def respelled(value: Any, depth: int = 0) -> Any:
    """The request with its own keys in the other spelling; arguments and schemas are free and stay."""
    if isinstance(value, list):
        return [respelled(one, depth) for one in value]
    if not isinstance(value, dict):
        return value
    free = ("args", "response", "parametersJsonSchema", "responseSchema")
    return {snake(key): inner if key in free else respelled(inner) for key, inner in value.items()}


def test_what_agents_send_passes_in_both_spellings() -> None:
    for request in (REQUEST, respelled(REQUEST)):
        call = read("gemini", request if request is REQUEST else {"contents": [], **request})
        assert call.removed == ()
        assert GEMINI.body(call, "gemini") == REQUEST
    assert "system_instruction" in respelled(REQUEST)


def test_a_key_in_two_spellings_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        read("gemini", {"tool_config": {}, "toolConfig": {}})
    assert "two spellings" in refused.value.message


@pytest.mark.parametrize(
    ("key", "spelled"),
    [
        ("cached_content", "cachedContent"),
        ("cachedContent", "cachedContent"),
        ("_responseJsonSchema", "_responseJsonSchema"),
        ("top_k", "topK"),
        ("x_1", "x1"),
    ],
)
def test_spelling(key: str, spelled: str) -> None:
    assert camel(key) == spelled


def test_tools_are_read_before_the_choice_among_them() -> None:
    choice = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["gone", "f"]}}
    content = sent("gemini", {"toolConfig": choice, "tools": [{"functionDeclarations": [{"name": "f"}]}]})
    assert content["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}


def test_one_is_read_as_a_list_of_one() -> None:
    assert sent("gemini", {"contents": {"role": "user", "parts": {"text": "hello"}}}) == sent("gemini")


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({}, None),
        ({"maxOutputTokens": 7}, 7),
        ({"max_output_tokens": 7, "candidate_count": 3}, 21),
        ({"maxOutputTokens": 7, "thinkingConfig": {"thinkingBudget": 100}}, 107),
        ({"maxOutputTokens": 7, "thinkingConfig": {"thinkingBudget": -1}}, 7),
        ({"candidateCount": 3}, None),
    ],
)
def test_most_output(settings: dict[str, Any], most: int | None) -> None:
    assert read("gemini", {"generationConfig": settings}).most_output == most


@pytest.mark.parametrize(
    "settings", [{"maxOutputTokens": "7"}, {"candidateCount": 0}, {"thinkingConfig": {"thinkingBudget": "x"}}]
)
def test_limits_that_are_no_numbers_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        read("gemini", {"generationConfig": settings})


def test_pictures_and_sound_are_not_asked_for() -> None:
    call = read("gemini", {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}})
    assert call.content["generationConfig"] == {"responseModalities": ["TEXT"]}
    assert call.removed == ("generationConfig.responseModalities IMAGE",)


def test_a_count_asks_for_nothing_else() -> None:
    call = read("gemini", {"generationConfig": {"maxOutputTokens": 5}}, path=COUNT)
    assert call.action == "count" and GEMINI.path(call, "g") == "/models/g:countTokens"
    assert GEMINI.body(call, "g") == SMALLEST["gemini"]


def test_a_count_of_a_whole_request_is_cleaned_and_names_the_model_that_is_served() -> None:
    whole = {**REQUEST, "model": "models/other", "tools": [{"googleSearch": {}}], "toolConfig": {}}
    call = read("gemini", {"generateContentRequest": whole}, path=COUNT)
    inner = GEMINI.body(call, "g")["generateContentRequest"]
    assert inner["model"] == "models/g" and "tools" not in inner and call.removed == ("tool googleSearch",)
    assert "generateContentRequest" not in sent("gemini", {"generateContentRequest": whole})


def test_paths() -> None:
    assert GEMINI.path(read("gemini"), "g") == "/models/g:generateContent"
    assert GEMINI.path(streaming_call("gemini"), "g") == "/models/g:streamGenerateContent"
    assert GEMINI.path(read("gemini"), "x?y#z:w") == "/models/x%3Fy%23z%3Aw:generateContent"


def test_of_the_query_only_the_form_of_the_stream_passes() -> None:
    assert streaming_call("gemini").query == {"alt": "sse"}
    assert streaming_call("gemini", alt="").query == {}
    assert streaming_call("gemini", alt="proto").query == {}
    assert read("gemini", query={"alt": "sse", "key": "token", "$alt": "x"}).query == {}


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_of_events_passes_whole(size: int) -> None:
    events = stream("gemini", Said(tokens=TOKENS))
    reader, passed = read_stream(streaming_call("gemini"), "gemini", events, size)
    assert passed == b"".join(events)
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, None)


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_that_is_an_array_passes_whole(size: int) -> None:
    data = json.dumps(gemini_chunks(Said(text='a "]}" b', tokens=TOKENS)), indent=2).encode()
    reader, passed = read_stream(streaming_call("gemini", alt=""), "gemini", [data], size)
    assert passed == data
    assert (reader.tokens, reader.is_complete, reader.failure) == (TOKENS, True, None)


def test_a_stream_that_is_cut_off_is_not_complete() -> None:
    reader, _ = read_stream(streaming_call("gemini"), "gemini", stream("gemini", Said(tokens=TOKENS))[:-1])
    assert reader.tokens == Tokens(input=100) and not reader.is_complete
    data = json.dumps(gemini_chunks(Said(tokens=TOKENS))[:-1])[:-1].encode()
    reader, _ = read_stream(streaming_call("gemini", alt=""), "gemini", [data])
    assert reader.tokens == Tokens(input=100) and not reader.is_complete


def test_a_prompt_that_is_blocked_ends_the_stream() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}}
    reader, _ = read_stream(streaming_call("gemini"), "gemini", [event(blocked)])
    assert reader.is_complete and reader.tokens == Tokens(input=5)


@pytest.mark.parametrize(("alt", "is_array"), [("", False), ("sse", True)])
def test_a_stream_in_the_other_form_is_measured(alt: str, is_array: bool) -> None:
    chunk = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 7}}
    data = json.dumps([chunk]).encode() if is_array else event(chunk)
    reader, passed = read_stream(streaming_call("gemini", alt=alt), "gemini", [b"\n", data])
    assert (reader.tokens, reader.is_complete, passed) == (Tokens(input=100, output=7), True, b"\n" + data)


@pytest.mark.parametrize("alt", ["sse", ""])
def test_an_error_in_a_stream_is_said(alt: str) -> None:
    error = {"error": {"code": 503, "message": "over load"}}
    data = event(error) if alt else json.dumps([error]).encode()
    assert read_stream(streaming_call("gemini", alt=alt), "gemini", [data])[0].failure == "over load"


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
            Tokens(input=14, output=5, reasoning=2),
        ),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 8}, Tokens(input=10, cached=8)),
        ({"promptTokenCount": 10, "candidatesTokenCount": "x"}, Tokens(input=10)),
        ({"promptTokenCount": True}, None),
        ({"totalTokenCount": 5}, None),
        ([], None),
        (None, None),
    ],
)
def test_usage(said: Any, tokens: Tokens | None) -> None:
    assert GEMINI.tokens({"usageMetadata": said}) == tokens


def test_a_plain_answer() -> None:
    assert GEMINI.tokens(plain("gemini", Said(tokens=TOKENS))) == TOKENS
    assert GEMINI.tokens(gemini_chunks(Said(tokens=TOKENS))) == TOKENS


def test_headers() -> None:
    given = {"x-goog-api-client": "genai/1", "x-goog-user-project": "p", "x-goog-api-key": "token", "x-server-timeout": "9"}
    assert GEMINI.request_headers(given, []) == ({"x-goog-api-client": "genai/1"}, ["header x-goog-user-project"])


@pytest.mark.parametrize(
    ("refusal", "state"),
    [
        (Refusal(400, "budget-exhausted", "spent"), "FAILED_PRECONDITION"),
        (Refusal(401, "token", "no"), "UNAUTHENTICATED"),
        (Refusal(404, "unknown-model", "no"), "NOT_FOUND"),
        (Refusal(403, "not-allowed", "no"), "PERMISSION_DENIED"),
        (Refusal(502, "unavailable", "no"), "UNAVAILABLE"),
    ],
)
def test_refusals(refusal: Refusal, state: str) -> None:
    expected = {"error": {"code": refusal.status, "message": refusal.message, "status": state}}
    assert json.loads(GEMINI.refusal(refusal)) == expected


def test_the_probe_is_a_request_that_the_dialect_reads() -> None:
    path, content = GEMINI.probe("m")
    assert read("gemini", content, path=f"/v1beta{path}").removed == ()
