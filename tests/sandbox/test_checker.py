"""The submission checker over a Unix socket, without a container."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from mlebench.sandbox import checker as checker_module
from mlebench.sandbox import http_exchange
from mlebench.sandbox.checker import FIRST_STEP, UPLOADS, Checker, Validate, seconds_to_step, sweep_sockets
from tests.waiting import wait_until

LARGEST = 2**26
AT_ONCE = 60
"""Seconds: far fewer than any time of the checker's own in these tests, and more than a busy machine takes."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


def form(content: bytes, field: str = "file", boundary: str = "b0undary") -> tuple[bytes, dict[str, str]]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="s.csv"\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={boundary}"
    }


class Client:
    def __init__(self, checker: Checker, path: Path) -> None:
        self.checker, self.path = checker, path

    def ask(self, method: str, target: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, bytes]:
        connection = Connection(self.path)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def check(self, content: bytes, **headers: str) -> tuple[int, bytes]:
        body, own = form(content)
        return self.ask("POST", "/validate", body, {**own, **headers})


def validate(path: Path) -> tuple[bool, str]:
    content = path.read_bytes()
    if content == b"crash":
        raise RuntimeError("secret answer 42")
    return content.startswith(b"good"), f"{path} is bad: {len(content)} bytes"


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no time of the checker's own run out while this machine is too busy for a test and its server."""
    for name in ("_HEAD_SECONDS", "_BODY_SECONDS", "_ANSWER_SECONDS", "_LINGER_SECONDS", "_LINGER_IDLE_SECONDS"):
        monkeypatch.setattr(http_exchange, name, 300.0)
    monkeypatch.setattr(checker_module, "_CLOSE_SECONDS", 300.0)


async def at_once(_: float) -> None:
    """The steps of time are for the tests that look at them."""


