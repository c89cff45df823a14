"""The split of the examples by several processes, which parse and write the lines; whatever is odd is left to `plain_lines`.

A process gets some lines of the file by their place and gives them back as they are to be written.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlebench.data import Edition
from mlebench.data.workers import Workers

from .examples import Sides, Tested, json_line, tested
from .plain_lines import CHUNK_LINES, articles_in_test, sides_of

SHARE_LINES = 100
"""Lines that a process works on at a time."""
_WORTH_PROCESSES = 32 * 2**20
_URL = b'"document_url": "'
_PLAIN_URL = re.compile(rb'"document_url": "([ !#-\[\]-~]*)"[,}]')
_SHORT = 1_000


class Lines(NamedTuple):
    """Lines of the file that hold something: as many as are split together, or the last ones."""

    numbers: list[int]
    """Of the examples, from 0; blank lines do not count."""
    spans: list[tuple[int, int]]
    """The first byte of each line, and the byte after its last."""


def split_by_workers(path: Path, edition: Edition) -> Iterator[Sides]:
    """What `split_plainly` gives.

    Raises:
        ValueError: if lines are damaged, or have different fields.
    """
    urls = None if edition.is_v1 else document_urls(path)
    in_test = None if urls is None else articles_in_test(urls, edition)
    workers = Workers.shared(path.stat().st_size > _WORTH_PROCESSES)
    order: list[tuple[list[int], list[int]]] = []

    def tasks() -> Iterator[tuple[Any, ...]]:
        for chunk in chunks(path):
            train, test = sides_of(chunk.numbers, edition, in_test)
            order.append((train, test))
            held_out = set(test)
            for first in range(0, len(chunk.numbers), SHARE_LINES):
                share = range(first, min(first + SHARE_LINES, len(chunk.numbers)))
                expected = None if urls is None else [urls[chunk.numbers[place]] for place in share]
                spans = chunk.spans[share.start : share.stop]
                yield path, spans, [place in held_out for place in share], expected

    results = workers.map(work_on, tasks())
    fields = None
    held: list[bytes | Tested] = []
    for found, lines in results:
        # the lines that are split together must have the same fields in one order
        if held and found != fields:
            raise ValueError("lines with different fields")
        fields = found
        held += lines
        train, test = order[0]
        if len(held) == len(train) + len(test):
            yield Sides([held[place] for place in train], [held[place] for place in test])  # type: ignore[misc]
            held = []
            del order[0]


def chunks(path: Path) -> Iterator[Lines]:
    """The lines of the file, a thousand at a time."""
    number = itertools.count()
    lines = Lines([], [])
    position = 0
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            position += len(line)
            if _is_blank(line):
                continue
            lines.numbers.append(next(number))
            lines.spans.append((position - len(line), position))
            if len(lines.numbers) == CHUNK_LINES:
                yield lines
                lines = Lines([], [])
    if lines.numbers:
        yield lines


def _is_blank(line: bytes) -> bool:
    # a long line that begins otherwise is damaged, and told when it is parsed
    return not line.startswith(b"{") and len(line) < _SHORT and not line.decode().strip()


def work_on(
    path: Path, spans: list[tuple[int, int]], held_out: list[bool], urls: list[str] | None
) -> tuple[list[str], list[bytes | Tested]]:
    """The fields of some lines, and each line as it is to be written.

    Args:
        path: the file.
        spans: where each line begins and ends.
        held_out: whether each is a test line.
        urls: the address of each document, where it is known.

    Raises:
        ValueError: if a line is damaged, or its fields or address are others than those of the first or expected.
    """
    begin = spans[0][0]
    with path.open("rb", buffering=0) as file:
        file.seek(begin)
        content = file.read(spans[-1][1] - begin)
    lines: list[bytes | Tested] = []
    fields: list[str] = []
    for place, (start, end) in enumerate(spans):
        example = json.loads(content[start - begin : end - begin].decode())
        if place and [*example] != fields:
            raise ValueError("lines with different fields")
        fields = [*example]
        if urls is not None and example["document_url"] != urls[place]:
            raise ValueError("another address")
        example["example_id"] = str(example["example_id"])
        lines.append(tested(example) if held_out[place] else json_line(example))
    return fields, lines


def document_urls(path: Path) -> list[str]:
    """The address of the document of each line, told by the text of the line; `work_on` compares it with the parsed one.

    Raises:
        ValueError: if a line does not tell it.
    """
    urls = []
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            found = _PLAIN_URL.match(line, line.rfind(_URL))
            if found is None:
                if _is_blank(line):
                    continue
                raise ValueError("no plain address")
            urls.append(found[1].decode("ascii"))
    return urls
