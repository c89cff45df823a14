"""Streams pass byte for byte and are read whatever blocks they come in."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench.gateway.dialects import sse
from mlebench.gateway.dialects.sse import ArrayReader, EventReader, data_of, parsed

ENDS = ["\n", "\r\n", "\r"]
LINE = st.one_of(
    st.text(alphabet='ab: €\\"{}[]', max_size=8).map(lambda text: f"data: {text}"),
    st.text(alphabet="ab", max_size=4).map(lambda text: f"data:{text}"),
    st.sampled_from([": ping", "event: x", "id: 5", "retry: 10", "garbage", "data"]),
)


def cut(data: bytes, borders: list[int]) -> list[bytes]:
    """The data in blocks that end at the borders (modulo its length)."""
    places = sorted({border % (len(data) + 1) for border in borders})
    return [data[first:last] for first, last in zip([0, *places], [*places, len(data)], strict=True)]


class Events(list[tuple[str, bytes]]):
    """What a reader was called with."""

    def add(self, name: str, content: bytes) -> bool:
        self.append((name, content))
        return True


def expected(events: list[list[str]]) -> list[tuple[str, bytes]]:
    return [found for lines in events if (found := data_of("\n".join(lines).encode()))[1]]


@given(
    st.lists(st.lists(LINE, min_size=1, max_size=4), max_size=6),
    st.sampled_from(ENDS),
    st.lists(st.integers(0, 10**6), max_size=12),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_events_are_the_same_in_any_blocks(events: list[list[str]], end: str, borders: list[int], bom: bool, holds: bool) -> None:
    data = b"\xef\xbb\xbf" * bom + "".join(end.join(lines) + end + end for lines in events).encode()
    read = Events()
    reader = EventReader(read.add, holds)
    passed = b"".join([*(reader.feed(block) for block in cut(data, borders)), reader.finish()])
    assert passed == data
    assert read == expected(events)


@given(
    st.lists(st.booleans(), max_size=8),
    st.sampled_from(ENDS),
    st.lists(st.integers(0, 10**6), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_what_is_left_out_goes_with_its_blank_line_and_nothing_else(stays: list[bool], end: str, borders: list[int]) -> None:
    words = ["stays" if stay else "goes" for stay in stays]
    events = [f"event: e{end}data: {word}{end}{end}: comment{end}{end}" for word in words]
    data = "".join(events).encode()
    reader = EventReader(lambda name, content: content.startswith(b"stays"), holds=True)
    passed = b"".join([*(reader.feed(block) for block in cut(data, borders)), reader.finish()])
    comment = f": comment{end}{end}"
    assert passed.decode() == "".join(event if stay else comment for event, stay in zip(events, stays, strict=True))


def test_a_whole_event_passes_at_once_although_events_are_held() -> None:
    reader = EventReader(lambda name, content: True, holds=True)
    assert reader.feed(b"data: one\n\ndata: tw") == b"data: one\n\n"
    assert reader.feed(b": keep\n\n"[2:]) != b""
    assert reader.feed(b": keep-alive\n\n") == b": keep-alive\n\n"


def test_a_last_event_without_its_blank_line_is_read() -> None:
    read = Events()
    reader = EventReader(read.add, holds=True)
    assert reader.feed(b"data: one\n\ndata: two") == b"data: one\n\n"
    assert reader.finish() == b"data: two"
    assert read == [("", b"one"), ("", b"two")]


@pytest.mark.parametrize("holds", [False, True])
def test_garbage_for_ever_takes_bounded_memory_and_passes(monkeypatch: pytest.MonkeyPatch, holds: bool) -> None:
    monkeypatch.setattr(sse, "MOST_EVENT", 2**18)
    read = Events()
    reader = EventReader(read.add, holds)
    block, sent, passed = b"data: \xff" + b"x" * 2**16, 0, 0
    tracemalloc.start()
    for _ in range(100):
        sent += len(block)
        passed += len(reader.feed(block))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21, peak
    assert sent - passed <= 2**18 and read == []
    rest = reader.feed(b"\n\ndata: after\n\n") + reader.finish()
    assert rest.endswith(b"\n\ndata: after\n\n") and read == [("", b"after")], "the next event is read again"


@pytest.mark.parametrize("holds", [False, True])
def test_blank_lines_for_ever_pass_at_once(holds: bool) -> None:
    read = Events()
    reader = EventReader(read.add, holds)
    for block in (b"\n" * 2**20, b"\r\n" * 2**20, b"data: x\n\n", b"\n" * 2**20):
        assert reader.feed(block) == block
    assert read == [("", b"x")] and reader.finish() == b""


def test_a_large_event_is_read() -> None:
    read = Events()
    reader = EventReader(read.add)
    data = b"data: " + b"x" * (4 * 2**20) + b"\n\n"
    for start in range(0, len(data), 2**14):
        reader.feed(data[start : start + 2**14])
    assert len(read[0][1]) == 4 * 2**20


def test_lines_of_data_are_joined() -> None:
    assert data_of(b"event:  x\ndata: 1\ndata:2\ndata:  3\n: no\nid: 7\n\n") == (" x", b"1\n2\n 3")
    assert data_of(b": ping\n\n") == ("", b"")


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff", b"1" * 10_000, b"NaN,"])
def test_what_is_no_json_is_none(data: bytes) -> None:
    assert parsed(data) is None


VALUE = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\{}[],€', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a"\\{}[]', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(alphabet='a"\\}', max_size=3), VALUE, max_size=3), max_size=5),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.lists(st.integers(0, 10**6), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_members_of_an_array_are_the_same_in_any_blocks(
    members: list[dict[str, object]], indent: int | None, is_ascii: bool, borders: list[int]
) -> None:
    data = json.dumps(members, indent=indent, ensure_ascii=is_ascii).encode() + b"\r\n"
    read: list[object] = []
    reader = ArrayReader(lambda content: read.append(json.loads(content)))
    for block in cut(data, borders):
        reader.feed(block)
    assert read == members
    assert reader.is_closed


@pytest.mark.parametrize("start", [b"", b"[", b'["', b'[{"', b'[{"a": "', b'[{"a": [', b'[{"\\'])
def test_an_array_without_end_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(sse, "MOST_EVENT", 2**18)
    reader = ArrayReader(lambda content: None)
    reader.feed(start)
    tracemalloc.start()
    for _ in range(200):
        reader.feed(b"x" * 2**15 + b"\\")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20, peak
