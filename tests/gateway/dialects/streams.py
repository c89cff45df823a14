"""Streams read in blocks, for tests of the dialects."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from mlebench._support.dialect import DialectName
from mlebench.gateway.dialects.base import Call, StreamReader
from mlebench.gateway.dialects.table import DIALECTS
from tests.gateway.dialects.requests import PATHS, read

SIZES = (1, 2, 7, 64, 10**6)


def streaming_call(dialect: DialectName, changes: Mapping[str, Any] | None = None, alt: str = "sse") -> Call:
    """A call that asks for a stream."""
    if dialect == "gemini":
        path = PATHS["gemini"].replace("generateContent", "streamGenerateContent")
        return read("gemini", changes, path=path, query={"alt": alt} if alt else {})
    return read(dialect, {"stream": True, **(changes or {})})


def read_stream(call: Call, dialect: DialectName, events: Iterable[bytes], size: int = 10**6) -> tuple[StreamReader, bytes]:
    """The reader after all events came in blocks of this size, and what it passed."""
    reader = DIALECTS[dialect].reader(call)
    data = b"".join(events)
    passed = [reader.feed(data[start : start + size]) for start in range(0, len(data), size)]
    return reader, b"".join(itertools.chain(passed, [reader.finish()]))
