"""The name of the server in the first message of TLS."""

from __future__ import annotations

import contextlib

import pytest

from mlebench.gateway.client_hello import Incomplete, NotTls, server_name
from tests.gateway.hello import hello


def test_the_name_in_a_client_hello_is_found_wherever_it_is_cut() -> None:
    data = hello("Pypi.ORG")
    assert server_name(data) == "pypi.org" and server_name(data + b"more") == "pypi.org"
    assert server_name(hello(None)) is None
    for size in range(len(data)):
        with pytest.raises(Incomplete):
            server_name(data[:size])
    message = data[5:]
    parts = [message[start : start + 50] for start in range(0, len(message), 50)]
    assert server_name(b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)) == "pypi.org"


def test_a_client_hello_that_hides_or_doubles_its_name_is_none() -> None:
    data = hello("pypi.org")
    with pytest.raises(NotTls, match="encrypted"):
        server_name(with_extension(data, 0xFE0D, b"x"))
    name = (0).to_bytes(1, "big") + (8).to_bytes(2, "big") + b"evil.org"
    with pytest.raises(NotTls, match="several"):
        server_name(with_extension(data, 0, len(name).to_bytes(2, "big") + name))
    for place in range(5, len(data)):
        for value in (0, 255):
            with contextlib.suppress(NotTls, Incomplete):
                server_name(data[:place] + bytes([value]) + data[place + 1 :])


def with_extension(data: bytes, kind: int, content: bytes) -> bytes:
    """A ClientHello with one extension more, at its end."""
    more = kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    body = data[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    size = int.from_bytes(body[at : at + 2], "big") + len(more)
    body = body[:at] + size.to_bytes(2, "big") + body[at + 2 :] + more
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
