"""A value made of files is that of the files as they are now, and is made once for each state of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench._support.kept import Kept
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**12)


def written_in_place(path: Path) -> None:
    path.write_text("22")


def replaced(path: Path) -> None:
    (path.parent / "new").write_text("22")
    (path.parent / "new").replace(path)


def written_at_the_same_time(path: Path) -> None:
    status = path.stat()
    path.write_text("22")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def removed(path: Path) -> None:
    path.unlink()


def let_the_clock_of_files_move(path: Path) -> None:
    """Most kernels give the same time to all that is written within some milliseconds."""
    later = path.with_name("later")

    def is_later() -> bool:
        later.write_text("")
        return later.stat().st_ctime_ns > path.stat().st_ctime_ns

    wait_until(is_later, every=0.001)


@pytest.mark.parametrize("change", [written_in_place, replaced, written_at_the_same_time, removed])
def test_it_is_made_anew_when_a_file_changes(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "file"
    value, made = Kept[str](), []

    def get() -> str:
        return value.get([tmp_path / "other", path], lambda: made.append(1) or (path.read_text() if path.exists() else "none"))  # type: ignore[func-returns-value]

    assert get() == get() == "none"
    path.write_text("11")
    assert get() == get() == "11"
    assert len(made) == 2
    let_the_clock_of_files_move(path)
    change(path)
    assert get() == get() == ("none" if change is removed else "22")
    assert len(made) == 3


def test_a_file_that_may_change_again_unseen_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("11")
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns)
    value = Kept[str]()
    assert value.get([path], path.read_text) == "11"
    assert value.get([path], lambda: "read again") == "read again"


def test_what_reading_raises_is_not_kept(tmp_path: Path) -> None:
    value = Kept[str]()
    with pytest.raises(FileNotFoundError):
        value.get([tmp_path / "file"], (tmp_path / "file").read_text)
    assert value.get([tmp_path / "file"], lambda: "") == ""
