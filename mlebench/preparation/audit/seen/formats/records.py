"""JSON: lists of records, columns, records by key, and lists within a document; JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any

from mlebench.preparation.audit.seen.formats.encoding import encoding_of
from mlebench.preparation.audit.seen.formats.found import (
    Content,
    Found,
    cell,
    columns_of,
    distinct,
    flattened,
    frames_of_records,
    frames_of_rows,
)

_WHOLE = 2**26
"""Bytes of a document that is read as a whole; of larger ones the top list is read, record by record."""
_SAMPLE = 2_000
"""Records whose names become the columns of a table that is not read as a whole."""
_DEEPEST = 4
_PIECE = 2**20
_MOST_OF_ONE = 2**26
"""Characters of one record."""

ItemsOf = Callable[[IO[bytes], str], Iterator[tuple[str, Any]]]


def tables(content: Content) -> Iterator[Found]:
    """The tables of a document, or of a file with a document in each line.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    with content.stream() as stream:
        head = stream.read(2**16)
    encoding = encoding_of(head)
    if encoding is None:
        return
    if _is_lines(head.decode(encoding, "replace"), content.name):
        yield from _streamed(content, encoding, _lines)
    elif content.size > _WHOLE:
        yield from _streamed(content, encoding, _items)
    else:
        yield from tables_within(read_document(content, encoding))


def read_document(content: Content, encoding: str) -> Any:
    """A whole document, numbers as they are written.

    Raises:
        ValueError: it is damaged.
    """
    with content.stream() as stream:
        text = stream.read().decode(encoding, "replace")
    return parse(text)


def parse(text: str) -> Any:
    """A document, numbers as they are written.

    Raises:
        ValueError: it is damaged, or nested too deeply.
    """
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def tables_within(document: Any, name: str = "", depth: int = 0) -> Iterator[Found]:
    """The tables that a value holds; `name` says where it is in its document."""
    if isinstance(document, list):
        if (found := _of_list(document, name)) is not None:
            yield found
    elif isinstance(document, dict) and document and depth < _DEEPEST:
        if (found := _of_mapping(document, name)) is not None:
            yield found
            return
        for key, value in document.items():
            if isinstance(value, list | dict) and len(value) > 1:
                yield from tables_within(value, f"{name}.{key}" if name else str(key), depth + 1)


def _of_list(items: list[Any], name: str) -> Found | None:
    if not items:
        return None
    if all(isinstance(item, dict) for item in items):
        return _table(name, [dict(flattened(item)) for item in items])
    if all(isinstance(item, list) for item in items):
        width = max(map(len, items))
        if width > 1_000:
            return None
        columns = tuple(map(str, range(width)))
        return Found(
            name, columns, lambda rows: frames_of_rows(([cell(value) for value in item] for item in items), columns, rows)
        )
    if len(items) > 2 and not any(isinstance(item, dict | list) for item in items):
        return Found(name, ("value",), lambda rows: frames_of_rows(([cell(item)] for item in items), ("value",), rows))
    return None


def _of_mapping(document: dict[str, Any], name: str) -> Found | None:
    values = list(document.values())
    if all(isinstance(value, dict) for value in values) and len(values) > 1:
        return _of_records_by_key(document, name)
    if all(isinstance(value, list) for value in values) and not any(
        isinstance(item, dict) for value in values for item in value[:1]
    ):
        lengths = set(map(len, values))
        if len(lengths) == 1 and (rows := lengths.pop()) > 1 and (len(values) < rows or len(values) < 50):
            return _table(name, [{key: cell(value[at]) for key, value in document.items()} for at in range(rows)])
        if len(values) > 2:
            return _table(name, [{"key": key, "value": cell(value)} for key, value in document.items()])
    if len(values) > 2 and not any(isinstance(value, dict | list) for value in values):
        return _table(name, [{"key": key, "value": cell(value)} for key, value in document.items()])
    return None


def _of_records_by_key(document: dict[str, dict[str, Any]], name: str) -> Found | None:
    inner = [value.keys() for value in document.values()]
    first = list(inner[0])
    alike = all(keys == inner[0] for keys in inner)
    scalars = not any(isinstance(item, dict | list) for value in document.values() for item in islice(value.values(), 3))
    if alike and scalars and len(first) > len(document):
        # column by column, as pandas writes it
        return _table(name, [{"key": key, **{column: cell(value[key]) for column, value in document.items()}} for key in first])
    if sum(map(len, inner)) > 20 * len(document) and not alike:
        return None
    return _table(name, [{"key": key, **dict(flattened(value))} for key, value in document.items()])


