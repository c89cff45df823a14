"""What a local agent left comes to the state in which a container's outputs come out."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from mlebench.sandbox.local.outputs import reclaim, settle
from tests.ordinary_user import needs_root


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for name in ("submission", "logs", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "submission" / "submission.csv").write_text("id,y\n")
    return tmp_path


def settled(run_dir: Path, largest: int = 10**6, secrets: tuple[str, ...] = ()) -> list[str]:
    notes: list[str] = []
    settle(run_dir, largest, notes.append, secrets)
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


SECRET = "sk-0123456789abcdef"


def test_secrets_are_masked_in_content_and_names(run_dir: Path) -> None:
    code = run_dir / "code"
    (code / "plain").write_text("print()")
    (code / "large").write_bytes(b"x" * (2**20 - 5) + SECRET.encode() + b"y" * 10)
    (code / f"of-{SECRET}" / "a").mkdir(parents=True)
    (code / f"of-{SECRET}" / "a" / f"{SECRET}.txt").write_text(f"{SECRET}\n")
    (code / f"of-{SECRET}" / "a" / "***.txt").write_text("its own")
    (code / f"link-{SECRET}").symlink_to(SECRET)
    (run_dir / "submission" / "submission.csv").write_text(f"id,y\n{SECRET},1\n")
    before = (code / "plain").stat()
    notes = settled(run_dir, 10**8, (SECRET,))
    assert notes == ["left out code/link-***: a link"]
    assert (run_dir / "submission" / "submission.csv").read_text() == "id,y\n***,1\n"
    assert (code / "large").read_bytes() == b"x" * (2**20 - 5) + b"***" + b"y" * 10
    assert {path.name for path in (code / "of-***" / "a").iterdir()} == {"***.txt", "***.txt-2"}
    assert (code / "plain").stat() == before
    assert not any(SECRET.encode() in path.read_bytes() for path in run_dir.rglob("*") if path.is_file())


def test_masking_writes_into_no_file_that_has_another_name(run_dir: Path) -> None:
    (run_dir / "code" / "a").write_text(SECRET)
    (run_dir / "code" / "b").hardlink_to(run_dir / "code" / "a")
    assert settled(run_dir, 10**6, (SECRET,)) == []
    assert (run_dir / "code" / "a").read_text() == (run_dir / "code" / "b").read_text() == "***"


def test_a_file_with_a_name_outside_the_run_is_left_out_and_stays_as_it_is(run_dir: Path, tmp_path: Path) -> None:
    outside = tmp_path / "private" / "answers.csv"
    outside.parent.mkdir()
    outside.write_text(f"id,y\n{SECRET},1\n")
    outside.chmod(0o440)
    inside = run_dir / "runs" / "run"
    for name in ("submission", "logs", "code"):
        (inside / name).mkdir(parents=True)
    (inside / "submission" / "submission.csv").hardlink_to(outside)
    (inside / "code" / "best.csv").write_text("kept")
    (inside / "submission" / "best.csv").hardlink_to(inside / "code" / "best.csv")
    assert settled(inside, 10**6, (SECRET,)) == ["left out submission/submission.csv: a link to a file outside the run's folder"]
    assert SECRET in outside.read_text() and stat.S_IMODE(outside.stat().st_mode) == 0o440
    assert (inside / "submission" / "best.csv").read_text() == "kept"


def test_a_flood_of_files_is_cut_and_the_submission_kept(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.sandbox.local.outputs._MOST_ENTRIES", 100)
    for number in range(1000):
        (run_dir / "submission" / f"{number}").touch()
    notes = settled(run_dir)
    assert len(notes) == 21 and "left out 880 more of submission/: more than 100 files and folders" in notes
    assert (run_dir / "submission" / "submission.csv").exists()
    assert len(list((run_dir / "submission").iterdir())) == 101


def test_a_giant_of_holes_or_of_hidden_blocks_is_left_out(run_dir: Path) -> None:
    with (run_dir / "submission" / "submission.csv").open("wb") as file:
        file.truncate(10**11)
    with (run_dir / "code" / "hidden").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 8 * 2**20)
    (first, second) = settled(run_dir, largest=2**20)
    assert first.startswith("left out submission/submission.csv: 93.1 GiB") and second.startswith("left out code/hidden: 8.0 MiB")


def test_names_that_are_no_utf_8_are_kept(run_dir: Path) -> None:
    name = os.fsdecode(b"n\xff\n" + SECRET.encode())
    (run_dir / "code" / name).write_text("kept")
    assert settled(run_dir, 10**6, (SECRET,)) == []
    assert (run_dir / "code" / os.fsdecode(b"n\xff\n***")).read_text() == "kept"


def test_a_runs_folder_that_is_a_link_is_made_anew_and_nothing_behind_it_is_touched(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "resolv.conf").symlink_to("nowhere")
    (tmp_path / "run").symlink_to(theirs)
    notes: list[str] = []
    reclaim(tmp_path / "run", notes.append)
    assert (theirs / "resolv.conf").is_symlink()
    assert (tmp_path / "run").is_dir() and not (tmp_path / "run").is_symlink()
    assert notes == ["run blocked a name that the harness uses and was removed"]


@needs_root
def test_what_nobody_may_change_is_released(run_dir: Path) -> None:
    (run_dir / "run.log").touch()
    os.mkfifo(run_dir / "code" / "pipe")
    (run_dir / "code" / "deep").mkdir()
    (run_dir / "code" / "deep" / "link").symlink_to("/")
    paths = [run_dir / "run.log", run_dir / "submission" / "submission.csv", run_dir / "code" / "deep", run_dir / "code", run_dir]
    try:
        if subprocess.run(["chattr", "+i", *map(str, paths)], check=False, capture_output=True).returncode:
            pytest.skip("this file system has no such attributes")
        reclaim(run_dir, [].append)
        (run_dir / "new").touch()
        notes = settled(run_dir)
        assert sorted(notes) == ["left out code/deep/link: a link", "left out code/pipe: a pipe"]
        (run_dir / "run.log").write_text("again")
    finally:
        subprocess.run(["chattr", "-i", *map(str, reversed(paths))], check=False, capture_output=True)


@needs_root
def test_nothing_that_is_mounted_in_a_run_is_changed(run_dir: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to("/")
    (run_dir / "code" / "in").mkdir()
    if subprocess.run(["mount", "--bind", theirs, run_dir / "code" / "in"], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    assert settled(run_dir) == ["left out code: something is mounted there"]
    reclaim(run_dir, [].append)
    assert settled(run_dir) == []
    assert (theirs / "link").is_symlink() and list((run_dir / "code" / "in").iterdir()) == []
