"""Preparing is atomic, verified, alone, and says in one sentence what went wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlebench._support.checksums import md5
from mlebench.cli.main import main
from mlebench.errors import UsageError, WorkFailed
from mlebench.preparation import is_prepared, make_mock, prepare
from mlebench.preparation.build import alone
from mlebench.preparation.faults import explained
from mlebench.preparation.record import PreparationRecord
from mlebench.preparation.sources import RawData, has_raw
from mlebench.preparation.verify import check_counts
from mlebench.registry import Competition, Registry
from mlebench.registry.facts import ChecksumFacts
from tests.cases import SIZE, Cases
from tests.waiting import wait_until

IMAGES = "tgs-salt-identification-challenge"


def mocked(registry: Registry, name: str, raw: Path, size: int = 60) -> Competition:
    competition = registry.get_competition(name)
    make_mock(competition, raw, size=size, seed=0)
    return competition


def test_a_different_download_is_told_file_by_file_and_nothing_looks_prepared(registry: Registry, tmp_path: Path) -> None:
    competition = mocked(registry, "spaceship-titanic", tmp_path / "raw")
    with pytest.raises(WorkFailed, match=r"public/train\.csv differs \(published md5 564a.*--no-verify"):
        prepare(competition, tmp_path / "raw")
    assert not is_prepared(competition, grading_only=True)


def with_facts(competition: Competition, **changes: object) -> Competition:
    return dataclasses.replace(competition, facts=dataclasses.replace(competition.facts, **changes))


def test_a_different_table_is_told_with_its_rows(registry: Registry, tmp_path: Path) -> None:
    competition = mocked(registry, "spaceship-titanic", tmp_path / "raw")
    with pytest.raises(WorkFailed, match=r"\(public/train\.csv holds 54 rows, expected 7,823"):
        prepare(with_facts(competition, counts={"public/train.csv": 7823}), tmp_path / "raw")


def test_more_files_than_the_facts_know_are_told_and_fewer_are_refused_where_md5_sums_decide_of_tables(
    registry: Registry, tmp_path: Path
) -> None:
    competition = mocked(registry, IMAGES, tmp_path / "raw")
    prepare(competition, tmp_path / "raw", mock=True)
    sums = ChecksumFacts(public={"train.csv": md5(competition.public_dir / "train.csv")})
    counts = {"public/train.csv": 9, "public/test/images/": 15, "public/train/images/": 40, "private/test.csv": 15}
    record = prepare(with_facts(competition, md5=sums, counts=counts), tmp_path / "raw")
    assert record.verified
    assert record.odd_counts == ["public/train/images/ holds 45 files, expected 40"]
    with pytest.raises(WorkFailed, match="public/train/images/ holds 45 files, expected 3,000"):
        prepare(with_facts(competition, md5=sums, counts={**counts, "public/train/images/": 3000}), tmp_path / "raw")


def test_the_record_tells_edition_key_and_verification_but_never_the_key(data_dir: Path, tmp_path: Path) -> None:
    competition = Registry(data_dir, "v2", "our secret").get_competition("spaceship-titanic")
    make_mock(competition, tmp_path / "raw", size=60, seed=0)
    record = prepare(competition, tmp_path / "raw", mock=True)
    assert record == PreparationRecord.read(competition.prepared_dir)
    assert (record.edition, record.verified, record.mock) == ("v2", False, True)
    assert record.split_key_hash == competition.edition.key_hash
    assert not any(b"our secret" in path.read_bytes() for path in competition.root.rglob("*") if path.is_file())


def test_data_of_the_published_layout_without_a_record_counts_as_prepared(registry: Registry, tmp_path: Path) -> None:
    competition = mocked(registry, "spaceship-titanic", tmp_path / "raw")
    prepare(competition, tmp_path / "raw", mock=True)
    (competition.prepared_dir / "prepared.json").unlink()
    assert is_prepared(competition)
    assert PreparationRecord.read(competition.prepared_dir) is None


def test_raw_data_is_only_read(registry: Registry, tmp_path: Path) -> None:
    competition = mocked(registry, IMAGES, tmp_path / "raw")
    before = sorted((str(path), path.stat().st_mtime_ns) for path in (tmp_path / "raw").rglob("*"))
    prepare(competition, tmp_path / "raw", mock=True)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in (tmp_path / "raw").rglob("*")) == before


def test_kill_9_at_any_moment_leaves_nothing_that_looks_prepared_and_the_next_call_finishes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    competition = Registry(data).get_competition(IMAGES)
    command = [sys.executable, "-m", "mlebench.cli.main", "prepare", IMAGES, "--mock", "--data-dir", str(data)]
    root = competition.root
    moments = {
        "the lock is held": lambda: (root / ".lock").exists(),
        "the mock is half made": lambda: any(root.glob(".partial-*/raw")),
        "the mock is there": lambda: (root / "raw").exists(),
        "the data is half made": lambda: any(root.glob(".partial-*/public")),
    }
    for has_come in moments.values():
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda come=has_come, child=process: come() or child.poll() is not None, every=0.001)
        # it may have passed the moment between two looks
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if competition.prepared_dir.exists():
            assert is_prepared(competition)
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert is_prepared(competition)
    assert {path.name for path in competition.root.iterdir()} <= {"prepared", "raw", "mock.json", ".lock"}


def number_of_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


@pytest.mark.parametrize("name", ["spaceship-titanic", IMAGES, "research-dyadic-logistic"])
def test_a_full_disk_at_the_end_leaves_nothing_that_looks_prepared(
    name: str, cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    competition = cases.registry(name, "v2", SIZE, tmp_path / "data").get_competition(name)

    def run_out_of_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mlebench.preparation.build._require_files", run_out_of_space)
    with pytest.raises(WorkFailed, match="disk is full"):
        prepare(competition, cases.raw(name), mock=True)
    assert not is_prepared(competition, grading_only=True)
    assert {path.name for path in competition.root.iterdir()} <= {".lock"}


def test_two_at_once_end_with_one_whole_preparation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlebench.cli.main", "prepare", "spaceship-titanic", "--mock", "--data-dir", str(tmp_path)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert is_prepared(Registry(tmp_path).get_competition("spaceship-titanic"))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc, where nobody can make a folder")
def test_a_data_dir_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    competition = Registry(Path("/proc/nowhere")).get_competition("spaceship-titanic")
    with pytest.raises(UsageError, match="--data-dir"):
        prepare(competition, tmp_path, mock=True)


def test_an_unwritable_data_dir_is_a_usage_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    competition = mocked(Registry(blocked / "data"), "spaceship-titanic", tmp_path / "raw")
    with pytest.raises(UsageError, match="--data-dir"):
        prepare(competition, tmp_path / "raw", mock=True)


def test_raw_data_that_is_removed_half_way_is_never_taken_for_a_download(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    competition = mocked(registry, IMAGES, tmp_path / "raw")
    shutil.copytree(tmp_path / "raw", competition.raw_dir)

    def killed(folder: Path, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("mlebench.preparation.sources.shutil.rmtree", killed)
        RawData(competition.raw_dir, mock=False, ours=True).drop()
    assert not has_raw(competition)
    with alone(competition):
        assert [path.name for path in competition.root.iterdir()] == [".lock"]


def test_data_split_with_another_key_is_not_taken_for_what_was_asked_for(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prepare", "spaceship-titanic", "--mock", "--edition", "v2", "--data-dir", str(data_dir)]
    assert main(words) == 0
    assert main(words) == 0
    assert main([*words, "--split-key", "our own"]) == 2
    error = capsys.readouterr().err
    assert "prepared from another key" in error and "our own" not in error
    assert re.search(r"`mlebench prepare spaceship-titanic --edition v2 --mock --force --data-dir \S+`", error)
    assert main([*words, "--split-key", "our own", "--force"]) == 0
    assert main([*words, "--split-key", "our own"]) == 0
    assert main(words) == 2
    sample = data_dir / "spaceship-titanic" / "prepared-v2" / "public" / "sample_submission.csv"
    grade = ["grade-sample", str(sample), "spaceship-titanic", "--edition", "v2", "--data-dir", str(data_dir)]
    assert main([*grade, "--split-key", "our own"]) == 0
    capsys.readouterr()
    assert main(grade) == 2
    assert "prepared from another key" in capsys.readouterr().err


def test_what_cannot_be_read_is_not_told_as_what_cannot_be_written(registry: Registry, tmp_path: Path) -> None:
    competition = registry.get_competition(IMAGES)
    sentences = {
        tmp_path / "theirs.zip": "cannot use .*theirs.zip .*readable",
        competition.root / "raw": "cannot write .*--data-dir",
    }
    for path, sentence in sentences.items():
        told = explained(PermissionError(errno.EACCES, "Permission denied", str(path)), "preparing", competition)
        assert isinstance(told, UsageError) and re.search(sentence, str(told))


def test_what_cannot_be_counted_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("naïve,a\ncafé,b\n".encode("latin-1"))
    (tmp_path / "cut.zip").write_bytes(b"PK")
    (tmp_path / "empty.csv").touch()
    assert check_counts(tmp_path, {"latin.csv": 3, "cut.zip": 3, "empty.csv": 3, "gone.csv": 3}) == []
