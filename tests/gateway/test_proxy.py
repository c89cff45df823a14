"""Hosts that are open beside the models: TLS to those very hosts at public addresses, and nothing else."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.gateway import proxy
from mlebench.gateway.bounds import Bounds
from tests.gateway.hello import hello
from tests.gateway.served import TOKEN, Served, connected, received, serving, small
from tests.waiting import wait_until

USER = base64.b64encode(f"agent:{TOKEN}".encode()).decode()


class Echo:
    """A server that sends back what it gets; keeps what it got."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.got = b""
        self.connections = 0
        self._greeting = greeting
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(self._greeting)
            while block := connection.recv(2**16):
                self.got += block
                connection.sendall(block)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the resolver says; nothing else can be resolved."""
    known: dict[str, list[str]] = {}

    async def resolve(host: str, port: int) -> list[str]:
        if host not in known:
            raise socket.gaierror("unknown")
        return known[host]

    monkeypatch.setattr(proxy, "_resolve", resolve)
    return known


@pytest.fixture
def served(tmp_path: Path, echo: Echo, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """`pypi.org`, at the port at which TLS is asked for, leads to the echoing server, as its address is listed, too."""
    with proxying(tmp_path, echo, names, monkeypatch, Bounds()) as served:
        yield served
        assert served.call().status == 200


@pytest.fixture
def hasty(tmp_path: Path, echo: Echo, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The same, and it soon cuts whoever says too little; a busy client as well."""
    with proxying(tmp_path, echo, names, monkeypatch, small(head_seconds=1.0)) as served:
        yield served
        wait_until(served.answers)


@contextlib.contextmanager
def proxying(
    folder: Path, echo: Echo, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, bounds: Bounds
) -> Iterator[Served]:
    monkeypatch.setattr(proxy, "TLS_PORT", echo.port)
    names["pypi.org"] = ["127.0.0.1"]
    allow = (
        f"pypi.org:{echo.port}",
        f"127.0.0.1:{echo.port}",
        f"*.example.org:{echo.port}",
        "hidden.org",
    )
    with serving(folder, bounds, allow=allow) as served:
        yield served


def asks(target: str, *fields: str) -> bytes:
    return "\r\n".join((f"CONNECT {target} HTTP/1.1", f"Host: {target}", *fields, "", "")).encode()


def known(target: str) -> bytes:
    return asks(target, f"Proxy-Authorization: Basic {USER}")


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


@contextlib.contextmanager
def tunnel(served: Served, target: str) -> Iterator[socket.socket]:
    with wait_until(lambda: opened(served, target)) as connection:
        yield connection


def opened(served: Served, target: str) -> socket.socket | None:
    """A tunnel; None where the client was cut off before it had asked."""
    connection, answer = connected(served.address), b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(known(target))
        # what the server says first may come with it
        while not answer.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
            answer += byte
    if answer:
        assert answer.startswith(b"HTTP/1.1 200 ")
        return connection
    connection.close()
    return None


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (block := connection.recv(2**16)):
        data += block
    return data


def test_an_open_host_is_reached_and_what_passed_is_counted(served: Served, echo: Echo) -> None:
    first = hello("pypi.org")
    with tunnel(served, f"pypi.org:{echo.port}") as connection:
        connection.sendall(first)
        assert read(connection, len(first)) == first
        connection.sendall(b"more")
        assert read(connection, 4) == b"more"
    served.gateway.close()
    assert f"opened pypi.org:{echo.port}" in served.notes
    assert any(f"pypi.org:{echo.port}: 1 connection" in note for note in served.notes)
    served.serve()


def test_a_client_may_speak_before_it_was_answered(served: Served, echo: Echo) -> None:
    first = hello("pypi.org")
    with connected(served.address) as connection:
        connection.sendall(known(f"pypi.org:{echo.port}") + first)
        assert read(connection, len(first) + 39).endswith(first)


def test_much_passes_with_backpressure(served: Served, echo: Echo) -> None:
    first, size = hello("pypi.org"), 2**24
    with tunnel(served, f"PyPI.org.:{echo.port}") as connection:
        sending = threading.Thread(target=connection.sendall, args=(first + b"x" * size,))
        sending.start()
        assert len(read(connection, len(first) + size)) == len(first) + size
        sending.join()


@pytest.mark.parametrize(
    "field",
    [
        f"Proxy-Authorization: Basic {USER}",
        f"Proxy-Authorization: Basic {base64.b64encode(TOKEN.encode()).decode()}",
        f"Proxy-Authorization: Basic {base64.b64encode(f'{TOKEN}:'.encode()).decode()}",
        f"proxy-authorization: bearer {TOKEN}",
    ],
)
def test_the_token_is_taken_as_clients_send_it(served: Served, echo: Echo, field: str) -> None:
    with connected(served.address) as connection:
        connection.sendall(asks(f"pypi.org:{echo.port}", field))
        assert status(connection.recv(2**16)) == 200


@pytest.mark.parametrize(
    "fields",
    [
        [],
        ["Proxy-Authorization: Basic eDp5"],
        ["Proxy-Authorization: Basic ~~~"],
        ["Proxy-Authorization: Bearer x"],
        [f"Authorization: Bearer {TOKEN}"],
        [f"Proxy-Authorization: Bearer {TOKEN}", "Proxy-Authorization: Bearer x"],
        [f"Proxy-Authorization: Digest {TOKEN}"],
    ],
)
def test_without_the_token_nothing_opens(served: Served, echo: Echo, fields: list[str]) -> None:
    answer = served.raw(asks(f"pypi.org:{echo.port}", *fields))
    assert status(answer) == 407 and b"Proxy-Authenticate: Basic" in answer
    assert not echo.connections


