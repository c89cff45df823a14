"""Versions of a submission are kept while the agent goes on, each once, by the time since the start."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlebench.sandbox.snapshots import LOOK_SECONDS, PlainSubmission, Snapshots, Version, kept_bytes


class Run:
    """A run whose clocks stand until they are moved; `due` and `take` are asked as a handle does."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = SimpleNamespace(elapsed=0.0)
        self.began = time.time()
        monkeypatch.setattr("time.time", lambda: self.began + self.clock.elapsed)
        monkeypatch.setattr("time.monotonic", lambda: self.clock.elapsed)
        self.submission = folder / "submission.csv"
        self.folder = folder / "snapshots"
        self.notes: list[str] = []
        self.snapshots = self.again()

    def again(self, max_output: int = 2**30, secrets: tuple[str, ...] = ()) -> Snapshots:
        return Snapshots(self.folder, 10, self.clock, max_output, self.notes.append, secrets)

    def write(self, text: str, *, ago: float = 5) -> None:
        self.submission.write_text(text)
        os.utime(self.submission, (time.time() - ago, time.time() - ago))

    def look(self, after: float = 10) -> Path | None:
        self.clock.elapsed += after
        assert self.snapshots.due()
        return self.snapshots.take(PlainSubmission(self.submission))

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


def test_never_looks_when_told_so(run: Run) -> None:
    assert not Snapshots(run.folder, 0, run.clock, 2**30, print).due()


def test_copies_that_cannot_be_kept_are_said_once_and_again_when_they_can(run: Run) -> None:
    run.folder.write_text("in the way")
    run.write("one")
    for _ in range(6):
        assert run.look() is None
    assert len(run.notes) == 1 and "no snapshots" in run.notes[0]
    run.folder.unlink()
    run.look()
    assert run.kept() == {"000110.csv": "one"}
    assert len(run.notes) == 2


class Made:
    """A submission that counts how often it is read, and may take its time."""

    def __init__(self, run: Run, size: int = 100, lasts: float = 0.0) -> None:
        self.state = Version(size, run.began - 60)
        self.run, self.lasts = run, lasts
        self.read = 0
        self.error: OSError | None = None

    def version(self) -> Version | None:
        if self.error:
            raise self.error
        return self.state

    @contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        self.read += 1
        yield self._blocks()

    def _blocks(self) -> Iterator[bytes]:
        for start in range(0, self.state.size, 2**20):
            self.run.clock.elapsed += self.lasts
            yield bytes(min(2**20, self.state.size - start))


def test_a_submission_that_the_engine_does_not_hand_out_is_looked_for_again_after_a_while(run: Run) -> None:
    made = Made(run)
    made.error = OSError("500 Server Error")
    for _ in range(6):
        run.clock.elapsed += 10
        assert run.snapshots.due()
        run.snapshots.take(made)
        assert not run.snapshots.due()
    assert run.notes == ["no snapshots of the submission are kept (500 Server Error)"]


def test_a_submission_that_did_not_change_is_not_read_again(run: Run) -> None:
    made = Made(run)
    for _ in range(5):
        run.clock.elapsed += 10
        run.snapshots.take(made)
    assert made.read == 1


def test_a_look_ends_after_a_while_and_costs_a_bounded_share_of_the_time(run: Run) -> None:
    made = Made(run, size=100 * 2**20, lasts=1.0)
    before = run.clock.elapsed
    assert run.snapshots.take(made) is None
    took = run.clock.elapsed - before
    assert took <= LOOK_SECONDS + 2
    run.clock.elapsed += 9 * took
    assert not run.snapshots.due()
    run.clock.elapsed += 2 * took
    assert run.snapshots.due()
    run.snapshots.take(made)
    assert made.read == 1, "the same file would take as long again"
    assert not run.folder.exists() or run.kept() == {}


def test_they_are_thinned_out_to_half_of_the_output_and_keep_first_and_last(run: Run) -> None:
    run.snapshots = run.again(max_output=1000)
    for number in range(20):
        run.write(f"{number:02d}" + "x" * 98)
        run.look(after=60)
        assert kept_bytes(run.folder) <= 500
    kept = [text[:2] for text in run.kept().values()]
    assert len(kept) == 5 and (kept[0], kept[-1]) == ("00", "19")
    times = [int(name[:2]) * 60 + int(name[2:4]) for name in run.kept()]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) <= 3 * min(gaps), times


def test_one_that_is_larger_than_their_share_is_not_kept(run: Run) -> None:
    run.snapshots = run.again(max_output=1000)
    run.write("x" * 501)
    assert run.look() is None
    assert kept_bytes(run.folder) == 0


def test_holes_stay_holes_and_count_as_bytes(run: Run) -> None:
    run.submission.touch()
    os.truncate(run.submission, 8 * 2**20)
    os.utime(run.submission, (run.began - 60, run.began - 60))
    kept = run.look()
    assert kept is not None and kept.stat().st_size == 8 * 2**20
    assert kept.stat().st_blocks * 512 < 2**20
    assert kept_bytes(run.folder) == 8 * 2**20


def test_a_file_that_grows_while_it_is_read_is_no_snapshot(run: Run) -> None:
    made = Made(run)
    original = made._blocks

    def growing() -> Iterator[bytes]:
        made.state = Version(10**9, run.began - 50)
        return original()

    made._blocks = growing  # type: ignore[method-assign]
    run.clock.elapsed += 10
    assert run.snapshots.take(made) is None
    assert run.kept() == {}


def test_secrets_in_a_submission_are_masked_in_its_copy(run: Run) -> None:
    run.snapshots = run.again(secrets=("sk-secret-value",))
    run.write("id,y\na,sk-secret-value\n")
    run.look()
    assert run.kept() == {"000010.csv": "id,y\na,***\n"}


def test_a_kept_copy_that_is_no_file_any_more_ends_nothing(run: Run) -> None:
    run.folder.mkdir()
    os.mkfifo(run.folder / "000001.csv")
    (run.folder / "nonsense.csv").touch()
    run.snapshots = run.again()
    run.write("one")
    assert run.look() is not None
