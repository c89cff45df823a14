"""What an agent wrote is counted whatever it does with its folders."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from mlebench.sandbox.local.census import Census
from mlebench.sandbox.local.watchdog import Limits, Watchdog

MEBIBYTE = 2**20


def watchdog(*folders: Path, disk: int = 10 * MEBIBYTE) -> Watchdog:
    return Watchdog(os.getpid(), Limits(memory=2**30, pids=100, disk=disk), list(folders))


def finds_excess(watching: Watchdog) -> bool:
    """Whether a whole count finds one; it takes several looks on a busy machine."""
    found = False
    while "disk_bytes" not in watching.seen:
        found = watching.look()
    return found


def fill(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_within_its_limit_nothing_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "b" / "x", 4 * MEBIBYTE)
    assert not finds_excess(watchdog(tmp_path))


def test_all_folders_together_count(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        fill(tmp_path / name / "x", 4 * MEBIBYTE)
    watching = watchdog(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    assert finds_excess(watching)
    assert watching.seen["reason"] == "disk-full" and watching.seen["used"] >= 12 * MEBIBYTE


def test_a_closed_folder_counts(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "b" / "x", 12 * MEBIBYTE)
    (tmp_path / "a").chmod(0)
    assert finds_excess(watchdog(tmp_path))


def test_holes_and_links_count_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere" / "x", 12 * MEBIBYTE)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "link").symlink_to(tmp_path / "elsewhere")
    with (mine / "sparse").open("wb") as file:
        file.truncate(2**40)
    assert not finds_excess(watchdog(mine))


@pytest.mark.parametrize(("depth", "reason"), [(200, None), (300, "disk-unmeasured")])
def test_folders_nested_beyond_counting_end_a_run(tmp_path: Path, depth: int, reason: str | None) -> None:
    folder = tmp_path
    for _ in range(depth):
        folder /= "d"
    folder.mkdir(parents=True)
    watching = watchdog(tmp_path)
    finds_excess(watching)
    assert watching.seen.get("reason") == reason


def test_a_folder_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    assert not finds_excess(watchdog(tmp_path / "gone"))


def test_a_flood_of_files_is_counted_between_other_looks(tmp_path: Path) -> None:
    for number in range(20_000):
        (tmp_path / str(number)).touch()
    census = Census([tmp_path], list, enough=MEBIBYTE * 10)
    steps = 1
    while not census.advance(0.001):
        steps += 1
    assert steps > 2
    assert census.entries == 20_000


def test_what_is_open_or_mapped_without_a_name_counts_once(tmp_path: Path) -> None:
    held = tmp_path / "held"
    fill(held, 4 * MEBIBYTE)
    with held.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        named = Census([tmp_path], lambda: [Path("/proc/self")], enough=2**40)
        assert named.advance(60)
        held.unlink()
        nameless = Census([tmp_path], lambda: [Path("/proc/self")] * 2, enough=2**40)
        assert nameless.advance(60)
    # others of this process may be there as well
    assert named.size >= 4 * MEBIBYTE and 4 * MEBIBYTE <= nameless.size < named.size + 4 * MEBIBYTE