@pytest.mark.parametrize(
    "target",
    [
        "evil.example:{port}",
        "pypi.org:80",
        "pypi.org.evil.example:{port}",
        "notpypi.org:{port}",
        "example.org:{port}",
        "evilexample.org:{port}",
        "files.pypi.org:{port}",
        "127.0.0.2:{port}",
        "localhost:{port}",
        "2130706433:{port}",
        "0x7f000001:{port}",
        "127.1:{port}",
        "[::1]:{port}",
        "[::ffff:127.0.0.2]:{port}",
        "169.254.169.254:{port}",
        "0.0.0.0:{port}",
    ],
)
def test_other_hosts_are_refused(served: Served, echo: Echo, target: str) -> None:
    answer = served.raw(known(target.format(port=echo.port)))
    assert status(answer) == 403 and b"allow" in answer
    assert not echo.connections


@pytest.mark.parametrize(
    "target",
    [
        "pypi.org",
        "pypi.org:",
        "pypi.org:0",
        "pypi.org:99999",
        "pypi.org:https",
        ":443",
        "",
        "a@pypi.org:443",
        "pypi.org:443/x",
        "[::1:443",
        "[pypi.org]:443",
        "pypi..org:443",
        "-x.org:443",
        "x" * 300 + ":443",
        "pypi.org%00.evil:443",
        "http://pypi.org:443",
    ],
)
def test_what_is_no_host_and_port_is_refused(served: Served, target: str) -> None:
    assert status(served.raw(known(target))) in (400, 403)


@pytest.mark.parametrize(
    "data",
    [b"CONNECT \r\n\r\n", b"CONNECT a b c d\r\n\r\n", b"CONNECT pypi.org:443 SMTP/1.0\r\n\r\n", b"CONNECT " + b"x" * 2**17],
)
def test_what_is_no_request_is_refused(served: Served, data: bytes) -> None:
    assert status(served.raw(data)) in (400, 431)


def test_a_slow_request_is_cut(hasty: Served) -> None:
    assert hasty.raw(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost") == b""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::",
        "::127.0.0.1",
    ],
)
def test_an_open_name_leads_to_no_address_of_this_machine_or_its_networks(
    served: Served, names: dict[str, list[str]], address: str
) -> None:
    names["hidden.org"] = [address]
    answer = served.raw(known("hidden.org:443"))
    assert status(answer) == 403 and b"not public" in answer and address.encode() not in answer


def test_a_name_that_is_unknown_is_said(served: Served) -> None:
    answer = served.raw(known("hidden.org:443"))
    assert status(answer) == 502 and b"cannot be resolved" in answer


@pytest.mark.parametrize(
    "first",
    [
        hello("evil.example"),
        hello("x.pypi.org"),
        hello(None),
        b"GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff" + b"\x01" * 100,
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x80\x2e\x01\x03\x01",
    ],
    ids=range(10),
)
def test_what_is_no_tls_to_that_host_goes_no_further(hasty: Served, echo: Echo, first: bytes) -> None:
    with tunnel(hasty, f"pypi.org:{echo.port}") as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(first)
        assert received(connection) == b""
    assert echo.got == b""


def test_a_client_that_says_nothing_is_cut(hasty: Served, echo: Echo) -> None:
    with tunnel(hasty, f"pypi.org:{echo.port}") as connection:
        assert received(connection) == b""


def test_other_ports_pass_what_is_no_tls(tmp_path: Path, names: dict[str, list[str]]) -> None:
    server = Echo(greeting=b"hello\n")
    names["git.org"] = ["127.0.0.1"]
    allow = (f"git.org:{server.port}", f"127.0.0.1:{server.port}")
    with serving(tmp_path, allow=allow) as served:
        with tunnel(served, f"git.org:{server.port}") as connection:
            assert read(connection, 6) == b"hello\n"
            connection.sendall(b"plain")
            assert read(connection, 5) == b"plain"
        with tunnel(served, f"git.org:{server.port}") as connection:
            assert read(connection, 6) == b"hello\n"
            connection.sendall(hello("evil.example"))
            assert received(connection) == b""
    server.close()


def test_tunnels_end_with_the_gateway_and_when_idle(tmp_path: Path, names: dict[str, list[str]], echo: Echo) -> None:
    names["git.org"] = ["127.0.0.1"]
    allow = (f"git.org:{echo.port}", f"127.0.0.1:{echo.port}")
    with serving(tmp_path, small(tunnel_idle_seconds=0.2), allow=allow) as served, tunnel(served, f"git.org:{echo.port}") as idle:
        assert received(idle) == b""
    with serving(tmp_path / "two", allow=allow) as served, tunnel(served, f"git.org:{echo.port}") as connection:
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"
        served.gateway.close()
        assert received(connection) == b""


def test_either_side_that_closes_ends_its_way_alone(served: Served, echo: Echo) -> None:
    first = hello("pypi.org")
    with tunnel(served, f"pypi.org:{echo.port}") as connection:
        connection.sendall(first)
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == first
    wait_until(lambda: echo.got == first)


def test_nothing_is_open_without_a_list(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert status(served.raw(known("pypi.org:443"))) == 403


def test_a_list_that_holds_no_host_is_refused_before_anything_starts(tmp_path: Path) -> None:
    for entry in ("https://pypi.org", "pypi.org/simple", "*", "", "a b", "*.*.org", "pypi.org:99999"):
        with pytest.raises(UsageError, match="allow"), serving(tmp_path, allow=(entry,)):
            pass
