"""A log by ranges of bytes: every line once, in order, however the log is cut, and never more than a little of it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mlebench.reports.view.log_file import MOST_BYTES, MOST_LINES, LogLine, LogPart, read_earlier, read_end, read_later

HARNESS_LINE = "[mlebench] 2026-03-01 12:00:00 the agent starts"
LONG = 100 * 2**20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "run.log"


def texts(part: LogPart) -> list[str]:
    return [line.text for line in part.lines]


def end_of(log: Path) -> LogPart:
    return read_end(log, log.parent)


def the_line(log: Path, content: bytes) -> LogLine:
    log.write_bytes(content)
    (line,) = end_of(log).lines
    return line


def test_a_short_log_is_read_whole(log: Path) -> None:
    log.write_text("one\ntwo\nthree")
    part = end_of(log)
    assert (texts(part), part.start, part.end, part.size) == (["one", "two"], 0, 8, 13)
    assert part.last is not None and (part.last.start, part.last.text) == (8, "three")


def test_an_empty_log_has_no_lines(log: Path) -> None:
    log.touch()
    assert (texts(end_of(log)), end_of(log).last, end_of(log).size) == ([], None, 0)


def test_backwards_through_a_large_log_every_line_comes_once(log: Path) -> None:
    rng = random.Random(0)
    written = [f"{number} {'é☃x' * rng.randrange(40)}" for number in range(20_000)]
    log.write_text("\n".join(written) + "\n")
    part = end_of(log)
    found = texts(part)
    while part.start:
        assert part.end - part.start <= MOST_BYTES
        part = read_earlier(log, log.parent, part.start)
        found = texts(part) + found
    assert found == written


def test_forwards_through_a_log_that_grows_every_line_comes_once(log: Path) -> None:
    rng = random.Random(1)
    content = "".join(f"{number} {'é☃x' * rng.randrange(40)}\n" for number in range(3000)).encode()
    log.touch()
    part, found, place = end_of(log), list[str](), 0
    while place < len(content) or part.end < part.size:
        with log.open("ab") as file:
            file.write(content[place : (place := place + rng.randrange(5000))])
        asked = part.end
        part = read_later(log, log.parent, asked, part.file, part.searched)
        assert part.start == asked
        found += texts(part)
    assert found == content.decode().splitlines()


def test_a_part_has_a_bounded_number_of_lines(log: Path) -> None:
    log.write_bytes(b"\n" * 3 * MOST_BYTES)
    part = end_of(log)
    assert (len(part.lines), part.start, part.end) == (MOST_LINES, part.size - MOST_LINES, part.size)
    earlier = read_earlier(log, log.parent, part.start)
    assert (len(earlier.lines), earlier.end, earlier.start) == (MOST_LINES, part.start, part.start - MOST_LINES)
    later = read_later(log, log.parent, earlier.start, part.file)
    assert (len(later.lines), later.end, later.last) == (MOST_LINES, part.start, None)


def test_whoever_is_far_behind_is_given_the_end(log: Path) -> None:
    log.write_bytes(b"a line\n" * 100_000)
    part = read_later(log, log.parent, 0)
    assert part.start > 0 and part.end == part.size


def test_another_file_or_a_shorter_one_is_given_from_its_end(log: Path) -> None:
    log.write_text("first\nsecond\n")
    before = end_of(log)
    log.unlink()
    (log.parent / "other").write_text("another\nlog\nof more bytes\n")
    (log.parent / "other").rename(log)
    replaced = read_later(log, log.parent, before.end, before.file)
    assert (replaced.is_anew, replaced.start, texts(replaced)) == (True, 0, ["another", "log", "of more bytes"])
    assert read_earlier(log, log.parent, 6, before.file).is_anew
    assert not read_later(log, log.parent, replaced.end, replaced.file).is_anew
    os.truncate(log, 8)
    cut = read_later(log, log.parent, replaced.end, replaced.file)
    assert (cut.is_anew, cut.start, texts(cut)) == (True, 0, ["another"])


@pytest.mark.parametrize("name", ["x", "1-2-3", "1-2-9999999999999999-0", "1-2-³-0", "-" * 1000])
def test_a_file_that_nobody_named_so_is_read_from_its_end(log: Path, name: str) -> None:
    log.write_text("one\n")
    assert read_later(log, log.parent, 0, name).is_anew


def test_of_a_line_of_100_mb_both_ends_are_shown_with_the_bytes_left_out(log: Path) -> None:
    with log.open("wb") as file:
        file.write(b"before\n" + b"begin")
        file.truncate(LONG)
        file.seek(LONG)
        file.write(b"end\nafter\n")
    part = end_of(log)
    assert texts(part) == ["after"]
    long = read_earlier(log, log.parent, part.start)
    (line,) = long.lines
    assert line.text.startswith("begin\\x00") and line.text.endswith("end") and len(line.text) < 50_000
    assert "bytes of this line omitted" in line.text
    shown_at_least = 8000
    assert LONG - shown_at_least - 1000 < int(line.text.split(" … ")[1].split(" ")[0].replace(",", "")) < LONG


def test_a_long_line_without_an_end_is_found_from_its_beginning_and_looked_through_once(log: Path) -> None:
    log.write_bytes(b"first\n" + b"y" * 3 * MOST_BYTES)
    part = end_of(log)
    assert (part.start, part.end, part.searched) == (6, 6, part.size)
    assert part.last is not None and part.last.text.startswith("yyy") and "omitted" in part.last.text
    with log.open("ab") as file:
        file.write(b"end\nnext\n")
    grown = read_later(log, log.parent, part.end, part.file, part.searched)
    assert [text[-3:] for text in texts(grown)] == ["end"] and grown.end == grown.size - len("next\n")
    assert texts(read_later(log, log.parent, grown.end, part.file)) == ["next"]


def test_a_log_of_10_gb_is_read_at_its_end_alone(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with log.open("wb") as file:
        file.truncate(10 * 2**30)
        file.seek(10 * 2**30)
        file.write(b"\n" + b"a line\n" * 20_000)
    taken = list[int]()
    pread = os.pread
    monkeypatch.setattr("mlebench.reports.view.log_file.os.pread", lambda *call: taken.append(call[1]) or pread(*call))  # type: ignore[func-returns-value]
    part = end_of(log)
    read_earlier(log, log.parent, part.start)
    assert sum(taken) < 4 * MOST_BYTES


def test_a_bar_that_is_drawn_over_and_over_is_shown_as_it_was_last(log: Path) -> None:
    assert the_line(log, b" 1%|#    |\r50%|##   |\r100%|#####| done\r\n").text == "100%|#####| done"
    bar = b"".join(b"%d%%|#####|\r" % share for share in range(100)) * 100
    log.write_bytes(bar + b"99%|now|")
    last = end_of(log).last
    assert last is not None and last.text == "99%|now|"


def test_windows_line_ends_are_no_part_of_a_line(log: Path) -> None:
    log.write_bytes(b"one\r\n\r\ntwo\r\n")
    assert texts(end_of(log)) == ["one", "", "two"]


def test_colours_are_words_of_a_fixed_set(log: Path) -> None:
    line = the_line(log, b"\x1b[1;31mred\x1b[0m plain \x1b[38;5;196;42mnot the palette\x1b[92mgreen\x1b[39m\x1b[K back\n")
    assert [tuple(span) for span in line.spans] == [
        ("b c1", "red"),
        ("", " plain "),
        ("", "not the palette"),
        ("c2", "green"),
        ("", " back"),
    ]


def test_many_colours_in_a_line_are_cut_short_and_no_letter_is_lost(log: Path) -> None:
    line = the_line(log, b"\x1b[31ma\x1b[32mb" * 500 + b"\n")
    assert (line.text, len(line.spans)) == ("ab" * 500, 20)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x1b[2J\x1b[1;1Hcleared", r"\x1b[2J\x1b[1;1Hcleared"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202egpj.exe\u2066".encode(), r"\u202egpj.exe\u2066"),
        ("a\u200bb\x85c\u2028d".encode(), r"a\u200bb\x85c\u2028d"),
        (b"\x00\x08\x7f\x9b31m", r"\x00\x08\x7f\x9b31m"),
        (b"\xff\xfe\xed\xa0\x80", r"\xff\xfe\xed\xa0\x80"),
        (b"a\tb", "a   b"),
        (b"\x1b[" + b"9" * 100 + b"mx", "x"),
    ],
)
def test_every_other_control_character_is_written_out(log: Path, content: bytes, shown: str) -> None:
    assert the_line(log, content + b"\n").text == shown


def test_lines_of_the_harness_are_known_by_how_they_begin(log: Path) -> None:
    assert the_line(log, HARNESS_LINE.encode() + b"\n").is_harness
    assert not the_line(log, b"say [mlebench] here\n").is_harness
    assert not the_line(log, b"\x1b[31m[mlebench] red\n").is_harness
    assert not the_line(log, b"drawn over\r[mlebench] later\n").is_harness


def test_what_is_no_log_is_said(log: Path) -> None:
    assert (end_of(log).file, end_of(log).problem) == ("", "")
    log.mkdir()
    assert end_of(log).problem == "a folder"
    log.rmdir()
    os.mkfifo(log)
    assert end_of(log).problem == "a pipe"
    log.unlink()
    log.symlink_to("/etc/passwd")
    assert end_of(log).problem == "a link"


def test_no_link_above_the_log_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "run.log").write_text("secret\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "attempts").symlink_to(tmp_path / "outside")
    part = read_end(tmp_path / "run" / "attempts" / "run.log", tmp_path / "run")
    assert (part.lines, part.problem) == ((), "a link")


def test_a_place_that_is_none_breaks_nothing(log: Path) -> None:
    log.write_text("one\ntwo\n")
    assert texts(read_earlier(log, log.parent, 10**15)) == ["one", "two"]
    assert texts(read_earlier(log, log.parent, 0)) == []
    assert texts(read_later(log, log.parent, 10**15)) == ["one", "two"]
    assert texts(read_later(log, log.parent, 4, searched=10**15)) == ["two"]
