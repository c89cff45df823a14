"""A ledger loses no line, hides no change and never fails whoever appends to it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlebench._support import ledger as module
from mlebench._support.ledger import (
    LONGEST_LINE,
    Ledger,
    Whose,
    broken_line,
    broken_line_of,
    canonical,
    hash_of,
    ledger_lines,
    stated_whose,
)

MOST = 2**24


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def opened(path: Path, notes: list[str]) -> Iterator[Callable[[], Ledger]]:
    ledgers: list[Ledger] = []

    def make() -> Ledger:
        ledgers.append(Ledger(path, notes.append))
        return ledgers[-1]

    yield make
    for ledger in ledgers:
        ledger.close()


def lines_of(path: Path) -> list[dict[str, Any]]:
    return list(ledger_lines(path, MOST))


def test_each_line_says_whose_it_is(path: Path) -> None:
    """Also those of a harness that goes on with the ledger, and whatever an entry says."""
    for number in range(2):
        ledger = Ledger(path, whose=Whose("group", "toy_seed0", 1))
        assert stated_whose(ledger.append({"run": "another", "number": number})) == ("group", "toy_seed0", 1)
        ledger.close()
    assert [stated_whose(line) for line in lines_of(path)] == [("group", "toy_seed0", 1)] * 2
    assert broken_line_of(path, MOST) is None


def test_a_ledger_of_no_run_says_of_none(opened: Callable[[], Ledger]) -> None:
    assert stated_whose(opened().append({"a": 1})) is None


def test_a_line_is_canonical_json_with_its_place_and_the_hash_of_the_line_before(
    path: Path, opened: Callable[[], Ledger]
) -> None:
    ledger = opened()
    assert (ledger.lines, ledger.head) == (0, None)
    first = ledger.append({"word": "é\n\ud800", "b": 1, "a": [1.5, None, True]})
    second = ledger.append({})
    raw = path.read_bytes().split(b"\n")
    assert raw[0] == canonical(first) and raw[1] == canonical(second) and raw[2] == b""
    assert raw[0].startswith(b'{"a":[1.5,null,true],"at":"2') and rb"\u00e9\n\ud800" in raw[0]
    assert (first["n"], first["previous"], second["n"], second["previous"]) == (1, None, 2, first["hash"])
    # as anybody may recompute it
    without = {key: value for key, value in json.loads(raw[1]).items() if key != "hash"}
    text = json.dumps(without, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == second["hash"] == ledger.head
    assert first["at"].endswith("+00:00")
    assert broken_line_of(path, MOST) is None


@pytest.mark.parametrize("bad", [{"a": math.nan}, {"a": math.inf}, {"a": {1, 2}}, {"a": "x" * LONGEST_LINE}])
def test_what_is_not_json_is_refused_and_leaves_nothing(path: Path, opened: Callable[[], Ledger], bad: dict[str, Any]) -> None:
    ledger = opened()
    with pytest.raises((ValueError, TypeError)):
        ledger.append(bad)
    ledger.append({"a": 1})
    assert [entry["n"] for entry in lines_of(path)] == [1]


def test_a_chain_is_taken_up(path: Path, opened: Callable[[], Ledger], notes: list[str]) -> None:
    for number in range(3):
        ledger = opened()
        ledger.append({"number": number})
        ledger.close()
    last = opened()
    assert (last.lines, last.head) == (3, lines_of(path)[-1]["hash"])
    assert broken_line_of(path, MOST) is None and notes == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.data())
def test_a_kill_at_any_byte_loses_no_whole_line(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "killed.jsonl"
    path.unlink(missing_ok=True)
    ledger = Ledger(path)
    for number in range(3):
        ledger.append({"number": number, "word": "ü" * number})
    ledger.close()
    whole = path.read_bytes()
    kept = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:kept])
    notes: list[str] = []
    again = Ledger(path, notes.append)
    complete = whole[:kept].count(b"\n")
    assert again.lines == complete
    again.append({"number": "next"})
    again.close()
    assert broken_line_of(path, MOST) is None
    assert [entry["number"] for entry in lines_of(path)] == [*range(complete), "next"]
    assert bool(notes) == (kept > 0 and whole[kept - 1 : kept] != b"\n")


WRITE = """
import sys
from pathlib import Path
from mlebench._support.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
number = ledger.lines
while True:
    number += 1
    ledger.append({"number": number})
    print(number, flush=True)
