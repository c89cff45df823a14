"""Google's Gemini API, in both spellings that it takes; what is passed on is spelled as its documents have it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal, RefusalKind
from mlebench.gateway.dialects.base import Call, Route
from mlebench.gateway.dialects.cleaning import (
    GONE,
    Cleaning,
    Rule,
    anything,
    check_form,
    closed,
    file_data,
    free,
    google_file,
    granted,
    is_media,
    list_of,
    media_data,
    only,
    out,
    record,
    schema,
    text_or,
    whole_number,
    words,
)
from mlebench.gateway.dialects.counts import count, tokens
from mlebench.gateway.dialects.headers import clean_headers, printable
from mlebench.gateway.dialects.listing import list_models
from mlebench.gateway.dialects.openai import error_message
from mlebench.gateway.dialects.sse import ArrayReader, EventReader, event, parsed
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Grant

_PATH = re.compile(r"/v1(?:beta1?|alpha)?/models/(?P<model>[^:]+(?::[^:]+)*):(?P<verb>[A-Za-z]+)")
_VERBS: Mapping[str, Route] = {
    "generateContent": Route("generate"),
    "streamGenerateContent": Route("generate", is_streaming=True),
    "countTokens": Route("count"),
}
MOST_CANDIDATES = 128


def camel(key: str) -> str:
    """A key as protobuf's JSON spells it: `cached_content` is `cachedContent`."""
    return re.sub(r"(?<=[a-zA-Z0-9])_([a-z0-9])", lambda found: found[1].upper(), key)


def message(fields: Mapping[str, Rule]) -> Rule:
    """A protobuf message with these fields, in either spelling."""
    return record(fields, camel)


