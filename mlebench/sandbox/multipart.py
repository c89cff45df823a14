"""Reads one file out of a `multipart/form-data` request (RFC 7578) in bounded memory.

The standard library's parser holds a whole request in memory; a submission may have hundreds of megabytes.
"""

from __future__ import annotations

import re
from email.message import Message
from pathlib import Path
from typing import IO, Protocol

from mlebench.errors import MalformedForm

_BLOCK = 2**16
_LONGEST_HEADER = 2**14
_MOST_PARTS = 16


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def save_form_file(stream: _Readable, content_type: str, length: int, field: str, target: Path) -> int:
    """Save the content of a form's file field.

    Args:
        stream: the request's body.
        content_type: the request's `Content-Type`.
        length: bytes of the body.
        field: the field's name.
        target: where the content goes.

    Returns:
        its size in bytes.

    Raises:
        MalformedForm: no form, no such field, or cut off.
    """
    delimiter = b"\r\n--" + _boundary(content_type)
    body = _Body(stream, length)
    # the first delimiter may stand at the very beginning, without its line break
    body.push_back(b"\r\n")
    body.copy_until(delimiter, None)
    for _ in range(_MOST_PARTS):
        if body.read(2) == b"--":
            break
        headers = body.read_until(b"\r\n\r\n", _LONGEST_HEADER)
        if _field_name(headers) == field:
            with target.open("wb") as file:
                return body.copy_until(delimiter, file)
        body.copy_until(delimiter, None)
    raise MalformedForm(f"the form has no field `{field}`")


class _Body:
    """Bytes of a request, searched for delimiters that may lie across two reads."""

    def __init__(self, stream: _Readable, length: int) -> None:
        self._stream = stream
        self._left = length
        self._buffer = b""

    def push_back(self, data: bytes) -> None:
        self._buffer = data + self._buffer

    def read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        result, self._buffer = self._buffer[:count], self._buffer[count:]
        return result

    def read_until(self, delimiter: bytes, longest: int) -> bytes:
        while (at := self._buffer.find(delimiter)) < 0:
            if len(self._buffer) > longest:
                raise MalformedForm("a part of the form has too long a header")
            self._fill()
        result, self._buffer = self._buffer[:at], self._buffer[at + len(delimiter) :]
        return result

    def copy_until(self, delimiter: bytes, target: IO[bytes] | None) -> int:
        copied = 0
        while (at := self._buffer.find(delimiter)) < 0:
            # all but what could be a delimiter's beginning
            sure = max(0, len(self._buffer) - len(delimiter) + 1)
            copied += sure
            if target is not None:
                target.write(self._buffer[:sure])
            self._buffer = self._buffer[sure:]
            self._fill()
        if target is not None:
            target.write(self._buffer[:at])
        self._buffer = self._buffer[at + len(delimiter) :]
        return copied + at

    def _fill(self) -> None:
        block = self._stream.read(min(_BLOCK, self._left)) if self._left > 0 else b""
        if not block:
            raise MalformedForm("the request ends in the middle of the form; send a form with a field `file`")
        self._left -= len(block)
        self._buffer += block


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = re.sub(r"[\r\n]", " ", content_type)
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        raise MalformedForm("send a form (multipart/form-data) with the submission in the field `file`")
    if len(boundary) > 200 or not boundary.isascii():
        raise MalformedForm("the form's boundary is not usable")
    return boundary.encode()


def _field_name(headers: bytes) -> str | None:
    for line in headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            found = re.search(rb'[;\s]name="([^"]*)"', value) or re.search(rb"[;\s]name=([^;\s]+)", value)
            return found[1].decode("utf-8", "replace") if found else None
    return None