def _table(name: str, records: list[dict[str, str]]) -> Found:
    columns = columns_of(records)
    return Found(name, distinct(columns), lambda rows: frames_of_records(records, columns, rows))


def _is_lines(head: str, name: str) -> bool:
    lines = head.lstrip().splitlines()
    if name.lower().endswith((".jsonl", ".ndjson", ".jsonlines")):
        return True
    if len(lines) < 2 or not lines[0].rstrip().endswith(("}", "]")):
        return False
    try:
        return isinstance(json.loads(lines[0]), dict | list)
    except (ValueError, RecursionError):
        return False


def _streamed(content: Content, encoding: str, items_of: ItemsOf) -> Iterator[Found]:
    """Tables of content that is read record by record: one pass finds all of them."""

    def records(part: str) -> Iterator[dict[str, str]]:
        with content.stream() as stream:
            for of, item in items_of(stream, encoding):
                if of == part:
                    yield _record(item)

    samples: dict[str, list[dict[str, str]]] = {}
    with content.stream() as stream:
        for of, item in items_of(stream, encoding):
            sample = samples.setdefault(of, [])
            if len(sample) < _SAMPLE:
                sample.append(_record(item))
            elif items_of is _lines:
                break
    for part, sample in samples.items():
        yield _streamed_table(part, columns_of(sample), records)


def _streamed_table(part: str, columns: tuple[str, ...], records: Callable[[str], Iterator[dict[str, str]]]) -> Found:
    return Found(part, columns, lambda rows: frames_of_records(records(part), columns, rows))


def _record(item: Any) -> dict[str, str]:
    return dict(flattened(item)) if isinstance(item, dict) else {"value": cell(item)}


def _lines(stream: IO[bytes], encoding: str) -> Iterator[tuple[str, Any]]:
    text = io.TextIOWrapper(stream, encoding, errors="replace")
    while line := text.readline(_MOST_OF_ONE):
        if line.strip():
            yield "", parse(line)


def _items(stream: IO[bytes], encoding: str) -> Iterator[tuple[str, Any]]:
    """The items of a list at the top, or of an object at the top and of the lists directly in it, one at a time."""
    text = _Text(io.TextIOWrapper(stream, encoding, errors="replace"))
    first = text.take()
    if first == "[":
        yield from (("", item) for item in text.items())
        return
    if first != "{":
        raise ValueError("it is neither a list nor an object")
    while text.peek() not in ("}", ""):
        key = text.value()
        if text.take() != ":":
            raise ValueError("it is damaged")
        if text.peek() == "[":
            text.take()
            yield from ((str(key), item) for item in text.items())
        else:
            item = text.value()
            yield "", {"key": key, **item} if isinstance(item, dict) else {"key": key, "value": item}
        if text.peek() == ",":
            text.take()


class _Text:
    """A document of which values are taken one after the other."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._held = ""
        self._place = 0
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)

    def peek(self) -> str:
        """The next non-blank character; empty at the end."""
        while True:
            while self._place < len(self._held):
                if not self._held[self._place].isspace():
                    return self._held[self._place]
                self._place += 1
            if not self._more():
                return ""

    def take(self) -> str:
        """The same, which is then behind."""
        found = self.peek()
        self._place += 1
        return found

    def items(self) -> Iterator[Any]:
        """The rest of a list."""
        while (next_one := self.peek()) not in ("]", ""):
            if next_one == ",":
                self.take()
            else:
                yield self.value()
        self.take()

    def value(self) -> Any:
        """The value that begins here."""
        self.peek()
        while True:
            try:
                found, after = self._decoder.raw_decode(self._held, self._place)
                # a number may go on
                if after < len(self._held) or not self._more():
                    self._place = after
                    return found
            except RecursionError:
                raise ValueError("it is nested too deeply") from None
            except ValueError:
                if len(self._held) - self._place > _MOST_OF_ONE or not self._more():
                    raise

    def _more(self) -> bool:
        # twice as much each time, as what does not suffice is read again from its beginning
        piece = self._text.read(max(_PIECE, len(self._held) - self._place))
        self._held = self._held[self._place :] + piece
        self._place = 0
        return bool(piece)
