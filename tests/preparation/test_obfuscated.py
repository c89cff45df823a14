"""Data for obfuscated runs has an uninformative path, one for each state of the prepared data."""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.errors import WorkFailed
from mlebench.preparation import make_mock, prepare
from mlebench.preparation.obfuscated import obfuscated_public
from mlebench.registry import Competition, Registry


def put_public(data_dir: Path, name: str = "spaceship-titanic") -> Competition:
    """A competition with a hand-made public folder in both editions."""
    competition = Registry(data_dir).get_competition(name)
    for prepared in ("prepared", "prepared-v2"):
        public = data_dir / name / prepared / "public"
        (public / "images").mkdir(parents=True)
        (public / "train.csv").write_text("id,x\n")
        (public / "images" / "1.png").write_bytes(b"\x89PNG")
        (public / "description.md").write_text("of the famous ship")
    return competition


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_path_tells_neither_competition_nor_edition_and_the_files_are_the_same(tmp_path: Path) -> None:
    competition = put_public(tmp_path)
    linked = obfuscated_public(competition)
    below = linked.relative_to(tmp_path).as_posix()
    assert competition.id not in below and "prepared" not in below and "v2" not in below
    assert files(linked) == {"train.csv": b"id,x\n", "images/1.png": b"\x89PNG", "description.md": b""}
    assert (linked / "train.csv").stat().st_ino == (competition.public_dir / "train.csv").stat().st_ino
    # a mount of the folder shows the folder alone
    assert [path.name for path in linked.parent.iterdir() if path != linked] == ["origin.json"]
    assert (competition.public_dir / "description.md").read_text() == "of the famous ship"


def test_runs_share_it_until_the_data_changes(tmp_path: Path) -> None:
    competition = put_public(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: obfuscated_public(competition), range(16)))
    [place] = places
    other_edition = obfuscated_public(Registry(tmp_path, edition="v2").get_competition(competition.id))
    assert other_edition != place
    (competition.public_dir / "new.csv").write_text("later")
    assert "new.csv" in files(obfuscated_public(competition))


def test_it_goes_with_the_prepared_data(tmp_path: Path) -> None:
    gone = put_public(tmp_path)
    first = obfuscated_public(gone)
    shutil.rmtree(gone.root)
    other = put_public(tmp_path, "nomad2018-predict-transparent-conductors")
    obfuscated_public(other)
    assert not first.exists()


def test_preparing_again_removes_it(registry: Registry, tmp_path: Path) -> None:
    competition = registry.get_competition("spaceship-titanic")
    make_mock(competition, tmp_path / "raw", size=60, seed=0)
    prepare(competition, tmp_path / "raw", verify=False)
    first = obfuscated_public(competition)
    prepare(competition, tmp_path / "raw", verify=False)
    assert not first.exists()
    assert "train.csv" in files(obfuscated_public(competition))


def test_files_are_copied_where_they_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    competition = put_public(tmp_path)
    linked = obfuscated_public(competition)
    assert files(linked)["train.csv"] == b"id,x\n"
    assert (linked / "train.csv").stat().st_ino != (competition.public_dir / "train.csv").stat().st_ino


def test_what_a_killed_process_left_is_no_data_and_goes(tmp_path: Path) -> None:
    competition = put_public(tmp_path)
    half = tmp_path / ".obfuscated" / f".partial-{competition.id}.x" / "made" / "data"
    half.mkdir(parents=True)
    assert files(obfuscated_public(competition)).keys() >= {"train.csv"}
    assert not half.exists()


def test_a_data_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    competition = put_public(tmp_path)
    (tmp_path / ".obfuscated").write_text("in the way")
    with pytest.raises(WorkFailed, match=r"spaceship-titanic .*--data-dir"):
        obfuscated_public(competition)
