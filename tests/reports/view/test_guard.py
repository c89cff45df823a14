"""Who is answered by the live view: browsers that know the token, and no page of others; the headers of every answer."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.reports.view.connections import Bounds
from mlebench.reports.view.guard import HEADERS, Guard, Password, new_token, read_password
from mlebench.reports.view.routes import ACTS, FILES
from mlebench.reports.view.view import Content
from tests.reports.view.builders import write_group
from tests.reports.view.running import TOKEN, Running, running
from tests.waiting import wait_until

WORD = "correct horse battery"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_group(folder, "one", ["gold"])
    return folder


@pytest.fixture(scope="module")
def server(runs: Path) -> Iterator[Running]:
    with running(runs, trusted=frozenset({("view.example", None), ("other.example", 8443)})) as server:
        yield server


def basic(word: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()


# --- the token ---


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"//{TOKEN}/", "/static/page.css", "/%00/", f"/x/../{TOKEN}/"]
)
def test_without_the_token_there_is_nothing(server: Running, path: str) -> None:
    answer = server.ask(path)

    assert (answer.status, answer.text) == (404, "not found\n")


def test_tokens_are_long_and_never_twice_the_same() -> None:
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)


# --- whose page asks ---


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "LOCALHOST:{port}",
        "[::1]:{port}",
        "view.example",
        "view.example:99",
        "other.example:8443",
    ],
)
def test_names_of_ours_are_answered(server: Running, name: str) -> None:
    assert server.ask(server.path(), host=name.format(port=server.port)).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "other.example",
        "127.0.0.1:{port}@evil.example",
        "evil.example/127.0.0.1:{port}",
        "2130706433:{port}",
        "10.0.0.1:{port}",
        "",
    ],
)
def test_other_names_are_refused_as_anybody_may_let_one_point_here(server: Running, name: str) -> None:
    answer = server.ask(server.path(), host=name.format(port=server.port) or " ")

    assert answer.status in (400, 421)
    assert TOKEN not in answer.text and "<" not in answer.text


def test_two_names_at_once_are_refused(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(f"GET {server.path()} HTTP/1.1\r\nHost: {server.host}\r\nHost: evil.example\r\n\r\n".encode())
        assert connection.recv(100).startswith((b"HTTP/1.1 421", b"HTTP/1.0 400", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"}, 200),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}, 200),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Origin": "http://view.example"}, 200),
        ({"Origin": "https://view.example"}, 200),
        ({"Origin": "https://other.example:8443"}, 200),
        ({"Origin": "https://other.example"}, 403),
    ],
)
def test_pages_of_others_get_nothing_but_a_visit(server: Running, headers: dict[str, str], status: int) -> None:
    assert server.ask(server.path(), **headers).status == status


def test_our_own_pages_are_answered(server: Running) -> None:
    assert server.ask(server.path(), Origin=f"http://{server.host}").status == 200
    assert server.ask(server.path(), Origin=f"http://localhost:{server.port}").status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "CONNECT"])
def test_other_methods_are_refused(server: Running, method: str) -> None:
    assert server.ask(server.path(), method).status in (400, 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site"}, 403),
        (
            {
                "Origin": "http://127.0.0.1:{port}",
                "Sec_Fetch_Site": "cross-site",
                "Sec_Fetch_Mode": "navigate",
                "Sec_Fetch_Dest": "document",
            },
            403,
        ),
        ({"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}, 303),
    ],
)
def test_acts_are_asked_for_by_our_pages_alone(
    runs: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], status: int
) -> None:
    monkeypatch.setitem(ACTS, "/act", lambda view, form: view.address())
    with running(runs, allows_control=True) as server:
        told = {name: value.format(port=server.port) for name, value in headers.items()}
        answer = server.ask(server.path("act"), "POST", b"", Content_Type="application/x-www-form-urlencoded", **told)
        assert answer.status == status


def test_a_server_at_every_address_is_asked_by_number_or_by_its_names(runs: Path) -> None:
    with running(runs, takes_addresses=True, names=frozenset({"node7"})) as server:
        for name in ("10.1.2.3", "[fe80::1]", "node7"):
            assert server.ask(server.path(), host=f"{name}:{server.port}").status == 200
        assert server.ask(server.path(), host=f"evil.example:{server.port}").status == 421


# --- the headers of every answer ---


def test_every_answer_has_the_headers(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "/file", lambda view, query: Content("x", body=b"x"))
    with running(runs) as server:
        answers = [
            server.ask(path, method, None, host, **headers)
            for path, method, host, headers in (
                (server.path(), "GET", None, {}),
                (server.path(), "HEAD", None, {}),
                (server.path("static", "page.css"), "GET", None, {}),
                (server.path("file"), "GET", None, {}),
                (server.path("file"), "GET", None, {"Range": "bytes=9-"}),
                (server.path("none"), "GET", None, {}),
                ("/", "GET", None, {}),
                (server.path(), "GET", "evil.example", {}),
                (server.path(), "GET", None, {"Origin": "null"}),
                (server.path(), "PUT", None, {}),
                (server.path(), "GET", None, {"X": "x" * 9000}),
                (server.path(), "GET", None, {"If_None_Match": server.ask(server.path()).headers["etag"]}),
            )
        ]

    assert [answer.status for answer in answers] == [200, 200, 200, 200, 416, 404, 404, 421, 403, 405, 400, 304]
    for answer in answers:
        told = {name: answer.headers.get(name.lower()) for name in HEADERS}
        differing = {name: value for name, value in told.items() if value != HEADERS[name]}
        assert set(differing) <= {"Cache-Control", "Content-Security-Policy"}
        assert answer.headers["cache-control"] in ("no-store", "private, no-cache")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert answer.headers["server"] == "mlebench"
        assert "x-powered-by" not in answer.headers and "access-control-allow-origin" not in answer.headers


def test_nothing_of_what_is_no_request_is_repeated(server: Running) -> None:
    for said in (
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\0 HTTP/1.1\r\n\r\n",
    ):
        with server.connect() as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert b"script>" not in answer and b"Traceback" not in answer and b"aiohttp" not in answer


# --- how much and how slow ---


def test_large_heads_are_refused(server: Running) -> None:
    assert server.ask(server.path(word="x" * 9000)).status == 400
    assert server.ask(server.path(), Cookie="x" * 9000).status == 400
    assert server.ask(server.path(), **{f"X_{number}": "x" for number in range(200)}).status == 400
    assert server.ask(server.path()).status == 200


def is_cut(connection: socket.socket) -> bool:
    """Whether the server ends a connection without a word; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_who_sends_a_request_slowly_is_cut_off(runs: Path) -> None:
    with running(runs, bounds=Bounds(idle_seconds=0.3)) as server, server.connect() as silent, server.connect() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert is_cut(silent)
        assert is_cut(slow)

        def is_answered() -> bool:
            # a test that is held up is slow as well
            with contextlib.suppress(ConnectionError):
                return server.ask(server.path()).status == 200
            return False

        wait_until(is_answered)


