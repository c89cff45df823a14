"""Tar archives: repacked in one pass, with the same bytes each time."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from mlebench.data.archives import read_tar, tar_entries, write_tar
from mlebench.errors import WorkFailed

FILES = {"birds/1/a.jpg": b"one" * 1000, "plants/2/b.jpg": b"", "c.txt": b"three"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "files"


@pytest.mark.parametrize("gzipped", [False, True])
def test_entries_come_back_in_order(folder: Path, tmp_path: Path, gzipped: bool) -> None:
    archive = tmp_path / "out.tar.gz"
    assert write_tar(archive, tar_entries(folder, FILES), gzipped=gzipped) == 3
    assert {entry.name: entry.file.read() for entry in read_tar(archive)} == FILES
    assert archive.read_bytes().startswith(b"\x1f\x8b") == gzipped
    listed = subprocess.run(["tar", "tf", archive], capture_output=True, text=True, check=True).stdout
    assert listed.split() == list(FILES)


def test_repacking_renames_drops_and_fixes_dates(folder: Path, tmp_path: Path) -> None:
    write_tar(tmp_path / "one.tar", tar_entries(folder, FILES), gzipped=False)
    entries = (entry._replace(name=f"top/{entry.name}") for entry in read_tar(tmp_path / "one.tar") if entry.size)
    write_tar(tmp_path / "two.tar", entries, gzipped=False)
    with tarfile.open(tmp_path / "two.tar") as packed:
        assert packed.getnames() == ["top/birds/1/a.jpg", "top/c.txt"]
        assert len({member.mtime for member in packed}) == 1


def test_damaged_and_unsafe_archives_are_named(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "whole.tar.gz"
    write_tar(archive, tar_entries(folder, FILES), gzipped=True)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(WorkFailed, match=r"cut\.tar\.gz is damaged"):
        list(read_tar(cut))
    with pytest.raises(WorkFailed, match=r"none\.tar is missing"):
        list(read_tar(tmp_path / "none.tar"))
    with tarfile.open(tmp_path / "evil.tar", "w") as packed:
        packed.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with pytest.raises(WorkFailed, match="a path outside its folder"):
        list(read_tar(tmp_path / "evil.tar"))
    with pytest.raises(WorkFailed, match="gone"):
        write_tar(tmp_path / "out.tar", tar_entries(folder, ["gone"]), gzipped=False)
