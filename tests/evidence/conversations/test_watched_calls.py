"""Calls of a run under way: each line and each text is read once, and a page reads no more texts than it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlebench.evidence.conversations.attempts import Attempt
from mlebench.evidence.conversations.steps import Step, steps_in
from mlebench.evidence.conversations.watched_calls import Part, RecentCalls, WatchedCalls, Window
from mlebench.gateway.transcript import texts_name
from tests.exports.recorded import Recording
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway import answers


def talk(recording: Recording, calls: int, said: list[Said]) -> None:
    """Further calls of one conversation, each of which runs a command."""
    for _ in range(calls):
        n = recording.call("chat", request("chat", "rules", said), answers.Said(tool=("bash", {"command": "ls"}))) + 1
        said += [Agent("", "ls", "call_1"), Result(f"result {n}", "call_1")]


def counted_reads(watched: WatchedCalls) -> list[int]:
    """Notes which texts are read from now on."""
    read: list[int] = []
    packed = watched.attempt.packed_texts

    def noting(n: int) -> bytes:
        read.append(n)
        return packed(n)

    watched.attempt = replace(watched.attempt, packed_texts=noting)
    return read


@pytest.fixture
def watched(recording: Recording) -> Iterator[WatchedCalls]:
    watched = WatchedCalls(recording.attempt())
    yield watched
    watched.close()


def steps(part: Part, window: Window) -> list[Step]:
    return [step for block in part.blocks for step in steps_in(block, window.conversations)]


def test_lines_that_are_appended_are_read_and_no_others(recording: Recording, watched: WatchedCalls) -> None:
    said: list[Said] = [User("go")]
    watched.look()
    assert watched.calls == []
    talk(recording, 2, said)
    watched.look()
    watched.look()
    assert [entry.n for entry in watched.calls] == [1, 2]
    talk(recording, 1, said)
    watched.look()
    assert [entry.n for entry in watched.calls] == [1, 2, 3]
    assert [sums.prompt for sums in watched.sums] == [100, 200, 300]


def test_a_torn_line_is_not_there_yet(recording: Recording, watched: WatchedCalls) -> None:
    talk(recording, 2, [User("go")])
    ledger = recording.folder / "model_calls.jsonl"
    content = ledger.read_bytes()
    ledger.write_bytes(content[:-10])
    watched.look()
    assert [entry.n for entry in watched.calls] == [1]
    with ledger.open("ab") as file:
        file.write(content[-10:])
    watched.look()
    assert [entry.n for entry in watched.calls] == [1, 2]


def test_another_ledger_in_its_place_begins_again(recording: Recording, watched: WatchedCalls) -> None:
    """As when another attempt begins in the run's folder."""
    talk(recording, 3, [User("go")])
    watched.look()
    ledger = recording.folder / "model_calls.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.unlink()
    watched.look()
    assert watched.calls == []
    ledger.write_bytes(lines[0])
    watched.look()
    assert [entry.n for entry in watched.calls] == [1]


def test_a_window_reads_its_own_texts_once(recording: Recording, watched: WatchedCalls) -> None:
    said: list[Said] = [User("go")]
    talk(recording, 30, said)
    watched.look()
    read = counted_reads(watched)
    watched.window(20, 40)
    watched.window(20, 40)
    assert read == list(range(21, 31))
    talk(recording, 2, said)
    watched.look()
    watched.window(20, 40)
    assert read == list(range(21, 33))


def test_a_later_window_shows_what_is_new_in_it(recording: Recording, watched: WatchedCalls) -> None:
    """The first request in it repeats all that was said before."""
    talk(recording, 9, [User("go")])
    watched.look()
    window = watched.window(5, 10)
    [part] = window.parts()
    found = steps(part, window)
    assert part.begins_earlier
    assert [(step.source, step.n, step.call is not None) for step in found] == [("agent", 6, False)] + [
        ("agent", n, True) for n in range(6, 10)
    ]
    # the first step is the last answer of the page before, with the result that the first call here was made with
    assert [[result.text for result in step.results] for step in found] == [[f"result {n}"] for n in range(6, 10)] + [[]]
    assert part.opening is not None and window.conversations.turn(part.opening.place)["text"] == "go"


def test_all_windows_together_show_every_result_once(recording: Recording, watched: WatchedCalls) -> None:
    talk(recording, 23, [User("go")])
    watched.look()
    results = []
    for start in range(0, 23, 5):
        window = watched.window(start, start + 5)
        results += [result.text for part in window.parts() for step in steps(part, window) for result in step.results]
    assert results == [f"result {n}" for n in range(2, 24)]


def test_a_conversation_that_begins_in_a_later_window_is_shown_from_its_beginning(
    recording: Recording, watched: WatchedCalls
) -> None:
    talk(recording, 6, [User("go")])
    recording.call("chat", request("chat", "helper rules", [User("count")]), answers.Said("three"))
    watched.look()
    window = watched.window(5, 10)
    main, side = window.parts()
    assert (main.begins_earlier, side.begins_earlier) == (True, False)
    assert [(step.source, step.text) for step in steps(side, window)] == [
        ("system", "helper rules"),
        ("user", "count"),
        ("agent", "three"),
    ]


def test_texts_that_cannot_be_read_are_told_with_their_call_alone(recording: Recording, watched: WatchedCalls) -> None:
    talk(recording, 4, [User("go")])
    folder = recording.folder / "transcript"
    (folder / texts_name(2)).write_bytes(b"no gzip")
    (folder / texts_name(3)).unlink()
    (folder / texts_name(3)).symlink_to("/etc/hostname")
    watched.look()
    window = watched.window(0, 10)
    parts = window.parts()
    assert set(window.unread) == {2, 3}
    assert window.unread[3] == "a link"
    assert sorted(node.n for part in parts for node in part.calls) == [1, 2, 3, 4]


def test_calls_of_an_attempt_are_kept_for_whoever_comes_again(recording: Recording) -> None:
    recent = RecentCalls()
    attempt = recording.attempt()
    assert recent.of(attempt) is recent.of(recording.attempt())
    others = [replace(attempt, number=number) for number in range(2, 40)]
    kept = [recent.of(other) for other in others]
    assert recent.of(attempt) is not kept[-1] and recent.of(others[-1]) is kept[-1]
    assert isinstance(attempt, Attempt) and len(recent._known) <= 8