def test_many_idle_connections_keep_nobody_out(runs: Path) -> None:
    with running(runs, bounds=Bounds(connections=5)) as server:
        idle = [server.connect() for _ in range(20)]
        for connection in idle:
            connection.sendall(b"GET / HTTP/1.1\r\nX:")
        assert server.ask(server.path()).status == 200
        assert all(map(is_cut, idle[:15]))
        for connection in idle:
            connection.close()


def test_who_takes_nothing_of_a_file_is_cut_off(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILES, "/large", lambda view, query: Content("large", body=b"x" * 2**26))
    with running(runs, bounds=Bounds(stall_seconds=0.3)) as server, server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {server.path('large')} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())

        def is_closed() -> bool:
            # a connection that was cut refuses what is sent by it
            try:
                connection.sendall(b"x")
            except OSError:
                return True
            return False

        wait_until(is_closed)
        assert server.ask(server.path()).status == 200


# --- the password ---


def test_a_password_is_asked_for_and_lets_in(runs: Path) -> None:
    with running(runs, password=Password.of(WORD)) as server:
        without = server.ask(server.path())
        wrong = server.ask(server.path(), Authorization=basic(WORD + "x"))
        right = [server.ask(server.path(), Authorization=basic(WORD, user)) for user in ("", "me", "ünï")]
        no_token = server.ask("/", Authorization=basic(WORD))
        garbage = [server.ask(server.path(), Authorization=f"Basic {text}").status for text in ("!!!", "", "YQ==", "/w==")]

    assert without.status == 401 and without.headers["www-authenticate"].startswith("Basic realm=")
    assert wrong.status == 401 and WORD not in wrong.text
    assert [answer.status for answer in right] == [200, 200, 200]
    assert no_token.status == 404
    assert garbage == [401] * 4