class Served(Protocol):
    def __call__(self, check: Validate = validate, **settings: Any) -> Client: ...


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Starts checkers that are closed, and have left nothing, at the end of the test."""
    be_patient(monkeypatch)
    checkers = []

    def start(check: Validate = validate, **settings: Any) -> Client:
        path = tmp_path / f"{len(checkers)}.sock"
        usual = {"largest": LARGEST, "burst": 1000, "sleep": at_once}
        checkers.append(Checker(check, path, path.with_suffix(UPLOADS), **usual | settings))
        return Client(checkers[-1], path)

    yield start
    for checker in checkers:
        checker.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def client(serve: Served) -> Client:
    return serve(largest=100_000)


def test_health(client: Client) -> None:
    assert client.ask("GET", "/health") == (200, b'{"status": "running"}\n')


def test_valid_submissions_get_the_same_answer(client: Client) -> None:
    first, second = client.check(b"good 1"), client.check(b"good " + b"2" * 50_000)
    assert first == second
    assert json.loads(first[1]) == {"valid": True, "message": "the submission is valid"}


def test_invalid_submission_is_told_why_without_paths_of_the_host(client: Client) -> None:
    status, body = client.check(b"bad")
    assert (status, json.loads(body)) == (200, {"valid": False, "message": "the file is bad: 3 bytes"})


def test_plain_text_for_the_shell(client: Client) -> None:
    assert client.check(b"good", Accept="text/plain") == (200, b"valid: the submission is valid\n")
    assert client.check(b"bad", Accept="text/plain") == (200, b"not valid: the file is bad: 3 bytes\n")


def test_a_check_that_breaks_tells_nothing(client: Client) -> None:
    status, body = client.check(b"crash")
    assert (status, json.loads(body)) == (200, {"valid": False, "message": "the submission could not be checked"})
    assert client.check(b"good")[0] == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", b"--b0undar", b"a\r\n--b0undar\r\nb", bytes(range(256)) * 300, b"\r\n--b0undar" * 5000],
    ids=["empty", "line break", "nearly a boundary", "boundary cut short", "all bytes", "many near misses"],
)
def test_content_arrives_byte_for_byte(serve: Served, content: bytes) -> None:
    seen: list[bytes] = []
    serve(lambda path: (seen.append(path.read_bytes()) is None, "")).check(content)
    assert seen == [content]


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status"),
    [
        ("POST", "/validate", b"", {}, 400),
        ("POST", "/validate", b"x", {"Content-Type": "text/csv"}, 400),
        ("POST", "/validate", b"x", {"Content-Type": "multipart/form-data"}, 400),
        ("POST", "/validate", *form(b"x", field="other"), 400),
        ("POST", "/validate", b"--b\r\n", {"Content-Type": "multipart/form-data; boundary=b"}, 400),
        ("POST", "/validate", b"--b\r\n" + b"h" * 50_000, {"Content-Type": "multipart/form-data; boundary=b"}, 400),
        ("POST", "/validate", b"x" * 100_001, {}, 413),
        ("POST", "/elsewhere", b"x", {}, 404),
        ("GET", "/validate", None, {}, 405),
        ("PUT", "/validate", b"x", {}, 405),
        ("HEAD", "/health", None, {}, 405),
        ("GET", "/" + "x" * 70_000, None, {}, 431),
        ("GET", "/health", None, {"X": "y" * 60_000}, 431),
        ("GET", "/health", None, {f"X{number}": "y" for number in range(100)}, 431),
        ("POST", "/validate", b"x", {"Content-Type": "multipart/form-data; boundary=b" + ";a=b" * 1500}, 400),
        ("POST", "/validate", None, {"Content-Length": "9" * 14}, 413),
        ("POST", "/validate", None, {"Content-Length": "9" * 5000}, 400),
        ("POST", "/validate", None, {"Content-Length": "-1"}, 400),
        (
            "POST",
            "/validate",
            form(b"x")[0],
            {"Content-Type": form(b"x")[1]["Content-Type"], "Transfer-Encoding": "chunked"},
            411,
        ),
    ],
)
def test_bad_requests_are_refused_and_cost_no_check(client: Client, method, target, body, headers, status) -> None:
    assert client.ask(method, target, body, headers)[0] == status
    assert client.checker.calls == 0
    assert client.check(b"good")[0] == 200


def test_a_request_without_length_is_refused(client: Client) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(client.path))
        raw.sendall(b"POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b" 411 " in raw.recv(1000)


def test_checks_are_rate_limited(serve: Served) -> None:
    client = serve(burst=3, every=60)
    assert [client.check(b"good")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    # requests other than checks are still answered
    assert client.ask("GET", "/health")[0] == 200


def test_a_large_body_uses_up_a_check_before_it_is_read(serve: Served) -> None:
    client = serve(burst=2, every=60)
    assert [client.ask("POST", "/validate", b"x" * 100_000, form(b"")[1])[0] for _ in range(3)] == [400, 400, 429]
    assert client.checker.calls == 0


def test_checks_run_one_at_a_time(serve: Served) -> None:
    inside, most = [], []

    def slow(path: Path) -> tuple[bool, str]:
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()
        return True, ""

    client = serve(slow)
    threads = [threading.Thread(target=client.check, args=(b"x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 8


def test_a_socket_left_by_a_dead_harness_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "s"))
    left = tmp_path / "s.uploads" / "0"
    left.mkdir(parents=True)
    checker = Checker(validate, tmp_path / "s", left.parent, LARGEST, sleep=at_once)
    assert not left.exists()
    assert Client(checker, tmp_path / "s").check(b"good")[0] == 200
    checker.close()


@pytest.mark.parametrize("line", ["POST /elsewhere", "PUT /validate", "POST /validate"])
def test_a_slow_sender_still_gets_the_answer(client: Client, line: str) -> None:
    """The answer is out before the body has come; a connection closed by then would break the sending."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(client.path))
        raw.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n".encode())
        assert select.select([raw], [], [], 60)[0], "no answer came"
        for _ in range(100):
            raw.sendall(b"x" * 2000)
        assert raw.recv(100).split()[1] in (b"404", b"405", b"413")


def connect(path: Path, sent: bytes = b"") -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(path))
    connection.sendall(sent)
    return connection


class Clock:
    """The clock of the steps; a check makes it go on, and what is waited for is noted."""

    def __init__(self) -> None:
        self.time, self.waits = 0.0, []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


@pytest.mark.parametrize(
    ("took", "left_at"), [(0, 0.5), (0.2, 0.5), (0.5, 0.5), (0.6, 1), (1.0, 1), (3.9, 4), (4.1, 8), (33, 64), (500, 512)]
)
def test_answers_leave_at_fixed_steps_after_the_upload(serve: Served, took: float, left_at: float) -> None:
    clock = Clock()
    answers = []
    for valid in (True, False):

        def check(_: Path, valid: bool = valid) -> tuple[bool, str]:
            clock.time += took
            return valid, "why not"

        before = clock.time
        answers.append(serve(check, now=clock.now, sleep=clock.sleep).check(b"x"))
        assert clock.time - before == pytest.approx(left_at)
    assert [json.loads(body)["valid"] for _, body in answers] == [True, False]


def test_a_crash_of_the_check_leaves_at_a_step_as_well(serve: Served) -> None:
    clock = Clock()
    serve(now=clock.now, sleep=clock.sleep).check(b"crash")
    assert clock.waits == [FIRST_STEP]


def test_no_time_is_waited_that_is_no_step() -> None:
    assert {seconds_to_step(took / 100) + took / 100 for took in range(1000)} <= {0.5 * 2**power for power in range(6)}


