"""The scripted provider itself: it says what it is told, and counts what it says."""

from __future__ import annotations

import gzip
import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import Answer, Gate, Provider
from tests.gateway.served import SECONDS
from tests.waiting import wait_until

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": []}),
    "responses": ("/v1/responses", {"model": "m", "input": "hi"}),
    "messages": ("/v1/messages", {"model": "m", "messages": [], "max_tokens": 5}),
    "gemini": ("/v1beta/models/m:generateContent", {"contents": []}),
}


def ask(provider: Provider, dialect: str, is_streaming: bool = False, query: str = "") -> bytes:
    path, content = REQUESTS[dialect]
    if is_streaming:
        path, content = path.replace("generate", "streamGenerate"), content | {"stream": True}
    request = urllib.request.Request(f"http://127.0.0.1:{provider.port}{path}{query}", json.dumps(content).encode())
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        body: bytes = answer.read()
        return gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body


@pytest.mark.parametrize("dialect", REQUESTS)
def test_answers_plain_and_streamed_and_bills_both(dialect: str) -> None:
    tokens = Tokens(input=20, cached=5, output=4)
    with Provider() as provider:
        provider.answer = Answer(text="quite so", tokens=tokens, coding="gzip")
        assert b"quite so" in ask(provider, dialect)
        assert b"qu" in ask(provider, dialect, is_streaming=True, query="?alt=sse")
        assert provider.billed == [("m", tokens)] * 2
        assert provider.billed_tokens == Tokens(input=40, cached=10, output=8)
        assert [received.is_streaming for received in provider.received] == [False, True]


def test_a_stream_of_gemini_without_alt_is_an_array() -> None:
    with Provider() as provider:
        assert len(json.loads(ask(provider, "gemini", is_streaming=True))) == 3


def test_a_script_goes_before_the_answer() -> None:
    with Provider() as provider:
        provider.script = [Answer(status=429, headers={"Retry-After": "7"})]
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(provider, "messages")
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "7")
        assert json.loads(refused.value.read())["error"]["type"] == "rate_limit_error"
        assert b"done" in ask(provider, "messages")
        assert len(provider.billed) == 1


def test_dies_in_a_stream_and_bills_what_left() -> None:
    with Provider() as provider:
        provider.answer = Answer(dies_at=3, tokens=Tokens(input=10, output=100))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(provider, "chat", is_streaming=True)
        (billed,) = wait_until(lambda: provider.billed)
        assert billed[1].input == 10 and 0 < billed[1].output < 100


def test_a_client_that_leaves_is_counted() -> None:
    gate = Gate()
    with Provider() as provider:
        provider.answer = Answer(gate=gate, gate_at=2)
        connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=SECONDS)
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": "m", "stream": True}))
        gate.wait_for()
        connection.close()
        wait_until(lambda: provider.hung_up == 1)


def test_a_wrong_key_is_refused_and_a_right_one_is_echoed_on_request() -> None:
    with Provider(key="right") as provider:
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(provider, "chat")
        assert refused.value.code == 401
        provider.key, provider.answer = None, Answer(echoes_key=True)
        assert b"your key is" in ask(provider, "chat")