"""


def test_a_killed_process_leaves_every_line_that_it_answered_for(path: Path) -> None:
    answered = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        seen = [int(writer.stdout.readline()) for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        answered = max([*seen, *map(int, rest.split("\n")[:-1])])
        assert [entry["number"] for entry in lines_of(path)][:answered] == list(range(1, answered + 1))
    ledger = Ledger(path)
    ledger.append({"number": "last"})
    ledger.close()
    assert ledger.lines > answered
    assert broken_line_of(path, MOST) is None


def test_another_writer_is_kept_out_until_the_first_has_gone(path: Path, opened: Callable[[], Ledger], notes: list[str]) -> None:
    first, second = opened(), opened()
    first.append({"by": "first"})
    second.append({"by": "second"})
    first.append({"by": "first"})
    assert [entry["by"] for entry in lines_of(path)] == ["first", "first"]
    assert notes == ["calls.jsonl: another process writes to it; lines are held until it can be written"]
    first.close()
    second.append({"by": "second"})
    assert [entry["by"] for entry in lines_of(path)] == ["first", "first", "second", "second"]
    assert broken_line_of(path, MOST) is None


def test_lines_that_are_held_are_written_at_the_end(path: Path, opened: Callable[[], Ledger]) -> None:
    first, second = opened(), opened()
    second.append({"by": "second"})
    first.close()
    second.close()
    assert [entry["by"] for entry in lines_of(path)] == ["second"]


def test_a_change_within_is_not_repaired_but_seen(path: Path, opened: Callable[[], Ledger], notes: list[str]) -> None:
    ledger = opened()
    for number in range(4):
        ledger.append({"number": number})
    ledger.close()
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    again = opened()
    again.append({"number": 4})
    assert notes == ["calls.jsonl: the chain is broken at line 2; it continues after that line"]
    assert broken_line_of(path, MOST) == 2
    assert [entry["n"] for entry in lines_of(path)] == [1, 2, 3, 4, 5]
    assert broken_line([{"n": 1, "previous": None, "hash": hash_of({"n": 1, "previous": None})}]) is None


@pytest.mark.parametrize("change", ["drop", "swap", "repeat", "forge"])
def test_dropped_moved_repeated_and_forged_lines_are_seen(path: Path, opened: Callable[[], Ledger], change: str) -> None:
    ledger = opened()
    for number in range(4):
        ledger.append({"number": number})
    lines = lines_of(path)
    forged = {**lines[2], "number": 9}
    changed = {
        "drop": [lines[0], *lines[2:]],
        "swap": [lines[0], lines[2], lines[1], lines[3]],
        "repeat": [*lines[:2], *lines[1:]],
        "forge": [*lines[:2], {**forged, "hash": hash_of(forged)}, lines[3]],
    }[change]
    assert broken_line(changed) == {"drop": 2, "swap": 2, "repeat": 3, "forge": 4}[change]


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"garbage\n",
        b"[1, 2]\n",
        b'{"n": "x", "hash": 5}\n',
        b'{"n": 1e999}\n',
        b'{"n": ' + b"9" * 5000 + b"}\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
        b"\0" * 4096,
        b"x" * (3 * LONGEST_LINE),
        b"x" * (3 * LONGEST_LINE) + b"\n",
    ],
    ids=range(11),
)
def test_whatever_stands_there_lines_are_added_behind_it(
    path: Path, opened: Callable[[], Ledger], notes: list[str], content: bytes
) -> None:
    path.write_bytes(content)
    ledger = opened()
    ledger.append({"number": 1})
    ledger.append({"number": 2})
    assert [entry["number"] for entry in lines_of(path) if "number" in entry] == [1, 2]
    assert len(notes) == 1


def test_a_huge_file_is_not_read(path: Path, opened: Callable[[], Ledger], notes: list[str]) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    ledger = opened()
    ledger.append({"number": 1})
    assert path.stat().st_size > 10 * 2**30
    with pytest.raises(OSError, match="larger than 16"):
        list(ledger_lines(path, MOST))
    assert len(notes) == 1


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a link", "a socket"])
def test_what_is_no_file_is_moved_aside(path: Path, opened: Callable[[], Ledger], notes: list[str], kind: str) -> None:
    import socket

    target = path.with_name("target")
    target.write_text("theirs")
    with socket.socket(socket.AF_UNIX) as listening:
        make: dict[str, Callable[[], object]] = {
            "a pipe": lambda: os.mkfifo(path),
            "a folder": path.mkdir,
            "a link": lambda: path.symlink_to(target),
            "a socket": lambda: listening.bind(os.path.relpath(path)),
        }
        make[kind]()
        opened().append({"number": 1})
    assert [entry["number"] for entry in lines_of(path)] == [1]
    assert notes == [f"calls.jsonl: {kind} was in its place and is now calls.jsonl.aside-1"]
    assert target.read_text() == "theirs"


@pytest.mark.parametrize("how", ["removed", "replaced", "a pipe", "a folder", "truncated", "extended", "half a line"])
def test_a_file_that_somebody_changes_meanwhile_gets_what_comes(
    path: Path, opened: Callable[[], Ledger], notes: list[str], how: str
) -> None:
    ledger = opened()
    ledger.append({"number": 1})
    if how in ("removed", "replaced", "a pipe", "a folder"):
        path.unlink()
    actions: dict[str, Callable[[], object]] = {
        "removed": lambda: None,
        "replaced": lambda: path.write_bytes(b"theirs"),
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "truncated": lambda: os.truncate(path, 5),
        "extended": lambda: path.write_bytes(path.read_bytes() + b'{"theirs":1}\n'),
        "half a line": lambda: path.write_bytes(path.read_bytes() + b'{"theirs'),
    }
    actions[how]()
    second = ledger.append({"number": 2})
    third = ledger.append({"number": 3})
    assert (second["n"], third["n"], third["previous"]) == (2, 3, second["hash"])
    assert [entry["number"] for entry in lines_of(path) if "number" in entry][-2:] == [2, 3]
    assert notes and broken_line_of(path, MOST) is not None


def test_a_folder_that_cannot_be_written_holds_lines_until_it_can(
    tmp_path: Path, opened: Callable[[], Ledger], path: Path, notes: list[str]
) -> None:
    gone = tmp_path.rename(tmp_path.with_name("elsewhere"))
    ledger = opened()
    for number in range(3):
        assert ledger.append({"number": number})["n"] == number + 1
    assert len(notes) == 1
    gone.rename(tmp_path)
    ledger.append({"number": 3})
    assert [entry["number"] for entry in lines_of(path)] == [0, 1, 2, 3]
    assert broken_line_of(path, MOST) is None


def test_a_full_disk_leaves_no_torn_line(path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from mlebench._support.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
notes = []
ledger = Ledger(Path(sys.argv[1]), notes.append)
ledger.append({"word": "x" * 1000})
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
ledger.append({"word": "y" * 1000})
assert Path(sys.argv[1]).stat().st_size == size, "torn"
assert notes, "silent"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.append({"word": "z"})
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [entry["word"][0] for entry in lines_of(path)] == ["x", "y", "z"]
    assert broken_line_of(path, MOST) is None


def test_what_can_never_be_written_is_held_only_up_to_a_bound(
    tmp_path: Path, path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 5)
    ledger = Ledger(tmp_path / "nowhere" / "calls.jsonl", notes.append)
    for number in range(9):
        ledger.append({"number": number})
    ledger.close()
    assert [note.partition("; ")[2] for note in notes] == [
        "lines are held until it can be written",
        "further ones are lost",
        "5 lines are lost",
    ]


def test_lines_of_others_are_read_within_bounds(path: Path) -> None:
    path.write_bytes(b'{"n":1}\n\nnull\n[]\n{"a":\n' + b'{"b":"' + b"x" * (2 * LONGEST_LINE) + b'"}\n{"n":2}\n{"n":3')
    assert list(ledger_lines(path, MOST)) == [{"n": 1}, {"n": 2}]
    with pytest.raises(OSError, match="larger than 1"):
        list(ledger_lines(path, 2**20))
    os.mkfifo(path.with_name("pipe"))
    with pytest.raises(OSError):
        list(ledger_lines(path.with_name("pipe"), MOST))


def test_times_never_run_backwards_even_where_the_clock_is_set_back(
    path: Path, opened: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        """A clock whose time a test sets."""

        hours = iter([12, 11, 11, 10, 13])

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 5, 1, next(cls.hours), tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", Clock)
    ledger = opened()
    ledger.append({})
    ledger.append({})
    ledger.close()
    again = opened()
    for _ in range(3):
        again.append({})
    assert [entry["at"][11:13] for entry in lines_of(path)] == ["12", "12", "12", "12", "13"]
    assert broken_line(lines_of(path)) is None
