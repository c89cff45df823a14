"""A group's manifest records what grading depends on, and thus whether scores must be the same elsewhere."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from mlebench.preparation import digests
from mlebench.preparation.digests import data_digests, digests_by_id, same_data
from mlebench.registry import Competition, Registry
from tests.reports import toys


@pytest.fixture
def competition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Competition:
    data = toys.install(tmp_path, monkeypatch)
    public = data / "toy-one" / "prepared" / "public"
    public.mkdir()
    (public / "sample_submission.csv").write_text(toys.table(1))
    return Registry(data).get_competition("toy-one")


def elsewhere(competition: Competition, tmp_path: Path) -> Competition:
    """The same, prepared in another data directory."""
    shutil.copytree(competition.data_dir, tmp_path / "elsewhere" / "data")
    return Registry(tmp_path / "elsewhere" / "data").get_competition(competition.id)


def test_all_that_graders_read_has_its_sha256(competition: Competition) -> None:
    private = Path(competition.private_dir)
    (private / "tasks.npz").write_bytes(b"read beside the answers")
    found = data_digests(competition)
    assert found is not None and found["competition_version"] == 1
    assert sorted(found["sha256"]) == ["private/answers.csv", "private/tasks.npz", "public/sample_submission.csv"]
    assert found["sha256"]["private/answers.csv"] == hashlib.sha256((private / "answers.csv").read_bytes()).hexdigest()


def test_a_key_has_no_digest(competition: Competition) -> None:
    (Path(competition.private_dir) / "key.txt").write_text("1234\n")
    found = data_digests(competition)
    assert found is not None and "private/key.txt" not in found["sha256"]
    assert hashlib.sha256(b"1234\n").hexdigest() not in str(found)


def test_the_same_data_elsewhere_is_the_same(competition: Competition, tmp_path: Path) -> None:
    assert same_data(data_digests(competition), elsewhere(competition, tmp_path)) is None


@pytest.mark.parametrize("name", ["private/answers.csv", "public/sample_submission.csv"])
def test_another_byte_is_told_by_its_file(competition: Competition, tmp_path: Path, name: str) -> None:
    other = elsewhere(competition, tmp_path)
    with (other.prepared_dir / name).open("a") as file:
        file.write("\n")
    assert same_data(data_digests(competition), other) == f"{name} differs"


def test_what_is_missing_or_new_here_is_told(competition: Competition, tmp_path: Path) -> None:
    other = elsewhere(competition, tmp_path)
    (Path(other.private_dir) / "tasks.npz").write_bytes(b"1")
    assert same_data(data_digests(competition), other) == "private/tasks.npz did not exist"
    assert same_data(data_digests(other), competition) == "private/tasks.npz is missing here"


def test_another_version_or_key_is_told(competition: Competition) -> None:
    recorded = data_digests(competition) or {}
    assert same_data({**recorded, "competition_version": 2}, competition) == "the competition's version differs (2 there, 1 here)"
    told = same_data({**recorded, "split_key_hash": "00ff"}, competition)
    assert told == "the split key differs (00ff there, none here)"


def test_what_is_not_prepared_here_cannot_be_the_same(competition: Competition, tmp_path: Path) -> None:
    other = Registry(tmp_path / "empty").get_competition("toy-one")
    assert data_digests(other) is None
    assert same_data(data_digests(competition), other) == "toy-one is not prepared here"


@pytest.mark.parametrize("recorded", [None, 3, [], "sha256", {}, {"sha256": 4}, {"sha256": []}])
def test_what_nobody_recorded_is_not_the_same(competition: Competition, recorded: object) -> None:
    assert same_data(recorded, competition) == "no digests of its data are recorded"


@pytest.mark.parametrize("value", [{}, [1], "\x1b[2J", float("nan"), 10**4000, None])
def test_hostile_digests_differ_in_printable_words(competition: Competition, value: object) -> None:
    recorded = data_digests(competition) or {}
    for content in (
        {**recorded, "instance_hash": value or {}},
        {**recorded, "sha256": {**recorded["sha256"], "private/answers.csv": value}},
        {**recorded, "sha256": {**recorded["sha256"], "\x1b[2J" * 100: "0"}},
    ):
        told = same_data(content, competition)
        assert told and told.isprintable() and len(told) < 300


def test_large_answers_are_read_once_for_each_state(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Path(competition.answers)
    answers.write_bytes(b"0" * (2**20 + 1))
    # what is written within one tick of the kernel has the same time
    os.utime(answers, (1, 1))
    read: list[Path] = []
    was = digests._read_sha256

    def reading(path: Path) -> str:
        read.append(path)
        return was(path)

    monkeypatch.setattr(digests, "_read_sha256", reading)
    first = digests_by_id([competition])
    assert answers in read
    read.clear()
    assert digests_by_id([competition]) == first and answers not in read
    answers.write_bytes(b"1" * (2**20 + 1))
    assert digests_by_id([competition]) != first and answers in read
