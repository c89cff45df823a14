"""Extracts one file from a streamed form (`multipart/form-data`, RFC 7578) in bounded time and memory."""

from __future__ import annotations

import logging
from typing import Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from mlebench.errors import MalformedForm

_unheard = logging.Logger("unheard", level=logging.CRITICAL + 1)
"""Silences the parser, which warns about every bad request, so that an agent could fill the harness's log. Not reachable by the
logging configuration of the process."""
_MOST_PARTS = 16
_LONGEST_TYPE = 256
"""Longest `Content-Type` in bytes; a boundary has up to 70."""
_LONGEST_VALUE = 1024
"""Longest parsed part header in bytes; a file name has up to 255."""


class Target(Protocol):
    """Receives the content of a file."""

    def write(self, block: memoryview, /) -> object:
        """Write the next bytes."""
        ...


class FormFile:
    """The file field of a form: feed it the request's body, block by block."""

    def __init__(self, content_type: str, field: str, target: Target) -> None:
        """Args:
            content_type: the request's `Content-Type`.
            field: the field's name.
            target: where the content goes.

        Raises:
            MalformedForm: the content type is not that of a form.
        """
        self.is_complete = False
        """Whether the form has ended; anything after it is ignored."""
        self._has_field = False
        self._field = field.encode()
        self._target = target
        self._is_wanted = False
        self._parts = 0
        self._name = self._value = b""
        self._parser = _parser(
            _boundary(content_type),
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

    def feed(self, block: bytes) -> None:
        """Process the next bytes of the body.

        Raises:
            MalformedForm: it is not a form, or has too much besides the file.
        """
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise MalformedForm(f"the form cannot be read: {error}") from None

    def finish(self) -> None:
        """Check the form after the end of the body.

        Raises:
            MalformedForm: it is truncated, or lacks the field.
        """
        if not self.is_complete:
            raise MalformedForm("the request ends in the middle of the form; send a form with a field `file`")
        if not self._has_field:
            raise MalformedForm(f"the form has no field `{self._field.decode()}`")

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
        if is_name and self._names_the_field():
            if self._has_field:
                raise MalformedForm(f"the form has the field `{self._field.decode()}` twice")
            self._is_wanted = self._has_field = True
        self._name = self._value = b""

    def _names_the_field(self) -> bool:
        if len(self._value) > _LONGEST_VALUE:
            raise MalformedForm(f"the form cannot be read: a part's header has more than {_LONGEST_VALUE} bytes")
        return parse_options_header(self._value)[1].get(b"name") == self._field

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_wanted:
            self._target.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        self._is_wanted = False

    def _end(self) -> None:
        self.is_complete = True


def _parser(boundary: bytes, callbacks: dict[str, object]) -> MultipartParser:
    try:
        parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
    except FormParserError as error:
        raise MalformedForm(f"the form cannot be read: {error}") from None
    parser.logger = _unheard
    return parser


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type) if len(content_type) <= _LONGEST_TYPE else (b"", {})
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise MalformedForm("send a form (multipart/form-data) with the submission in the field `file`")
    return boundary
