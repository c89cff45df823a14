"""The first message of TLS: the name of the server that a client asks for."""

from __future__ import annotations

_HANDSHAKE, _CLIENT_HELLO, _HOST_NAME = 22, 1, 0
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D
_LARGEST_RECORD, LARGEST = 2**14, 2**16


class NotTls(ValueError):
    """The bytes are not a ClientHello, or one that hides where it goes."""


class Incomplete(Exception):
    """More bytes are needed."""


def server_name(data: bytes) -> str | None:
    """The name in the ClientHello at the beginning of `data`, in small letters; None where it has none.

    Raises:
        Incomplete: more bytes are needed.
        NotTls: this is not a ClientHello, it has several names, or is encrypted (ECH).
    """
    return _name_in(_Reader(_message(data)))


def looks_like_tls(data: bytes) -> bool:
    """Whether the first bytes of a connection are those of a TLS handshake, as far as they are there."""
    return (bytes([_HANDSHAKE, 3])).startswith(data[:2])


def _message(data: bytes) -> bytes:
    """The body of the ClientHello, which may lie in several records."""
    message = b""
    at = 0
    while True:
        if not looks_like_tls(data[at:]):
            raise NotTls("this is not TLS")
        if len(data) < at + 5:
            raise Incomplete
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if not 0 < size <= _LARGEST_RECORD:
            raise NotTls("a record has no possible size")
        message += data[at + 5 : at + 5 + size]
        if message and message[0] != _CLIENT_HELLO:
            raise NotTls("the first message is not a ClientHello")
        if len(message) >= 4:
            length = int.from_bytes(message[1:4], "big")
            if length > LARGEST:
                raise NotTls("the ClientHello is too long")
            if len(message) >= 4 + length:
                return message[4 : 4 + length]
        if len(data) < at + 5 + size:
            raise Incomplete
        at += 5 + size


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise NotTls("the ClientHello ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def part(self, size_of_length: int) -> _Reader:
        return _Reader(self.take(self.number(size_of_length)))


def _name_in(hello: _Reader) -> str | None:
    hello.take(2 + 32)
    hello.part(1)
    hello.part(2)
    hello.part(1)
    if hello.is_at_end:
        return None
    extensions = hello.part(2)
    names: list[str] = []
    while not extensions.is_at_end:
        kind, content = extensions.number(2), extensions.part(2)
        if kind == _ENCRYPTED_HELLO:
            raise NotTls("an encrypted ClientHello hides where it goes")
        if kind == _SERVER_NAME:
            names.append(_host_name(content))
    if len(names) > 1:
        raise NotTls("the ClientHello names several servers")
    return names[0] if names else None


def _host_name(content: _Reader) -> str:
    entries = content.part(2)
    kind, name = entries.number(1), entries.part(2)
    if kind != _HOST_NAME or not entries.is_at_end or not content.is_at_end:
        raise NotTls("the ClientHello names several servers")
    try:
        return name.take(len(name._data)).decode("ascii").lower()
    except UnicodeDecodeError:
        raise NotTls("the name of the server is not text") from None
