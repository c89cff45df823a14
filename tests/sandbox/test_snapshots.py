"""Versions of a submission are kept while the agent goes on, each once, by the time since the start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlebench.sandbox.snapshots import Snapshots

STARTED = 1_700_000_000.0


class Run:
    """A run whose clock stands until it is moved; `due` and `take` are asked as a handle does."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = STARTED
        monkeypatch.setattr("time.time", lambda: self.now)
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.submission = folder / "submission.csv"
        self.folder = folder / "snapshots"
        self.notes: list[str] = []
        self.snapshots = self.again()

    def again(self) -> Snapshots:
        return Snapshots(self.folder, 10, STARTED, self.notes.append)

    def write(self, text: str, *, ago: float = 5) -> None:
        self.submission.write_text(text)
        os.utime(self.submission, (self.now - ago, self.now - ago))

    def look(self, after: float = 10) -> Path | None:
        self.now += after
        assert self.snapshots.due()
        return self.snapshots.take(self.submission)

    def kept(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.folder.iterdir())}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_each_version_is_kept_once_and_named_by_its_time(run: Run) -> None:
    assert run.look() is None
    run.write("one")
    run.look()
    run.look()
    run.write("two")
    run.look(after=3700)
    assert run.kept() == {"000020.csv": "one", "010210.csv": "two"}
    assert not run.snapshots.due()


def test_a_later_harness_knows_what_was_kept(run: Run) -> None:
    run.write("one")
    run.look()
    run.snapshots = run.again()
    assert run.look() is None
    assert run.kept() == {"000010.csv": "one"}


def test_a_file_that_is_being_written_is_left_alone(run: Run) -> None:
    run.write("half", ago=-9.5)
    assert run.look() is None
    assert not run.folder.exists() or run.kept() == {}


def test_what_is_no_plain_file_is_no_snapshot(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("answers")
    run.submission.symlink_to(tmp_path / "secret")
    assert run.look() is None
    run.submission.unlink()
    os.mkfifo(run.submission)
    assert run.look() is None
    run.submission.unlink()
    run.submission.mkdir()
    assert run.look() is None
    assert run.notes == []


def test_never_looks_when_told_so(tmp_path: Path) -> None:
    assert not Snapshots(tmp_path, 0, 0.0, print).due()


def test_copies_that_cannot_be_kept_are_said_once_and_again_when_they_can(run: Run, tmp_path: Path) -> None:
    run.folder.write_text("in the way")
    run.write("one")
    for _ in range(6):
        assert run.look() is None
    assert len(run.notes) == 1 and "no snapshots" in run.notes[0]
    run.folder.unlink()
    run.look()
    assert run.kept() == {"000110.csv": "one"}
    assert len(run.notes) == 2


def test_a_submission_that_the_engine_does_not_hand_out_is_looked_for_again_after_a_while(run: Run) -> None:
    for _ in range(6):
        run.now += 10
        assert run.snapshots.due()
        run.snapshots.missed("500 Server Error")
        assert not run.snapshots.due()
    assert run.notes == ["no snapshots of the submission are kept (500 Server Error)"]


def test_secrets_in_a_submission_are_masked_in_its_copy(run: Run) -> None:
    run.snapshots = Snapshots(run.folder, 10, STARTED, run.notes.append, ("sk-secret-value",))
    run.write("id,y\na,sk-secret-value\n")
    run.look()
    assert run.kept() == {"000010.csv": "id,y\na,***\n"}


def test_a_kept_copy_that_is_no_file_any_more_ends_nothing(run: Run) -> None:
    run.folder.mkdir()
    os.mkfifo(run.folder / "000001.csv")
    run.snapshots = run.again()
    run.write("one")
    assert run.look() is not None
