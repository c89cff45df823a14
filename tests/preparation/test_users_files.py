"""The user's own files stay the user's: prepared data is tied to none of them unless the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.preparation import PreparationOptions, make_mock, prepare
from mlebench.preparation.build import prepare_one
from mlebench.registry import Competition, Registry
from tests.ordinary_user import IS_ORDINARY, needs_root, run_as_ordinary_user

IMAGES = "ranzcr-clip-catheter-line-classification"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    make_mock(Registry().get_competition(IMAGES), tmp_path / "theirs", size=60, seed=0)
    return tmp_path / "theirs"


def images(competition: Competition) -> list[Path]:
    found = list(competition.public_dir.rglob("*.jpg"))
    assert found
    return found


def state(folder: Path) -> dict[Path, tuple[int, int, int]]:
    statuses = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: (status.st_nlink, status.st_mode, status.st_mtime_ns) for path, status in statuses.items()}


def test_what_is_prepared_from_the_users_folder_is_a_copy_of_its_own(registry: Registry, theirs: Path) -> None:
    competition = registry.get_competition(IMAGES)
    before = state(theirs)
    assert prepare_one(competition, PreparationOptions(source=theirs, verify=False)).exit_code == 0
    assert state(theirs) == before
    sizes = {path: path.stat().st_size for path in images(competition)}
    for path in theirs.rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"appended")
    assert {path: path.stat().st_size for path in images(competition)} == sizes
    assert all(path.stat().st_nlink == 1 for path in sizes)


def test_the_same_holds_for_links_into_the_users_folder_and_for_python(registry: Registry, theirs: Path) -> None:
    competition = registry.get_competition(IMAGES)
    competition.root.mkdir(parents=True)
    competition.raw_dir.symlink_to(theirs)
    before = state(theirs)
    assert prepare_one(competition, PreparationOptions(verify=False)).exit_code == 0
    assert state(theirs) == before and theirs.is_dir()
    prepare(competition, theirs, verify=False)
    assert state(theirs) == before


def test_what_we_hold_ourselves_is_linked_and_read_only(registry: Registry, theirs: Path) -> None:
    competition = registry.get_competition(IMAGES)
    competition.root.mkdir(parents=True)
    theirs.rename(competition.raw_dir)
    assert prepare_one(competition, PreparationOptions(verify=False, keep_raw=True)).exit_code == 0
    raw = {path.stat().st_ino for path in competition.raw_dir.rglob("*.jpg")}
    for path in images(competition):
        assert path.stat().st_ino in raw
        assert not path.stat().st_mode & 0o222


def test_a_users_files_are_linked_where_the_user_says_so(registry: Registry, theirs: Path) -> None:
    words = ["prepare", IMAGES, "--no-verify", "--data-dir", str(registry.data_dir)]
    assert main([*words, "--from", str(theirs), "--link"]) == 0
    inodes = {path.stat().st_ino for path in theirs.rglob("*.jpg")}
    for path in images(registry.get_competition(IMAGES)):
        assert path.stat().st_ino in inodes
        assert not path.stat().st_mode & 0o222


def test_link_says_nothing_without_files_to_link(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", IMAGES, "--mock", "--link", "--data-dir", str(data_dir)]) == 2
    assert "--link goes with --from" in capsys.readouterr().err


@needs_root
def test_a_closed_file_is_named_to_an_ordinary_user() -> None:
    run_as_ordinary_user(__file__, "may_not_be_read")


@pytest.mark.skipif(not IS_ORDINARY, reason="nothing is closed to root; the test above runs it")
def test_a_file_that_may_not_be_read_is_named(registry: Registry, theirs: Path) -> None:
    (theirs / "train.csv").chmod(0)
    outcome = prepare_one(registry.get_competition(IMAGES), PreparationOptions(source=theirs, verify=False))
    assert outcome.exit_code == 2 and f"cannot read {theirs}/train.csv" in outcome.message


def test_a_hint_repeats_the_users_options_ready_for_a_shell(
    data_dir: Path, theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = theirs.rename(theirs.parent / "my downloads")
    options = ["--edition", "v1", "--keep-raw", "--jobs", "2", "--memory", "2g"]
    assert main(["prepare", IMAGES, "--from", str(source), *options, "--data-dir", f"{data_dir} 2"]) == 1
    error = capsys.readouterr().err
    command = (
        f"`mlebench prepare {IMAGES} --from '{source}' --keep-raw --no-verify --jobs 2 --memory 2g --data-dir '{data_dir} 2'`"
    )
    assert command in error
    message = next(line for line in error.splitlines() if command in line)
    assert message.replace(command, "").replace(str(data_dir), "").count(IMAGES) == 1
