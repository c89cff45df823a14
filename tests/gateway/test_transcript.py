"""Texts of calls are kept whole, without secrets, within a bound, and nowhere but in their folder."""

from __future__ import annotations

import base64
import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from mlebench.gateway import transcript as module
from mlebench.gateway.transcript import CallTexts, Transcript, texts_name, unpack_texts

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "transcript"


@pytest.fixture
def notes() -> list[str]:
    return []


def read(folder: Path, n: int = 1) -> dict[str, str]:
    content: dict[str, str] = json.loads(gzip.decompress((folder / f"{n:06d}.json.gz").read_bytes()))
    return content


def test_the_texts_of_a_call_are_kept_under_its_number(folder: Path, notes: list[str]) -> None:
    transcript = Transcript(folder, (KEY,), True, notes.append)
    transcript.keep(1, '{"input": "é"}'.encode(), b"data: 1\n\n")
    transcript.keep(1234567, b"", b"\xff\0")
    assert read(folder) == {"request": '{"input": "é"}', "response": "data: 1\n\n"}
    assert read(folder, 1234567) == {"request": "", "response": "\\xff\0"}
    assert sorted(path.name for path in folder.iterdir()) == ["000001.json.gz", "1234567.json.gz"]
    assert notes == []


def test_the_same_call_gives_the_same_bytes(folder: Path) -> None:
    transcript = Transcript(folder, (), True)
    transcript.keep(1, b"a" * 1000, b"b")
    transcript.keep(2, b"a" * 1000, b"b")
    assert (folder / "000001.json.gz").read_bytes() == (folder / "000002.json.gz").read_bytes()


def test_nothing_is_written_where_only_usage_is_recorded(folder: Path) -> None:
    Transcript(folder, (KEY,), False).keep(1, b"a", b"b")
    assert not folder.exists()


@pytest.mark.parametrize("form", [KEY, base64.b64encode(KEY.encode()).decode(), KEY.encode().hex(), json.dumps({"k": KEY})])
@pytest.mark.parametrize("before", [0, module._BLOCK - 5, 3 * module._BLOCK - 12])
def test_secrets_are_masked_wherever_they_stand(folder: Path, form: str, before: int) -> None:
    body = b"x" * before + f" {form} ".encode()
    Transcript(folder, (KEY,), True).keep(1, body, body)
    raw = json.dumps(read(folder))
    assert "***" in raw and form not in raw and KEY[5:] not in raw


def test_more_than_the_bound_is_not_kept_and_said_once(folder: Path, notes: list[str]) -> None:
    transcript = Transcript(folder, (), True, notes.append, most=3000)
    for number in range(1, 6):
        transcript.keep(number, os.urandom(700), b"")
    assert 0 < sum(path.stat().st_size for path in folder.iterdir()) <= 3000
    assert notes == ["the texts of further calls are left out of transcript/: it has 2.9 KiB"]


@pytest.mark.parametrize(
    "kind", ["a link", "a file", "nothing above", "a pipe in the file's place", "a folder in the file's place"]
)
def test_no_fault_of_the_folder_reaches_the_call(tmp_path: Path, folder: Path, notes: list[str], kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "a link":
        folder.symlink_to(elsewhere)
    elif kind == "a file":
        folder.write_text("theirs")
    elif kind == "nothing above":
        folder = tmp_path / "gone" / "transcript"
    else:
        folder.mkdir()
        os.mkfifo(folder / "000001.json.gz") if "pipe" in kind else (folder / "000001.json.gz").mkdir()
    Transcript(folder, (), True, notes.append).keep(1, b"a", b"b")
    assert list(elsewhere.iterdir()) == []
    if "pipe" in kind:
        assert read(folder) == {"request": "a", "response": "b"}
    else:
        assert len(notes) == 1 and notes[0].startswith("the texts of a call could not be kept in transcript/: ")
    assert not [path for path in folder.glob(".*") if folder.is_dir()]


def test_a_large_body_takes_a_few_times_its_size(folder: Path) -> None:
    body = b"0123456789abcdef" * (10 * 2**16)
    tracemalloc.start()
    try:
        Transcript(folder, (KEY,), True).keep(1, body, b"")
        assert tracemalloc.get_traced_memory()[1] < 6 * len(body)
    finally:
        tracemalloc.stop()
    assert len(read(folder)["request"]) == len(body)


def test_texts_are_unpacked_as_they_were_kept(folder: Path) -> None:
    Transcript(folder, (KEY,), True).keep(7, f"äöü {KEY}".encode(), b"\xff")
    texts = unpack_texts((folder / texts_name(7)).read_bytes())
    assert texts == CallTexts(texts.request, "\\xff") and texts.request.startswith("äöü ") and KEY not in texts.request


@pytest.mark.parametrize(
    "content",
    [b"", b"x", gzip.compress(b"[]"), gzip.compress(b'{"request": "a"}'), gzip.compress(b'{"request": "a", "response": 1}')],
    ids=["empty", "no gzip", "a list", "half", "a number"],
)
def test_a_file_without_texts_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        unpack_texts(content)


def test_a_file_that_unpacks_to_more_than_any_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="it holds more than"):
        unpack_texts(gzip.compress(bytes(1001)), 1000)
