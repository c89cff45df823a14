"""How providers are asked."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from mlebench.gateway.bounds import Bounds
from mlebench.gateway.upstream import ProviderFailed, Question, Upstream
from tests.gateway.provider import KEY, Provider
from tests.gateway.served import a_model


def ask(question: Question) -> int:
    async def one() -> int:
        async with Upstream({"KEY": KEY}, Bounds()) as upstream:
            reply = await upstream.ask(question)
            await reply.body(2**20)
            return reply.status

    return asyncio.run(one())


@pytest.mark.parametrize(
    ("dialect", "auth", "header", "value"),
    [
        ("chat", None, "authorization", f"Bearer {KEY}"),
        ("responses", None, "authorization", f"Bearer {KEY}"),
        ("messages", None, "x-api-key", KEY),
        ("gemini", None, "x-goog-api-key", KEY),
        ("chat", "api-key", "api-key", KEY),
        ("messages", "bearer", "authorization", f"Bearer {KEY}"),
    ],
)
def test_the_key_is_in_the_one_header_that_the_provider_reads(dialect: str, auth: str | None, header: str, value: str) -> None:
    with Provider() as provider:
        model = a_model(provider, auth=auth, query={"api-version": "2025 & more"})
        assert ask(Question(model, dialect, "/x", b"{}", {}, {"alt": "sse"})) == 200  # type: ignore[arg-type]
        (asked,) = provider.received
        assert asked.headers[header] == value and str(asked.headers).count(KEY) == 1
        assert asked.query == {"alt": "sse", "api-version": "2025 & more"}
        assert "cookie" not in asked.headers and asked.headers["accept-encoding"] == "identity"


def test_a_model_without_a_key_is_asked_without_one() -> None:
    with Provider() as provider:
        for settings in ({"key": None}, {"auth": "none"}):
            ask(Question(a_model(provider, **settings), "chat", "/x", b"{}"))
        assert not any(asked.key for asked in provider.received)


def test_no_netrc_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login me password secret-of-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Provider() as provider:
        ask(Question(a_model(provider, key=None), "chat", "/x", b"{}"))
        assert "authorization" not in provider.received[0].headers


class Recorder:
    """A server that keeps the first bytes of a connection and refuses to be a proxy."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.got = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            self.got = connection.recv(2**16)
            connection.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self._listening.close()


def test_a_proxy_of_the_users_environment_is_used_and_its_password_is_in_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hidden-word@127.0.0.1:{recorder.port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Provider() as provider:
        assert ask(Question(a_model(provider), "chat", "/x", b"{}")) == 200
        model = a_model(provider, base_url="https://api.acme.example/v1")
        with pytest.raises(ProviderFailed) as failed:
            ask(Question(model, "chat", "/x", b"{}"))
    assert recorder.got.startswith(b"CONNECT api.acme.example:443 ")
    assert base64.b64encode(b"me:hidden-word") in recorder.got and KEY.encode() not in recorder.got
    assert "hidden-word" not in str(failed.value) and "acme" in str(failed.value)


def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path) -> None:
    pair = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    made = subprocess.run([*command, "-keyout", str(pair[0]), "-out", str(pair[1])], capture_output=True)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair[1], pair[0])
    listening = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                got.append(secure.recv(2**16))
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with Provider() as provider:
        model = a_model(provider, base_url=f"https://localhost:{listening.getsockname()[1]}/v1")
        with pytest.raises(ProviderFailed, match="certificate"):
            ask(Question(model, "chat", "/x", b"{}"))
    thread.join(20)
    listening.close()
    assert not any(got)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://no.such.host.invalid/v1", "file:///etc", "http://[::1/v1", "", "ftp://x"]
)
def test_an_address_that_leads_nowhere_is_a_failure_in_words_of_ours(url: str) -> None:
    with Provider() as provider, pytest.raises(ProviderFailed, match="acme") as failed:
        ask(Question(a_model(provider, base_url=url), "chat", "/x", b"{}"))
    assert url not in str(failed.value) or not url
