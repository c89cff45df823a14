"""The submission checker over a Unix socket, without a container."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.sandbox.checker import Checker

LARGEST = 2**26


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
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


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "c.sock"
    checker = Checker(validate, path, largest=100_000, burst=1000)
    yield Client(checker, path)
    checker.close()
    assert not path.exists()


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
def test_content_arrives_byte_for_byte(tmp_path: Path, content: bytes) -> None:
    seen = []
    checker = Checker(lambda path: (seen.append(path.read_bytes()) is None, ""), tmp_path / "s", largest=10**6)
    Client(checker, tmp_path / "s").check(content)
    checker.close()
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
        ("GET", "/validate", None, {}, 404),
        ("PUT", "/validate", b"x", {}, 501),
        ("GET", "/" + "x" * 70_000, None, {}, 414),
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


def test_checks_are_rate_limited(tmp_path: Path) -> None:
    checker = Checker(validate, tmp_path / "s", LARGEST, burst=3, every=60)
    client = Client(checker, tmp_path / "s")
    assert [client.check(b"good")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    # what is no check is answered still
    assert client.ask("GET", "/health")[0] == 200
    checker.close()


def test_checks_run_one_at_a_time(tmp_path: Path) -> None:
    inside, most = [], []

    def slow(path: Path) -> tuple[bool, str]:
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()
        return True, ""

    checker = Checker(slow, tmp_path / "s", LARGEST, burst=100)
    client = Client(checker, tmp_path / "s")
    threads = [threading.Thread(target=client.check, args=(b"x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checker.close()
    assert max(most) == 1 and len(most) == 8


def test_a_socket_left_by_a_dead_harness_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "s"))
    checker = Checker(validate, tmp_path / "s", LARGEST)
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
        assert raw.recv(100).split()[1] in (b"404", b"501", b"413")
