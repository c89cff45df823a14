"""What a hostile agent, or a hostile provider, tries: one clear refusal, nothing leaks, and the gateway lives."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import http.server
import json
import re
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import KEY, Answer, Gate
from tests.gateway.served import DIALECTS, TOKEN, Served, connected, content_of, path_of, received, serving, small
from tests.waiting import wait_until

AUTH = f"Authorization: Bearer {TOKEN}\r\n".encode()
BODY = json.dumps(content_of("chat")).encode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Whatever a test did: a good call is answered afterwards."""
    with serving(tmp_path) as served:
        yield served
        served.provider.script, served.provider.answer = [], Answer()
        assert served.call().status == 200


def numbered(value: object) -> str | None:
    """Bodies make no names of tests."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


def head(*lines: bytes, request: bytes = b"POST /v1/chat/completions HTTP/1.1") -> bytes:
    return b"\r\n".join((request, b"Host: x", *lines)) + b"\r\n" + AUTH + b"\r\n"


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answers)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"GET /v1/models\r\n\r\n",
        b"GET /v1/models HTTP/9.9\r\n\r\n",
        b"G\0T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\n: b\r\n\r\n",
        b"GET /" + b"x" * 2**20 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 2**20 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        head(b"Content-Length: -1"),
        head(b"Content-Length: +5"),
        head(b"Content-Length: 5, 5"),
        head(b"Content-Length: 99999999999999999999999"),
        head(b"Content-Length: 5", b"Content-Length: 6"),
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
        head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
        head(b"Transfer-Encoding: chunked") + b"-1\r\n\r\n",
        head(b"Transfer-Encoding: chunked") + b"FFFFFFFFFFFFFFFFFF\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=numbered,
)
def test_what_is_no_request_is_refused_once_and_reaches_nobody(served: Served, data: bytes) -> None:
    answered = served.raw(data, ends=True)
    assert all(400 <= status < 500 for status in statuses(answered)) and len(statuses(answered)) <= 1
    assert not served.provider.received and not served.calls
    assert b"aiohttp" not in answered and b"Traceback" not in answered


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/v1/models",
        "//evil.example/v1/models",
        "*",
        "evil.example:443",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
    ],
)
def test_other_targets_than_paths_are_refused(served: Served, target: str) -> None:
    answered = served.raw(b"GET " + target.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + AUTH + b"\r\n")
    assert statuses(answered) in ([400], [404])


@pytest.mark.parametrize("host", ["api.openai.com", "evil.example", "", "127.0.0.1:1", "a b"])
def test_the_host_is_ignored(served: Served, host: str) -> None:
    assert served.call(headers={"Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}).status == 200
    (asked,) = served.provider.received
    assert asked.headers["host"] == f"127.0.0.1:{served.provider.port}" and "evil" not in str(asked.headers)


def test_the_agents_own_headers_and_keys_reach_no_provider(served: Served) -> None:
    hostile = {
        "X-Api-Key": "mine",
        "Cookie": "a=b",
        "OpenAI-Organization": "org",
        "Proxy-Authorization": "Basic eA==",
        "X-Evil": "1",
    }
    served.call(headers=hostile)
    (asked,) = served.provider.received
    assert asked.key == KEY
    assert not {"cookie", "openai-organization", "proxy-authorization", "x-evil", "x-api-key"} & set(asked.headers)
    assert TOKEN not in str(asked.headers)


@pytest.mark.parametrize(
    "path", ["/v1/files", "/v1/batches", "/v1/embeddings", "/v1/chat/completions/../models", "/admin", "/v1/%2e%2e/x"]
)
def test_unknown_paths_are_refused_at_once(served: Served, path: str) -> None:
    reply = served.ask("POST", path, b"{}")
    assert reply.status in (404, 405) and "error" in reply.content
    assert not served.provider.received


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_methods_are_refused(served: Served, method: str, dialect: str) -> None:
    assert served.ask(method, path_of(dialect)).status in (404, 405)
    assert not served.provider.received


def test_a_websocket_is_refused_at_once(served: Served) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "x" * 22 + "==",
        "Sec-WebSocket-Version": "13",
    }
    reply = served.ask("GET", "/v1/responses", headers=upgrade)
    assert reply.status == 426 and "WebSocket" in str(reply.content)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        b'{"model": "a-model", "messages": [], "temperature": NaN}',
        b'{"model": "a-model", "messages": [], "temperature": 1e999}',
        b'{"model": "a-model", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "a-model\\ud800", "messages": []}',
        b'{"model": ["a-model"], "messages": []}',
        b'{"model": "a-model", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model": "a-model", "messages": [{"role": "user", "content": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}]}",
        b'{"model": "a-model", "messages": [], "seed": ' + b"9" * 10_000 + b"}",
        b"{" + b'"a": 1,' * 1000,
    ],
    ids=numbered,
)
def test_what_is_no_good_json_is_refused(served: Served, body: bytes) -> None:
    reply = served.ask("POST", path_of("chat"), body)
    assert reply.status in (400, 404) and reply.content["error"]["message"]
    assert not served.provider.received and [call["outcome"] for call in served.calls] == ["refused"]


def test_of_a_key_that_stands_twice_one_reaches_the_provider(served: Served) -> None:
    body = b'{"model": "other", "model": "a-model", "messages": [{"role": "user", "content": "hi"}], "n": 5, "n": 1}'
    assert served.ask("POST", path_of("chat"), body).status == 200
    assert served.provider.received[0].body.count(b'"model"') == 1


def test_a_body_that_becomes_many_values_is_refused_before_it_is_parsed(served: Served) -> None:
    body = b'{"model": "a-model", "messages": [' + b"[]," * 2**21 + b"[]]}"
    assert served.ask("POST", path_of("chat"), body).status == 413


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "x" * 100])
def test_codings_that_nobody_reads_are_refused(served: Served, coding: str) -> None:
    reply = served.ask("POST", path_of("chat"), BODY, {"Content-Encoding": coding})
    assert reply.status == 415 and "gzip" in str(reply.content)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(BODY)[:-9], gzip.compress(BODY)[:20], b"\x1f\x8b"], ids=numbered)
def test_bodies_that_are_not_coded_as_they_say_are_refused(served: Served, body: bytes) -> None:
    assert served.ask("POST", path_of("chat"), body, {"Content-Encoding": "gzip"}).status == 400


def test_a_bomb_is_refused_while_it_is_unpacked(tmp_path: Path) -> None:
    with serving(tmp_path, small(body=2**20)) as served:
        bomb = gzip.compress(b" " * 2**26)
        assert served.ask("POST", path_of("chat"), bomb, {"Content-Encoding": "gzip"}).status == 413
        assert served.call().status == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_and_never_held(tmp_path: Path, is_chunked: bool) -> None:
    with serving(tmp_path, small(body=2**20)) as served:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = 2**26
        with connected(served.address) as connection:
            fields = [b"Transfer-Encoding: chunked"] if is_chunked else [b"Content-Length: %d" % size]
            connection.sendall(head(*fields))
            block = b"%x\r\n" % 2**16 + b"x" * 2**16 + b"\r\n" if is_chunked else b"x" * 2**16
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(size // 2**16):
                    connection.sendall(block)
            answered = received(connection)
        assert statuses(answered) in ([413], [])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**15
        assert served.call().status == 200


def test_a_slow_head_ends_its_connection(tmp_path: Path) -> None:
    with serving(tmp_path, small(head_seconds=0.2, idle_seconds=0.4)) as served:
        for beginning in (b"", b"CONN", b"POST /v1/chat/completions HTTP/1.1\r\nA"):
            assert served.raw(beginning) == b""
        wait_until(served.answers)


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    with serving(tmp_path, small(idle_seconds=0.2)) as served, connected(served.address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(received(connection)) == [200]


def test_a_slow_body_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, small(body_seconds=0.3)) as served:
        assert statuses(served.raw(head(b"Content-Length: 50") + b'{"model')) == [408]
        wait_until(served.answers)


def test_half_a_body_reaches_nobody(served: Served) -> None:
    served.raw(head(b"Content-Length: 5000") + BODY, ends=True)
    assert not served.provider.received


def test_more_than_a_body_is_the_next_request(served: Served) -> None:
    smuggled = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 2\r\n\r\n{}"
    answered = served.raw(head(b"Content-Length: %d" % len(BODY)) + BODY + smuggled)
    assert statuses(answered) == [200, 401] and len(served.provider.received) == 1


def test_requests_in_one_write_are_answered_in_order(served: Served) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    answered = served.raw(ask * 199 + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(answered) == [200] * 200


def test_a_flood_of_requests_behind_one_that_waits_stays_in_the_socket(served: Served) -> None:
    gate = Gate()
    served.provider.answer = Answer(gate=gate)
    with connected(served.address) as connection:
        connection.sendall(head(b"Content-Length: %d" % len(BODY)) + BODY)
        gate.wait_for()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        connection.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 2**26:
                sent += connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert sent < 2**24 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**14
        gate.open()


def test_a_flood_of_connections_is_taken_at_a_rate(tmp_path: Path) -> None:
    with serving(tmp_path, small(requests_at_once=5, requests_per_second=20.0)) as served:
        started = time.monotonic()
        for _ in range(15):
            connected(served.address).close()
        assert served.call().status == 200
        assert time.monotonic() - started > 0.4


def test_a_body_is_asked_for_where_the_client_waits_for_that(served: Served) -> None:
    with connected(served.address) as connection:
        connection.sendall(head(b"Content-Length: %d" % len(BODY), b"Expect: 100-continue", b"Connection: close"))
        assert connection.recv(2**16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert statuses(received(connection)) == [200]


def test_connections_beyond_the_bound_wait_and_are_served(tmp_path: Path) -> None:
    with serving(tmp_path, small(connections=8, head_seconds=0.5, idle_seconds=0.5)) as served:
        before = psutil.Process().num_fds()
        idle = [connected(served.address) for _ in range(40)]
        wait_until(served.answers)
        # of the other ends of these 40, and what the call takes
        assert psutil.Process().num_fds() - before - len(idle) < 2 * 8
        for connection in idle:
            connection.close()


def test_large_bodies_wait_for_room_and_are_all_served(tmp_path: Path) -> None:
    gate = Gate()
    with serving(tmp_path, small(bodies=2**20, small_body=2**10)) as served, ThreadPoolExecutor(8) as pool:
        served.provider.answer = Answer(gate=gate)
        large = content_of("chat", text="x" * 2**19)
        replies = [pool.submit(served.ask, "POST", path_of("chat"), large) for _ in range(8)]
        gate.wait_for(1)
        assert served.provider.most_at_once == 1
        gate.open()
        assert [reply.result().status for reply in replies] == [200] * 8


@pytest.mark.parametrize("stage", range(0, len(head(b"Content-Length: %d" % len(BODY)) + BODY), 37))
def test_a_client_that_dies_at_any_byte(served: Served, stage: int) -> None:
    with connected(served.address) as connection:
        connection.sendall((head(b"Content-Length: %d" % len(BODY)) + BODY)[:stage])
    assert not served.provider.received


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    seen: list[Any]

    def do_POST(self) -> None:
        self.seen.append(dict(self.headers))
        self.send_response(200)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[tuple[int, list[Any]]]:
    """Another server, and what it was sent."""
    handler = type("Handler", (_Elsewhere,), {"seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, handler.seen
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_streaming", [False, True])
def test_redirects_are_never_followed(served: Served, elsewhere: tuple[int, list[Any]], status: int, is_streaming: bool) -> None:
    port, seen = elsewhere
    served.provider.answer = Answer(
        status=status, headers={"Location": f"http://127.0.0.1:{port}/v1/chat/completions"}, body=b"secret"
    )
    reply = served.call(is_streaming=is_streaming)
    assert reply.status == 502 and "redirect" in str(reply.content) and "location" not in reply.headers
    assert not seen and b"secret" not in reply.body


@pytest.mark.parametrize("location", ["file:///etc/passwd", "//evil.example", "gopher://x", "", "http://[", "\x7f"])
def test_redirects_to_nowhere_are_never_followed(served: Served, location: str) -> None:
    served.provider.answer = Answer(status=307, headers={"Location": location})
    assert served.call().status == 502


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 2**20 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
    ids=numbered,
)
@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_provider_that_speaks_no_http_is_a_bad_gateway(served: Served, raw: bytes, is_streaming: bool) -> None:
    served.provider.answer = Answer(raw=raw)
    try:
        reply = served.call(is_streaming=is_streaming)
    except Exception as cut:
        assert is_streaming, cut
    else:
        assert reply.status == 502
    assert all(call["tokens"]["input"] < 100 for call in served.calls)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"usage": 5}',
        b'{"usage": {"prompt_tokens": -5}}',
        b'{"usage": {"prompt_tokens": 1e999, "completion_tokens": NaN}}',
        b"[" * 100_000,
        b"\xff" * 100,
        b'{"usage": {"prompt_tokens": ' + b"9" * 5000 + b"}}",
    ],
    ids=numbered,
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_answers_of_any_kind_pass_and_count_something_sane(served: Served, dialect: str, body: bytes) -> None:
    served.provider.answer = Answer(body=body)
    reply = served.call(dialect)
    assert (reply.status, reply.body) == (200, body)
    (call,) = served.calls
    assert call["outcome"] == "answered" and 0 <= call["tokens"]["input"] <= 10**12


@pytest.mark.parametrize("dialect", DIALECTS)
def test_streams_of_any_kind_pass(served: Served, dialect: str) -> None:
    events = (
        b"\0\0",
        b"data: {\n\n",
        b"data: " + b"[" * 5000 + b"\n\n",
        b"\xff\xfe\n\n",
        b"data: null\n\n",
        b"event: x\r\r",
        b"data",
        b": c\n\n",
    )
    served.provider.answer = Answer(events=events)
    with pytest.raises(http.client.IncompleteRead) as cut:
        served.call(dialect, is_streaming=True)
    # none of them has an end of the dialect's
    assert cut.value.partial.startswith(b"".join(events))
    assert len(served.calls) == 1


def test_a_gateway_that_is_asked_to_ask_itself_sends_no_key_on(served: Served) -> None:
    assert (
        served.ask("GET", "/v1/models", headers={"X-Forwarded-For": KEY, "Authorization": f"Bearer {KEY}"}, token=None).status
        == 401
    )
    assert KEY not in "".join(served.notes)


def test_wrong_tokens_cost_no_line_in_the_ledger(served: Served) -> None:
    for token in ("", "wrong", TOKEN[:-1], TOKEN.upper(), "Bearer " + TOKEN, "\xff", "é" * 100, "x" * 8000):
        reply = served.raw(
            b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + token.encode() + b"\r\nContent-Length: 0\r\n\r\n"
        )
        assert statuses(reply) == [401] and TOKEN.encode() not in reply
    assert not served.calls and not (served.folder / "transcript").exists()


def test_an_error_of_the_gateway_itself_says_nothing_and_is_paid_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlebench.gateway.dialects.table import DIALECTS as TABLE

    def broken(*_: object) -> Tokens:
        raise ZeroDivisionError(KEY)

    monkeypatch.setattr(type(TABLE["chat"]), "tokens", broken)
    reply = served.call()
    monkeypatch.undo()
    assert reply.status == 500 and KEY.encode() not in reply.body
    (call,) = served.calls
    assert call["estimated"] and served.gateway.spent.calls == 1
    wait_until(lambda: served.call().status == 200)


@pytest.mark.parametrize(
    "query", ["key=%ED%A0%80", "key=%ff%fe", "key=", "key", "=&=&", "key=a&key=b", "%00=%00", "&" * 5000, "key=" + "x" * 8000]
)
def test_queries_of_any_kind_are_read(served: Served, query: str) -> None:
    assert served.ask("GET", f"/v1/models?{query}", token=None).status == 401
    assert served.ask("GET", f"/v1/models?{query}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/..%2f..%2fadmin",
        "/v1/models/%00",
        "/v1/models/a%2Fb",
        "/v1//models",
        "/V1/MODELS",
        "/%76%31/files",
        "/v1/models;x",
        "/v1/models/" + "x" * 8000,
    ],
)
def test_paths_of_any_kind_are_refused(served: Served, path: str) -> None:
    reply = served.ask("GET", path)
    assert reply.status in (400, 404) and len(reply.body) < 4000
    assert not served.provider.received


def test_a_client_that_reads_no_plain_answer_is_cut(tmp_path: Path) -> None:
    with serving(tmp_path, small(write_seconds=0.3)) as served:
        served.provider.answer = Answer(body=b'{"x": "' + b"y" * 2**23 + b'"}')
        with connected(served.address) as connection:
            connection.sendall(head(b"Content-Length: %d" % len(BODY)) + BODY)
            wait_until(lambda: served.calls)
            wait_until(lambda: not served.gateway._server._tasks)
            assert len(received(connection)) < 2**23
        # small enough to need no reader
        served.provider.answer = Answer()
        assert served.call().status == 200


def test_a_retry_that_waits_for_a_caller_who_hangs_up_asks_itself(served: Served) -> None:
    gate = Gate()
    served.provider.answer = Answer(gate=gate)
    repeated = head(b"Content-Length: %d" % len(BODY), b"Idempotency-Key: one") + BODY
    first = connected(served.address)
    first.sendall(repeated)
    gate.wait_for()
    with ThreadPoolExecutor() as pool:
        again = pool.submit(served.ask, "POST", path_of("chat"), BODY, {"Idempotency-Key": "one"})
        first.close()
        gate.wait_for(2)
        gate.open()
        assert again.result().status == 200
    assert len(served.provider.received) == 2


def test_a_flood_at_one_run_keeps_no_other_from_answering(tmp_path: Path) -> None:
    with serving(tmp_path / "one", small(requests_at_once=50)) as flooded, Served(flooded.provider, tmp_path / "other") as other:
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError), connected(flooded.address) as connection:
                    connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" * 100)

        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert all(other.call().status == 200 for _ in range(20))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
