"""Takes one file out of a form (`multipart/form-data`, RFC 7578) as it comes, in bounded memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import IO, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from mlebench.errors import MalformedForm

_unheard = logging.Logger("unheard", level=logging.CRITICAL + 1)
"""The parser warns of every bad request; an agent could fill the harness's own log with them. Not among the loggers that
configuring the log of the process reaches."""
_BLOCK = 2**16
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
        MalformedForm: no form, no such field, the field twice, or cut off.
    """
    with target.open("wb") as file:
        try:
            form = _Form(_boundary(content_type), field, file)
            while length > 0 and not form.is_complete and (block := stream.read(min(_BLOCK, length))):
                length -= len(block)
                form.feed(block)
        except FormParserError as error:
            raise MalformedForm(f"the form cannot be read: {error}") from None
        if not form.is_complete:
            raise MalformedForm("the request ends in the middle of the form; send a form with a field `file`")
        if not form.has_field:
            raise MalformedForm(f"the form has no field `{field}`")
        return file.tell()


class _Form:
    """What a parser reads, of which only the content of one field is kept."""

    def __init__(self, boundary: bytes, field: str, target: IO[bytes]) -> None:
        self.is_complete = False
        self.has_field = False
        self._field = field.encode()
        self._target = target
        self._is_wanted = False
        self._parts = 0
        self._name = self._value = b""
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._read_name,
                "on_header_value": self._read_value,
                "on_header_end": self._end_header,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )
        parser.logger = _unheard
        self.feed = parser.write

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise MalformedForm(f"the form has more than {_MOST_PARTS} parts")

    def _read_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        is_name = self._name.strip().lower() == b"content-disposition"
        if is_name and parse_options_header(self._value)[1].get(b"name") == self._field:
            if self.has_field:
                raise MalformedForm(f"the form has the field `{self._field.decode()}` twice")
            self._is_wanted = self.has_field = True
        self._name = self._value = b""

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_wanted:
            self._target.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        self._is_wanted = False

    def _end(self) -> None:
        self.is_complete = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise MalformedForm("send a form (multipart/form-data) with the submission in the field `file`")
    return boundary