def test_words_that_the_agent_is_not_to_read_are_said_otherwise(serve: Served) -> None:
    client = serve(lambda path: (False, f"{path} of leaf-classification"), words={"leaf-classification": "the competition"})
    assert json.loads(client.check(b"x")[1])["message"] == "the file of the competition"


SLOW = {
    "a connection that says nothing": b"",
    "half a head": b"POST /validate HTTP/1.1\r\nHost",
    "half a body": b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n",
    "an answer that nobody reads": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body that never ends": b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 500000000\r\n\r\n" + b"x" * 10_000,
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_close_waits_for_no_client(serve: Served, sent: bytes) -> None:
    client = serve()
    connections = [connect(client.path, sent) for _ in range(40)]
    # all are attended to, and one that is not slow among them
    assert client.ask("GET", "/health")[0] == 200
    began = time.monotonic()
    client.checker.close()
    assert time.monotonic() - began < AT_ONCE
    for connection in connections:
        with contextlib.suppress(ConnectionError):
            while connection.recv(2**16):
                pass
        connection.close()


def test_close_waits_for_no_check(serve: Served) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def stuck(_: Path) -> tuple[bool, str]:
        inside.set()
        go_on.wait(300)
        return True, ""

    client = serve(stuck)
    asking = threading.Thread(target=_hung_up, args=(client,))
    asking.start()
    assert inside.wait(60)
    began = time.monotonic()
    client.checker.close()
    assert time.monotonic() - began < AT_ONCE
    asking.join(60)
    assert not asking.is_alive()
    go_on.set()


def _hung_up(client: Client) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        client.check(b"x")


def test_closing_while_a_thousand_connect_ends_at_once(serve: Served) -> None:
    client = serve()
    over, flooded = threading.Event(), [0]

    def flood() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(client.path))
                flooded[0] += 1

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: flooded[0] > 1000)
        began = time.monotonic()
        client.checker.close()
        assert time.monotonic() - began < AT_ONCE
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health\r\n\r\n", b"400"),
        (b"\0" * 100 + b"\r\n\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 10_000, b"431"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 50, b"200"),
        (b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400"),
    ],
    ids=["HTTP/0.9", "zeros", "no header", "many headers", "pipelined", "two lengths"],
)
def test_every_connection_gets_one_answer(client: Client, caplog: pytest.LogCaptureFixture, sent: bytes, status: bytes) -> None:
    with connect(client.path) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        answer = b""
        while block := connection.recv(2**16):
            answer += block
    assert answer.split()[1] == status
    assert answer.startswith(b"HTTP/1.1 ") and answer.count(b"Content-Length: ") == 1
    assert caplog.messages == []


def test_a_head_costs_next_to_nothing_before_any_rate(client: Client) -> None:
    """The header that kept a parser busy for five seconds."""
    before = time.process_time()
    for _ in range(20):
        kind = "multipart/form-data; " + "a=\\" * 15_000
        with contextlib.suppress(ConnectionError):
            assert client.ask("POST", "/validate", b"x", {"Content-Type": kind})[0] in (400, 431)
    assert time.process_time() - before < 2


def test_a_part_with_a_large_header_costs_next_to_nothing(client: Client) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="' + b'\\"' * 30_000 + b'"\r\n\r\nx\r\n--b--\r\n'
    before = time.process_time()
    assert client.ask("POST", "/validate", head, {"Content-Type": "multipart/form-data; boundary=b"})[0] == 400
    assert time.process_time() - before < 1


def test_many_checkers_share_a_thread_that_ends_with_them(serve: Served) -> None:
    before = threading.active_count()
    clients = [serve() for _ in range(20)]
    assert threading.active_count() <= before + 1
    assert {client.check(b"good")[0] for client in clients} == {200}
    for client in clients:
        client.checker.close()
    wait_until(lambda: threading.active_count() <= before, explain=threading.enumerate)


def test_what_killed_harnesses_left_is_swept_and_what_lives_is_not(serve: Served, tmp_path: Path) -> None:
    living = serve()
    dead, fresh = tmp_path / "dead.sock", tmp_path / "fresh.sock"
    for address in (dead, fresh):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(address))
        (address.with_suffix(UPLOADS) / "0").mkdir(parents=True)
    for path in (dead, dead.with_suffix(UPLOADS), living.path, living.path.with_suffix(UPLOADS)):
        os.utime(path, (1, 1))
    sweep_sockets(tmp_path)
    assert not dead.exists() and not dead.with_suffix(UPLOADS).exists()
    # its harness may be about to listen
    assert fresh.exists() and fresh.with_suffix(UPLOADS).exists()
    assert living.check(b"good")[0] == 200
    fresh.unlink()
    shutil.rmtree(fresh.with_suffix(UPLOADS))