def test_guesses_are_few_and_lock_nobody_else_out(runs: Path) -> None:
    password = Password(Password.of(WORD).digest, guesses_at_once=3, seconds_per_guess=3600, delay=0)
    with running(runs, password=password) as server:
        for _ in range(5):
            assert server.ask(server.path(), Authorization=basic(WORD)).status == 200
        guesses = [server.ask(server.path(), Authorization=basic(f"guess {number}")) for number in range(5)]
        # whoever guessed too often learns no more, not even that a guess is right
        late = server.ask(server.path(), Authorization=basic(WORD))
        # another address
        with socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.9", 0), timeout=60) as other:
            request = f"GET {server.path()} HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: {basic(WORD)}\r\n\r\n"
            other.sendall(request.encode())
            answer = other.recv(20)

    assert [guess.status for guess in guesses] == [401, 401, 401, 429, 429]
    assert late.status == 429 and late.headers["retry-after"] == "60"
    assert answer.startswith(b"HTTP/1.1 200")


def test_addresses_that_guessed_are_forgotten_in_the_end() -> None:
    password = Password(b"", most_addresses=10)
    for number in range(100):
        password._guesses_of(f"10.0.0.{number}")
    assert len(password._guesses) == 10
    # everybody has more addresses of version 6 than there are seconds
    assert password._guesses_of("2001:db8::1") is password._guesses_of("2001:db8::2")
    assert password._guesses_of("fe80::1%eth0") is not password._guesses_of("2001:db8::2")


def test_a_password_comes_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{WORD}\n")
    path.chmod(0o600)

    assert read_password(path) == Password.of(WORD)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"correct horse battery", 0o644, "is readable by others.* `chmod 600 "),
        (b"correct horse battery", 0o620, "is readable by others"),
        (b"too short", 0o600, "one line with a password of 12 characters"),
        (b"", 0o600, "openssl rand"),
        (b"correct horse\nbattery staple", 0o600, "one line"),
        (b"correct horse \xff battery", 0o600, "one line"),
        (b"x" * 5000, 0o600, "one line"),
        (None, 0o600, "does not exist.* writes a new one"),
    ],
)
def test_other_files_are_refused_with_what_helps(tmp_path: Path, content: bytes | None, mode: int, said: str) -> None:
    path = tmp_path / "a password"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)

    with pytest.raises(UsageError, match=said) as error:
        read_password(path)
    assert "horse" not in str(error.value)


def test_links_and_folders_hold_no_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(WORD)
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)

    for name, kind in (("link", "a link"), (".", "a folder")):
        with pytest.raises(UsageError, match=f"it is {kind}"):
            read_password(tmp_path / name)


def test_a_guard_has_the_names_of_loopback_by_default() -> None:
    assert Guard("token", 1).names == {"127.0.0.1", "localhost", "::1"}
