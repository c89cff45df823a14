"""Whatever an agent left in its working folder is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlebench._support.folders import remove_tree


def test_folders_nested_deeper_than_any_path_or_stack_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for number in range(3000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(os.open(f"file{number}", os.O_CREAT, dir_fd=inner))
        os.close(here)
        here = inner
    os.close(here)
    remove_tree(folder)
    assert list(tmp_path.iterdir()) == []


def test_closed_folders_links_pipes_and_odd_names_are_removed_and_no_link_is_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / "x"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "link").symlink_to(kept)
    (folder / "link").symlink_to(kept)
    os.mkfifo(folder / "a" / "b" / "pipe")
    Path(os.fsdecode(bytes(folder) + b"/\xff\n")).mkdir()
    for closed in (folder / "a" / "b", folder / "a", folder):
        closed.chmod(0)
    remove_tree(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] and (kept / "file").exists()


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/"), os.mkfifo, lambda path: None])
def test_what_is_no_folder_is_removed_too(tmp_path: Path, make) -> None:
    make(tmp_path / "x")
    remove_tree(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