def _inline(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Content in base64, which may be a text as well."""
    kinds = [inner for key, inner in value.items() if camel(key) == "mimeType"] if isinstance(value, dict) else []
    data = media_data if kinds and is_media(kinds[0]) else file_data
    return message({**free("mimeType displayName"), "data": data})(value, cleaning, place)


_MEDIA: Mapping[str, Rule] = {
    "inlineData": _inline,
    "fileData": message({"mimeType": anything, "fileUri": google_file, "displayName": anything}),
    "videoMetadata": anything,
    "mediaResolution": anything,
}
_PART = message(
    {
        **free("thought thoughtSignature partMetadata"),
        "text": words,
        **_MEDIA,
        "functionCall": message(free("id name args partialArgs willContinue")),
        "functionResponse": message(
            {**free("id name response willContinue scheduling"), "parts": list_of(message(_MEDIA), or_one=True)}
        ),
        "executableCode": granted("code_execution"),
        "codeExecutionResult": granted("code_execution"),
    }
)
_CONTENT = message({"role": anything, "parts": list_of(_PART, or_one=True)})
_SCHEMAS = dict.fromkeys(("parameters", "parametersJsonSchema", "response", "responseJsonSchema"), schema)
_DECLARATION = message({**free("name description behavior"), **_SCHEMAS})


def _declarations(value: Any, cleaning: Cleaning, place: str) -> Any:
    kept = list_of(_DECLARATION, or_one=True)(value, cleaning, place)
    names = [one.get("name") for one in kept or () if isinstance(one, dict)]
    cleaning.tools.update(("function", name) for name in names if isinstance(name, str))
    return kept


def _hosted(grant: Grant) -> Rule:
    """A tool that Google runs; that it has no settings says nothing."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        return value if grant in cleaning.grants else cleaning.take_out(f"tool {place.rpartition('.')[2]}")

    return apply


_SEARCHES = ("googleSearch", "googleSearchRetrieval", "enterpriseWebSearch", "exaAiSearch", "parallelAiSearch", "googleMaps")
_TOOL = message(
    {
        "functionDeclarations": _declarations,
        "computerUse": anything,
        **dict.fromkeys(_SEARCHES, _hosted("web_search")),
        "urlContext": _hosted("web_fetch"),
        "codeExecution": _hosted("code_execution"),
        "fileSearch": _hosted("files"),
        "retrieval": _hosted("files"),
        "mcpServers": _hosted("remote_mcp"),
    }
)


def _tools(value: Any, cleaning: Cleaning, place: str) -> Any:
    kept = list_of(_TOOL, or_one=True)(value, cleaning, place)
    return [tool for tool in kept or () if tool] or GONE


def _tool_config(value: Any, cleaning: Cleaning, place: str) -> Any:
    calling = message(free("mode allowedFunctionNames streamFunctionCallArguments"))
    kept = message(
        {
            "functionCallingConfig": calling,
            "retrievalConfig": out("web_search"),
            "includeServerSideToolInvocations": out(),
        }
    )(value, cleaning, place)
    if not (kept and kept.get("functionCallingConfig")):
        return kept or GONE
    if not cleaning.tools:
        cleaning.take_out("key toolConfig")
        return GONE
    names = kept["functionCallingConfig"].get("allowedFunctionNames")
    if isinstance(names, list):
        kept["functionCallingConfig"]["allowedFunctionNames"] = [
            name for name in names if isinstance(name, str) and ("function", name) in cleaning.tools
        ]
    return kept


_GENERATION = message(
    {
        **free(
            "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType presencePenalty "
            "frequencyPenalty seed responseLogprobs logprobs mediaResolution audioTimestamp enableEnhancedCivicAnswers"
        ),
        **dict.fromkeys(("responseSchema", "responseJsonSchema", "_responseJsonSchema"), schema),
        "thinkingConfig": message(free("includeThoughts thinkingBudget thinkingLevel")),
        # pictures and sound have prices of their own
        "responseModalities": only({"TEXT"}),
        # another model would answer than the one that is allowed and priced
        "routingConfig": out(),
        "modelSelectionConfig": out(),
    }
)
_ASKED: Mapping[str, Rule] = {
    "contents": list_of(_CONTENT, or_one=True),
    "systemInstruction": text_or(_CONTENT),
    "tools": _tools,
    "generationConfig": _GENERATION,
}
_BODY: Mapping[str, Rule] = {
    **_ASKED,
    "toolConfig": _tool_config,
    "safetySettings": anything,
    "cachedContent": closed("stored_conversations"),
    "store": out("stored_conversations"),
}

_STATES: dict[RefusalKind, str] = {
    "budget-exhausted": "FAILED_PRECONDITION",
    "invalid": "INVALID_ARGUMENT",
    "unknown-model": "NOT_FOUND",
    "not-allowed": "INVALID_ARGUMENT",
    "not-found": "NOT_FOUND",
    "token": "UNAUTHENTICATED",
    "unavailable": "UNAVAILABLE",
    "too-large": "INVALID_ARGUMENT",
}


class Gemini:
    """See `Dialect`."""

    name: DialectName = "gemini"

    def route(self, method: str, path: str) -> Route | None:
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        route = _VERBS.get(found["verb"])
        if route is None:
            raise Refusal(404, "not-found", f"{found['verb']} is closed")
        if method != "POST":
            raise Refusal(405, "not-found", f"{found['verb']} takes POST")
        return route._replace(model=found["model"])

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        content, cleaning = _by_order(check_form(content)), Cleaning(grants)
        content.pop("model", None)
        rules = {**dict.fromkeys(fields, anything), **_BODY}
        if route.action == "count":
            rules = {**rules, "generateContentRequest": _inner(message(rules))}
        kept = message(rules)(content, cleaning, "")
        action: Literal["generate", "count"] = "count" if route.action == "count" else "generate"
        if action == "count":
            kept = _counted(kept)
        streams_events = route.is_streaming and query.get("alt") == "sse"
        return Call(
            action,
            route.model or "",
            kept,
            route.is_streaming,
            cleaning.removed,
            most_output=_most_output(kept.get("generationConfig")),
            choices=_choices(kept.get("generationConfig")),
            text_bytes=cleaning.text_bytes(kept),
            media_bytes=cleaning.media_bytes,
            query={"alt": "sse"} if streams_events else {},
        )

    def request_headers(self, headers: Mapping[str, str], grants: Collection[str]) -> tuple[dict[str, str], list[str]]:
        return clean_headers(headers, grants, {"x-goog-api-client": printable})

    def path(self, call: Call, served: str) -> str:
        verb = "countTokens" if call.action == "count" else "streamGenerateContent" if call.is_streaming else "generateContent"
        return f"/models/{quote(served, safe='/@')}:{verb}"

    def body(self, call: Call, served: str) -> dict[str, Any]:
        inner = call.content.get("generateContentRequest")
        if inner is None:
            return {**call.content}
        return {**call.content, "generateContentRequest": {**inner, "model": f"models/{served}"}}

    def limited(self, call: Call, most_output: int) -> Call:
        settings = {**(call.content.get("generationConfig") or {}), "maxOutputTokens": most_output // call.choices}
        return replace(call, content={**call.content, "generationConfig": settings}, most_output=most_output)

    def tokens(self, content: Any) -> Tokens | None:
        if isinstance(content, list):  # a stream without `alt=sse`, read whole
            counts = [said for chunk in content if (said := self.tokens(chunk))]
            return counts[-1] if counts else None
        return tokens_of(content.get("usageMetadata")) if isinstance(content, dict) else None

    def reader(self, call: Call) -> GeminiReader:
        return GeminiReader()

    def refusal(self, refusal: Refusal) -> bytes:
        state = "PERMISSION_DENIED" if refusal.status == 403 else _STATES[refusal.kind]
        return json.dumps({"error": {"code": refusal.status, "message": refusal.message, "status": state}}).encode()

    def error_event(self, refusal: Refusal) -> bytes:
        return event("", self.refusal(refusal))

    def models(self, names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
        return list_models(names, one)

    def probe(self, served: str) -> tuple[str, dict[str, Any]]:
        asked = [{"role": "user", "parts": [{"text": "Reply with OK."}]}]
        path = f"/models/{quote(served, safe='/@')}:generateContent"
        return path, {"contents": asked, "generationConfig": {"maxOutputTokens": 16}}


class GeminiReader:
    """See `StreamReader`. Reads events and an array alike, as some servers send events whatever they were asked for."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.is_complete = False
        self.failure: str | None = None
        self._usage: dict[str, Any] = {}
        self._events = EventReader(self._read)
        self._members = ArrayReader(lambda data: self._read("", data))
        self._is_array: bool | None = None
        """None until something else than blanks was read."""

    def feed(self, block: bytes) -> bytes:
        if self._is_array is None and (begun := block.lstrip()):
            self._is_array = begun.startswith(b"[")
        if not self._is_array:
            return self._events.feed(block)
        self._members.feed(block)
        self.is_complete = self.is_complete or self._members.is_closed
        return block

    def finish(self) -> bytes:
        return self._events.finish()

    def _read(self, name: str, data: bytes) -> bool:
        chunk = parsed(data)
        if not isinstance(chunk, dict):
            return True
        usage = chunk.get("usageMetadata")
        if isinstance(usage, dict):
            self._usage.update(usage)
            self.tokens = tokens_of(self._usage) or self.tokens
        if chunk.get("error"):
            self.failure = error_message(chunk)
        candidates, feedback = chunk.get("candidates"), chunk.get("promptFeedback")
        ended = (
            [one for one in candidates if isinstance(one, dict) and one.get("finishReason")]
            if isinstance(candidates, list)
            else []
        )
        if ended or (isinstance(feedback, dict) and feedback.get("blockReason")):
            self.is_complete = True
        return True


def tokens_of(usage: Any) -> Tokens | None:
    """Tokens of an answer; None where it says none. Thoughts are counted beside the candidates, and tools' results beside the
    prompt."""
    names = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    found = [count(usage, name) for name in names]
    if all(one is None for one in found):
        return None
    prompt, tools, candidates, thoughts = (one or 0 for one in found)
    return tokens(prompt + tools, count(usage, "cachedContentTokenCount") or 0, 0, candidates + thoughts, thoughts)


def _by_order(content: dict[str, Any]) -> dict[str, Any]:
    """Tools are read before the choice among them."""
    return dict(sorted(content.items(), key=lambda item: camel(item[0]) == "toolConfig"))


def _inner(rule: Rule) -> Rule:
    """The request whose tokens are counted; its model is written by `body`."""

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if isinstance(value, dict):
            value = _by_order({key: inner for key, inner in value.items() if key != "model"})
        return rule(value, cleaning, place)

    return apply


def _counted(content: dict[str, Any]) -> dict[str, Any]:
    inner = content.get("generateContentRequest")
    return {"generateContentRequest": inner} if inner else {key: content[key] for key in ("contents",) if key in content}


def _most_output(settings: Any) -> int | None:
    """Most tokens of all candidates; thoughts may come beside the limit."""
    settings = settings or {}
    most = whole_number(settings.get("maxOutputTokens"), "maxOutputTokens")
    thinking = settings.get("thinkingConfig") or {}
    thoughts = whole_number(thinking.get("thinkingBudget"), "thinkingBudget", least=-1) or 0
    return (most + max(thoughts, 0)) * _choices(settings) if most else None


def _choices(settings: Any) -> int:
    return whole_number((settings or {}).get("candidateCount"), "candidateCount", most=MOST_CANDIDATES) or 1
