"""What an agent wrote is counted whatever it does with its folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlebench.sandbox.local.watchdog import Limits, Watchdog

MEBIBYTE = 2**20


def watchdog(*folders: Path, disk: int = 10 * MEBIBYTE) -> Watchdog:
    return Watchdog(os.getpid(), Limits(memory=2**30, pids=100, disk=disk), list(folders))


def fill(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_within_its_limit_nothing_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "b" / "x", 4 * MEBIBYTE)
    assert not watchdog(tmp_path).look()


def test_all_folders_together_count(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        fill(tmp_path / name / "x", 4 * MEBIBYTE)
    watching = watchdog(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    assert watching.look()
    assert watching.seen["reason"] == "disk-full" and watching.seen["used"] >= 12 * MEBIBYTE


def test_a_closed_folder_counts(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "b" / "x", 12 * MEBIBYTE)
    (tmp_path / "a").chmod(0)
    assert watchdog(tmp_path).look()


def test_holes_and_links_count_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere" / "x", 12 * MEBIBYTE)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "link").symlink_to(tmp_path / "elsewhere")
    with (mine / "sparse").open("wb") as file:
        file.truncate(2**40)
    assert not watchdog(mine).look()


@pytest.mark.parametrize(("depth", "reason"), [(200, None), (300, "disk-unmeasured")])
def test_folders_nested_beyond_counting_end_a_run(tmp_path: Path, depth: int, reason: str | None) -> None:
    folder = tmp_path
    for _ in range(depth):
        folder /= "d"
    folder.mkdir(parents=True)
    watching = watchdog(tmp_path)
    watching.look()
    assert watching.seen.get("reason") == reason


def test_a_folder_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    assert not watchdog(tmp_path / "gone").look()
