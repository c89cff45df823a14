"""Public data on a node's own disk: fetched once, whole, and never with an answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlebench.errors import UsageError, WorkFailed
from mlebench.preparation import PreparationOptions, node_copies, prepare_all
from mlebench.preparation.node_copies import Reader, node_copy
from mlebench.preparation.obfuscated import obfuscated_public
from mlebench.registry import Competition, Registry


@pytest.fixture
def competition(registry: Registry) -> Competition:
    found = registry.get_competition("demo-wine")
    prepare_all([found], PreparationOptions(), tell=lambda _: None)
    return found


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


READER = Reader("/runs/group/run", 1)


def fetch(
    competition: Competition,
    disk: Path,
    said: list[str] | None = None,
    *,
    reader: Reader = READER,
    reading: Collection[Reader] = (),
) -> Path:
    note = (said if said is not None else []).append
    return node_copy(competition, competition.public_dir, disk, note, reader, lambda other: other in reading)


def test_a_copy_holds_what_agents_see_and_nothing_else(competition: Competition, disk: Path) -> None:
    copy = fetch(competition, disk)
    assert copy.is_relative_to(disk)
    assert content(copy) == content(competition.public_dir)
    assert competition.id not in str(copy)
    answers = competition.answers.read_bytes()
    assert all(path.read_bytes() != answers for path in disk.rglob("*") if path.is_file())
    for path in competition.public_dir.rglob("*"):
        assert (copy / path.relative_to(competition.public_dir)).stat().st_mode == path.stat().st_mode


def test_it_is_fetched_once_for_all_runs_of_a_node(competition: Competition, disk: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(6) as threads:
        copies = set(threads.map(lambda _: fetch(competition, disk, said), range(12)))
    assert len(copies) == 1
    assert len(said) == 1 and said[0].startswith("copied the data to this node's disk")


@pytest.mark.parametrize("damage", ["removed", "cut off", "added"])
def test_a_copy_that_was_changed_is_fetched_again(competition: Competition, disk: Path, damage: str) -> None:
    first = fetch(competition, disk)
    victim = next(path for path in first.iterdir() if path.is_file() and path.stat().st_size)
    victim.chmod(0o644)
    if damage == "removed":
        victim.unlink()
    elif damage == "cut off":
        os.truncate(victim, 1)
    else:
        (first / "answers.csv").write_text("of somebody")
    said: list[str] = []
    again = fetch(competition, disk, said)
    assert content(again) == content(competition.public_dir)
    assert said[0] == "the data on this node's disk was modified since it was copied; copying it again"
    assert not first.exists() or first == again


def test_data_that_was_prepared_again_is_fetched_again_and_the_old_copy_goes(competition: Competition, disk: Path) -> None:
    first = fetch(competition, disk)
    prepare_all([competition], PreparationOptions(force=True), tell=lambda _: None)
    second = fetch(competition, disk)
    assert second != first
    assert not first.exists()
    assert content(second) == content(competition.public_dir)


def test_a_copy_that_an_agent_may_read_stays_until_it_is_over(competition: Competition, disk: Path) -> None:
    early, late = Reader("/runs/group/early", 1), Reader("/runs/group/late", 2)
    first = fetch(competition, disk, reader=early)
    assert fetch(competition, disk, reader=late, reading=[early]) == first
    expected = content(first)
    prepare_all([competition], PreparationOptions(force=True), tell=lambda _: None)
    second = fetch(competition, disk, reading=[early, late])
    assert second != first
    # the one that began first ends first
    assert fetch(competition, disk, reading=[late, READER]) == second
    assert content(first) == expected
    assert fetch(competition, disk, reading=[READER]) == second
    assert not first.exists()


def test_a_changed_copy_that_is_read_is_replaced_beside_and_said_once(competition: Competition, disk: Path) -> None:
    first = fetch(competition, disk)
    (first / "notes.txt").write_text("of somebody")
    said: list[str] = []
    second = fetch(competition, disk, said, reading=[READER])
    assert fetch(competition, disk, said, reading=[READER]) == second != first
    assert [sentence for sentence in said if "was modified" in sentence] == said[:1]
    assert (first / "notes.txt").exists()


def test_a_mark_that_nobody_can_read_keeps_the_copy(competition: Competition, disk: Path) -> None:
    first = fetch(competition, disk)
    (mark,) = first.parent.glob("readers/*.json")
    mark.write_text("[" * 100_000)
    (first / "notes.txt").touch()
    assert fetch(competition, disk) != first
    assert first.exists()


def test_what_a_killed_process_left_half_made_is_no_copy_and_goes(competition: Competition, disk: Path) -> None:
    fetch(competition, disk)
    (store,) = disk.iterdir()
    (whole,) = (path.parent for path in store.glob("*/origin.json"))
    lock = next(store.glob("*.lock")).stem
    whole.rename(store / f".partial-{lock}.killed")
    copy = fetch(competition, disk)
    assert content(copy) == content(competition.public_dir)
    assert list(store.glob(".partial-*")) == []


def test_a_full_disk_leaves_the_shared_data_in_use(competition: Competition, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_copies.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    said: list[str] = []
    assert fetch(competition, disk, said) == competition.public_dir
    assert said == [said[0]] and "reading the data from shared storage" in said[0] and "1.0 MiB free" in said[0]


def test_what_was_read_is_held_against_what_was_prepared(competition: Competition, disk: Path) -> None:
    victim = competition.public_dir / "train.csv"
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-2] + b"7\n")
    with pytest.raises(WorkFailed, match=r"train\.csv is not what was prepared"):
        fetch(competition, disk)
    assert list(disk.glob("*/*/data")) == []


def test_obfuscated_data_has_a_copy_of_its_own(competition: Competition, disk: Path) -> None:
    obfuscated = obfuscated_public(competition)
    copy = node_copy(competition, obfuscated, disk, print, READER, lambda _: False)
    assert content(copy) == content(obfuscated)
    assert copy != fetch(competition, disk)
    assert copy == node_copy(competition, obfuscated, disk, print, READER, lambda _: False)


def test_a_folder_that_is_not_this_users_own_is_refused(competition: Competition, disk: Path) -> None:
    with pytest.raises(UsageError, match="absolute path"):
        node_copy(competition, competition.public_dir, Path("$UNSET/data"), print, READER, lambda _: False)
    (disk / f"mlebench-{os.getuid()}").mkdir(parents=True, mode=0o755)
    with pytest.raises(UsageError, match="is accessible to others"):
        fetch(competition, disk)
    shutil.rmtree(disk)
    disk.write_text("a file")
    with pytest.raises(WorkFailed, match="--node-data none"):
        fetch(competition, disk)
