"""Whatever an agent puts in the place of a file, opening it neither follows, nor waits, nor reads on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mlebench._support.plain_files import append_plain, first_entries, open_plain, read_plain


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pipe, "a pipe"),
        (listening, "a socket"),
        (Path.mkdir, "a folder"),
        (lambda path: path.symlink_to(__file__), "a link"),
        (lambda path: path.symlink_to("nowhere"), "a link"),
        (lambda path: path.symlink_to("/dev/zero"), "a link"),
    ],
    ids=["pipe", "socket", "folder", "link", "broken link", "device"],
)
def test_what_is_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make, kind: str) -> None:
    # the path of a socket is short
    monkeypatch.chdir(tmp_path)
    path = Path("x")
    make(path)
    for use in (open_plain, append_plain, lambda path: read_plain(path, 100)):
        with pytest.raises(OSError) as refused:
            use(tmp_path / "x")
        assert refused.value.strerror == kind


def test_a_pipe_that_somebody_reads_is_not_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    reader = os.open(tmp_path / "x", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="a pipe"):
        append_plain(tmp_path / "x")
    os.close(reader)


def test_no_part_of_a_path_below_ours_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.txt").write_text("text")
    (tmp_path / "door").symlink_to("logs")
    assert read_plain(tmp_path / "logs" / "a.txt", 4, within=tmp_path) == b"text"
    assert read_plain(tmp_path / "door" / "a.txt", 4) == b"text"
    with pytest.raises(OSError, match="a link"):
        read_plain(tmp_path / "door" / "a.txt", 4, within=tmp_path)


def test_a_file_that_is_missing_or_too_large_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none", 10, within=tmp_path)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match=r"larger than 1\.0 KiB"):
        read_plain(tmp_path / "sparse", 2**10)


def test_appending_makes_the_file_and_adds_to_it(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        with append_plain(tmp_path / "log") as file:
            file.write(text)
    assert (tmp_path / "log").read_bytes() == b"onetwo"


def test_of_a_folder_with_many_files_the_first_are_listed(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").touch()
    found, is_all = first_entries(tmp_path, tmp_path, 10)
    assert (len(found), is_all) == (10, False)
    assert [name for name, _ in found] == sorted(name for name, _ in found)
    assert first_entries(tmp_path, tmp_path, 30)[1]
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(OSError, match="a link"):
        first_entries(tmp_path / "link", tmp_path, 10)
