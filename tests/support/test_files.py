"""A reader sees the old content or the new one."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from mlebench._support import files
from mlebench._support.yaml_model import read_yaml
from mlebench.errors import UsageError


def test_content_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"é": 1})
    reader = path.open(encoding="utf-8")
    files.write_json(path, {"b": 2})
    with reader:
        assert json.load(reader) == {"é": 1}
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_numbers_that_other_readers_refuse_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", float("nan"))
    assert not (tmp_path / "a.json").exists()


def test_yaml_keeps_the_order_and_letters(tmp_path: Path) -> None:
    files.write_yaml(tmp_path / "a.yaml", {"z": "ü", "a": [1, 2]})
    assert (tmp_path / "a.yaml").read_text(encoding="utf-8") == "z: ü\na:\n- 1\n- 2\n"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(mark + "é\r\n".encode())
    assert files.read_text(path, "give another").strip() == "é"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("id\n".encode("utf-16"), "is UTF-16 text, not UTF-8 text; save it as UTF-8, or give another"),
        (("id,y\n" * 20).encode("utf-16-le"), "is UTF-16 text"),
        (gzip.compress(b"id\n", mtime=0), "is gzip-compressed, not UTF-8 text; unpack it, or give another"),
        (b"PK\x03\x04\x00\x01", "is binary, not UTF-8 text"),
        (b"a\nb\n\xff\n", r"a\.txt, line 3 is not UTF-8 text \(byte 0xff\); give another"),
    ],
)
def test_what_is_no_utf8_text_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=what):
        files.read_text(path, "give another")


@pytest.mark.parametrize("name", ["gone", ".", "x" * 300, "nul\0"])
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"(cannot read .*|is a folder, not a file); give another$"):
        files.read_text(tmp_path / name, "give another")


def test_only_a_line_feed_ends_a_line() -> None:
    text = 'one\u2028still one\r\n\n  # a remark\n\x85two\u2029\n{"a": "\x0b"}'
    assert list(files.numbered_lines(text)) == [(1, "one\u2028still one"), (4, "two"), (5, '{"a": "\x0b"}')]


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[" * 100_000, "{", "1" * 5000])
def test_json_that_can_be_read_in_two_ways_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"twice|deeply|Expecting|digits"):
        files.parse_json(text)


def test_names_that_are_not_utf8_survive_json_and_yaml(tmp_path: Path) -> None:
    content = {"path": "n\udcff\u2028\x9b\x7f.csv", "né": "𝒳"}
    files.write_json(tmp_path / "a.json", content)
    files.write_yaml(tmp_path / "a.yaml", content)

    written = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert written.replace("\n", "").isprintable() and "né" in written and "𝒳" in written
    assert json.loads(written) == content
    assert read_yaml(tmp_path / "a.yaml") == content
    assert json.loads(files.json_text(content, ascii_only=True)) == content


def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_new_text(path, "one")
    with pytest.raises(FileExistsError):
        files.write_new_text(path, "two")
    assert path.read_text() == "one"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        files.write_new_text(tmp_path / "b.txt", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_new_file_needs_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", without)
    files.write_new_text(tmp_path / "a.txt", "one")
    with pytest.raises(FileExistsError):
        files.write_new_text(tmp_path / "a.txt", "two")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("a.txt", "one")]


def test_a_file_written_bit_by_bit_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as file:
        file.write(b"ne")
        raise ZeroDivisionError
    assert path.read_text() == "old" and [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    with files.replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
