"""What a local agent left comes to the state in which a container's outputs come out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mlebench.sandbox.local.outputs import reclaim, settle


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for name in ("submission", "logs", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "submission" / "submission.csv").write_text("id,y\n")
    return tmp_path


def settled(run_dir: Path, largest: int = 10**6) -> list[str]:
    notes: list[str] = []
    settle(run_dir, largest, notes.append)
    return notes


def test_plain_files_stay_as_they_are(run_dir: Path) -> None:
    (run_dir / "code" / "a.py").write_text("print()")
    (run_dir / "code" / "run.sh").touch(mode=0o755)
    assert settled(run_dir) == []
    assert (run_dir / "code" / "a.py").read_text() == "print()"
    assert stat.S_IMODE((run_dir / "code" / "run.sh").stat().st_mode) == 0o755


def test_what_is_no_file_goes_and_what_was_closed_is_opened(run_dir: Path) -> None:
    code = run_dir / "code"
    (code / "link").symlink_to("/etc/passwd")
    os.mkfifo(code / "pipe")
    (code / "a" / "b").mkdir(parents=True)
    (code / "a" / "b" / "kept").write_text("kept")
    (code / "setuid").touch()
    (code / "setuid").chmod(0o6777)
    for closed in (code / "a" / "b" / "kept", code / "a" / "b", code / "a", run_dir / "submission" / "submission.csv"):
        closed.chmod(0)
    assert sorted(settled(run_dir)) == ["left out code/link: a link", "left out code/pipe: a pipe"]
    assert (code / "a" / "b" / "kept").read_text() == "kept"
    assert stat.S_IMODE((run_dir / "submission" / "submission.csv").stat().st_mode) == 0o400
    assert stat.S_IMODE((code / "setuid").stat().st_mode) == 0o777
    assert sorted(path.name for path in code.iterdir()) == ["a", "setuid"]


def test_sizes_are_bounded_and_the_submission_does_not_count(run_dir: Path) -> None:
    (run_dir / "submission" / "submission.csv").write_text("x" * 2000)
    (run_dir / "code" / "large").write_text("x" * 2000)
    (run_dir / "logs" / "small").write_text("x" * 500)
    assert settled(run_dir, largest=1000) == ["left out code/large: 2.0 KiB, more than may be kept"]
    assert (run_dir / "submission" / "submission.csv").exists() and (run_dir / "logs" / "small").exists()


def test_deep_folders_and_long_paths_end_somewhere(run_dir: Path) -> None:
    here = os.open(run_dir / "code", os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (note,) = settled(run_dir)
    assert "nested too deeply" in note and len(note) < 300


def test_folders_that_were_replaced_are_folders_again(run_dir: Path) -> None:
    (run_dir / "logs").rmdir()
    (run_dir / "code").rmdir()
    (run_dir / "code").symlink_to("/etc")
    notes = settled(run_dir)
    assert sorted(notes) == ["left out code: a link, not a folder any more", "left out logs: the agent removed it"]
    assert (run_dir / "code").is_dir() and not (run_dir / "code").is_symlink() and (run_dir / "logs").is_dir()


def test_the_runs_folder_is_usable_again(run_dir: Path) -> None:
    (run_dir / "run.json").mkdir()
    os.mkfifo(run_dir / "run.log")
    (run_dir / "snapshots").touch()
    (run_dir / "cancel").touch()
    run_dir.chmod(0)
    reclaim(run_dir, [].append)
    assert sorted(path.name for path in run_dir.iterdir()) == ["cancel", "code", "logs", "submission"]
    reclaim(run_dir / "gone", [].append)
    assert (run_dir / "gone").is_dir()
