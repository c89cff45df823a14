"""Streamed answers: passed on as they come, measured, and cut off on both sides when either dies."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, stream
from tests.gateway.provider import Answer, Gate, Provider
from tests.gateway.served import DIALECTS, SECONDS, TOKEN, Connection, Served, a_model, content_of, path_of, serving, small
from tests.ports import refusing_port
from tests.waiting import wait_until

USED = Tokens(input=30, output=12)


@contextlib.contextmanager
def streaming(served: Served, dialect: str = "chat") -> Iterator[http.client.HTTPResponse]:
    """A stream whose head was read; the client hangs up at the end of the block."""
    connection = Connection(served.address)
    body = json.dumps(content_of(dialect, is_streaming=True))
    connection.request("POST", path_of(dialect, is_streaming=True), body, {"Authorization": f"Bearer {TOKEN}"})
    with connection.getresponse() as response:
        yield response
    connection.close()


def direct(served: Served, dialect: str) -> bytes:
    """What the provider streams without a gateway."""
    connection = http.client.HTTPConnection("127.0.0.1", served.provider.port, timeout=SECONDS)
    path = path_of(dialect, "the-model", is_streaming=True)
    content = content_of(dialect, model="the-model", is_streaming=True)
    connection.request("POST", path, json.dumps(content), {"Authorization": f"Bearer {served.provider.key}"})
    try:
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_arrives_byte_for_byte_and_is_measured(served: Served, dialect: str) -> None:
    served.provider.answer = Answer(text="one two three ünd vier", tokens=USED)
    expected = direct(served, dialect)
    reply = served.call(dialect, is_streaming=True)
    assert reply.body == expected and reply.headers["content-type"].startswith("text/event-stream")
    (call,) = served.calls
    assert (call["tokens"]["input"], call["tokens"]["output"], call["estimated"]) == (30, 12, False)
    assert served.gateway.spent.tokens == USED


def test_each_event_leaves_as_it_comes(served: Served) -> None:
    gate = Gate()
    events = (b'data: {"choices": [{"delta": {"content": "one"}}]}\n\n', b"data: [DONE]\n\n")
    served.provider.answer = Answer(events=events, gate=gate, gate_at=1)
    with streaming(served) as response:
        assert response.read(len(events[0])) == events[0]
        gate.open()
        assert response.read() == events[1]


def test_the_line_of_the_ledger_is_written_before_the_stream_ends(served: Served) -> None:
    with streaming(served) as response:
        response.read()
        assert len(served.calls) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_comments_are_written_while_the_provider_is_silent(tmp_path: Path, dialect: str) -> None:
    gate = Gate()
    with serving(tmp_path, small(keep_alive_seconds=0.05)) as served:
        served.provider.answer = Answer(gate=gate, gate_at=1, tokens=USED)
        expected = Answer(tokens=USED)
        with streaming(served, dialect) as response:
            read = b""
            while read.count(b": the provider is silent\n\n") < 3:
                read += response.read1()
            gate.open()
            read += response.read()
        served.provider.answer = expected
        assert read.replace(b": the provider is silent\n\n", b"") == direct(served, dialect)


def test_no_comment_is_written_within_an_event(tmp_path: Path) -> None:
    gate = Gate()
    comment = b": the provider is silent\n\n"
    with serving(tmp_path, small(keep_alive_seconds=0.01)) as served:
        events = (b"event: message_stop\n", b'data: {"type": "message_stop"}\n\n')
        served.provider.answer = Answer(events=events, gate=gate, gate_at=1)
        with streaming(served, "messages") as response:
            read = b""
            while not read.endswith(events[0]):
                read += response.read1()
            # a call that passes meanwhile shows that time did
            served.provider.script = [Answer(delay=0.2)]
            served.call()
            gate.open()
            assert response.read().replace(comment, b"") == events[1]
        assert read.replace(comment, b"") == events[0]


def test_a_client_that_hangs_up_ends_the_providers_call_and_pays_for_what_came(served: Served) -> None:
    gate = Gate()
    served.provider.answer = Answer(gate=gate, gate_at=3, tokens=USED)
    with streaming(served, "messages") as response:
        assert response.read1()
        gate.wait_for()
    wait_until(lambda: served.provider.hung_up == 1)
    (call,) = wait_until(lambda: served.calls)
    assert call["outcome"] == "answered" and call["estimated"] and call["reason"] == "the caller hung up"
    assert call["tokens"]["input"] == 30 and call["tokens"]["output"] > 0
    assert served.gateway.spent.calls == 1


def test_a_client_that_hangs_up_on_a_plain_call_ends_it(served: Served) -> None:
    served.provider.answer = Answer(gate=(gate := Gate()))
    connection = Connection(served.address)
    connection.request("POST", path_of("chat"), json.dumps(content_of("chat")), {"Authorization": f"Bearer {TOKEN}"})
    gate.wait_for()
    connection.close()
    wait_until(lambda: served.provider.hung_up == 1)
    (call,) = wait_until(lambda: served.calls)
    assert (call["status"], call["estimated"]) == (499, True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_provider_that_dies_between_events_is_said_and_the_connection_cut(served: Served, dialect: str) -> None:
    served.provider.answer = Answer(dies_at=2, tokens=USED)
    with streaming(served, dialect) as response, pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert b"broke off" in cut.value.partial and b"error" in cut.value.partial
    (call,) = served.calls
    assert call["outcome"] == "answered" and call["estimated"] and "broke off" in call["reason"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_ends_before_the_answers_end_is_no_whole_answer(served: Served, dialect: str) -> None:
    """A body that ends with its connection looks the same whether its provider died or has said all."""
    events = tuple(stream(dialect, Said(tokens=USED)))
    served.provider.answer = Answer(events=events[:1])
    with streaming(served, dialect) as response, pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert cut.value.partial.startswith(events[0]) and b"ended its stream" in cut.value.partial
    (call,) = served.calls
    assert call["outcome"] == "answered" and call["estimated"] and "ended its stream" in call["reason"]


@pytest.mark.parametrize(("dies_at", "is_streaming"), [(-1, False), (-1, True), (0, False), (5, False)])
def test_a_provider_that_dies_before_it_said_anything_is_a_bad_gateway(served: Served, dies_at: int, is_streaming: bool) -> None:
    served.provider.answer = Answer(dies_at=dies_at)
    reply = served.call(is_streaming=is_streaming)
    assert reply.status == 502 and "acme" in str(reply.content)
    (call,) = served.calls
    assert (call["outcome"], served.gateway.spent.calls) == ("failed", 0)


def test_a_provider_that_is_not_there_is_a_bad_gateway(tmp_path: Path) -> None:
    with refusing_port() as port, Provider() as provider:
        models = {"a-model": a_model(provider, base_url=f"http://127.0.0.1:{port}/v1")}
        with Served(provider, tmp_path / "run", models=models) as served:
            reply = served.call()
            assert reply.status == 502 and "acme" in str(reply.content) and str(port) not in str(reply)


def test_a_slow_reader_slows_the_provider_and_is_cut_in_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, small(write_seconds=0.3)) as served:
        served.provider.answer = Answer(events=(b"data: " + b"x" * 2**16 + b"\n\n",) * 400)
        with streaming(served):
            (call,) = wait_until(lambda: served.calls)
        assert call["reason"] == "the caller hung up"
        wait_until(lambda: served.provider.hung_up == 1)


def test_sixty_four_streams_at_once(served: Served) -> None:
    served.provider.answer = Answer(text="word " * 50, between=0.005, tokens=USED)
    expected = direct(served, "chat")
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda _: served.call(is_streaming=True), range(64)))
    assert {reply.body for reply in replies} == {expected}
    assert served.gateway.spent.tokens == Tokens(input=64 * 30, output=64 * 12)


def test_usage_that_the_agent_did_not_ask_for_is_taken_out_again(served: Served) -> None:
    served.provider.answer = Answer(tokens=USED)
    assert b"usage" not in served.call(is_streaming=True).body
    assert b"usage" in served.call(is_streaming=True, stream_options={"include_usage": True}).body
    assert served.gateway.spent.calls == 2 and served.gateway.spent.tokens.input == 60


def test_an_answer_that_says_nothing_of_its_usage_is_estimated(served: Served) -> None:
    served.provider.answer = Answer(tokens=None, text="word " * 20)
    for is_streaming in (False, True):
        served.call(is_streaming=is_streaming)
    assert [call["estimated"] for call in served.calls] == [True, True]
    assert all(call["tokens"]["output"] > 0 for call in served.calls)


def test_hanging_up_saves_nothing(served: Served) -> None:
    """The provider says nothing of its usage before the end; what is settled is what was reserved for the prompt."""
    served.provider.answer = Answer(gate=(gate := Gate()), gate_at=2, tokens=Tokens(input=3000, output=2))
    with streaming(served, "chat") as response:
        assert response.read1()
        gate.wait_for()
    (call,) = wait_until(lambda: served.calls)
    assert call["estimated"] and call["tokens"]["input"] >= 200 and call["cost_usd"] > 0


def test_a_stream_of_another_kind_gets_no_event_at_its_end(served: Served) -> None:
    body = b'[{"candidates": []},\n'
    served.provider.answer = Answer(
        raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + body
    )
    with streaming(served, "gemini") as response, pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert cut.value.partial == body


def test_a_stream_without_an_end_is_cut(tmp_path: Path) -> None:
    with serving(tmp_path, small(stream=2**20)) as served:
        served.provider.answer = Answer(garbage=2**24)
        with streaming(served) as response, pytest.raises(http.client.IncompleteRead) as cut:
            response.read()
        assert len(cut.value.partial) <= 2**20 + 2**18
        wait_until(lambda: served.provider.hung_up == 1)


def test_a_plain_answer_without_an_end_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, small(answer=2**20)) as served:
        served.provider.answer = Answer(garbage=2**24, coding="gzip")
        assert served.call().status == 502
        wait_until(lambda: served.provider.hung_up == 1)
