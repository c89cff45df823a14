"""What the live view knows of a folder: read again as far as it has changed, and the same for a whole page."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlebench.reports.view import watched_runs
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.group import Group
from mlebench.runs.lock import hold
from mlebench.runs.record import RECORD_DAMAGED, RunRecord
from tests.ordinary_user import IS_ORDINARY, needs_root, run_as_ordinary_user
from tests.reports.view.builders import (
    SHAPES,
    a_plan,
    record_bytes,
    write_group,
    write_imported,
    write_large_folder,
    write_record,
    write_unreadable,
)

LONG_AGO = time.time() - 3600


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def settle(folder: Path) -> None:
    """Let every file in a folder look as if it had been written long ago."""
    for path in folder.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each record and each plan is read."""
    counts: Counter[str] = Counter()
    record, opened = Group.record, Group.open

    def counted_record(group: Group, run: object) -> RunRecord:
        counts["records"] += 1
        return record(group, run)  # type: ignore[arg-type]

    def counted_open(folder: Path) -> Group:
        counts["plans"] += 1
        return opened(folder)

    monkeypatch.setattr(Group, "record", counted_record)
    monkeypatch.setattr(Group, "open", counted_open)
    # a change of the time of change, which nobody can set back, says nothing in these tests
    monkeypatch.setattr(watched_runs, "_TICK_SECONDS", -1.0)
    yield counts


def anew(runs: WatchedRuns) -> watched_runs.Seen:
    runs.look_anew()
    return runs.look()


def test_groups_of_every_state(tmp_path: Path) -> None:
    for shape, kinds in SHAPES.items():
        (write_imported if shape == "imported" else write_group)(tmp_path, shape, kinds)
    write_unreadable(tmp_path, "unreadable")
    (tmp_path / "no group").mkdir()
    (tmp_path / "notes.txt").write_text("not a folder")

    with hold(tmp_path / "running"):
        states = {entry.name: entry.state for entry in WatchedRuns(tmp_path).groups()}

    assert states == {
        "running": "running",
        "done": "done",
        "failed": "done",
        "interrupted": "interrupted",
        "damaged": "done",
        "queued": "interrupted",
        "imported": "done",
        "hostile": "done",
        "unreadable": "unreadable",
    }


def test_the_newest_group_comes_first(tmp_path: Path) -> None:
    made = write_large_folder(tmp_path, runs=20, groups=10)

    assert [entry.name for entry in WatchedRuns(tmp_path).groups()] == [*(group.name for group in made), "unreadable"]


def test_damaged_files_show_on_their_own_run_alone(tmp_path: Path) -> None:
    group = write_group(tmp_path, "group", ("damaged", "gold", "garbage"))

    found = WatchedRuns(tmp_path).group("group")

    assert found is not None and found.group is not None
    assert [record.reason for record in found.records] == [RECORD_DAMAGED, "exited", RECORD_DAMAGED]
    assert found.record(group.plan.runs[1].run_id) is found.records[1]
    assert found.record("no such run") is None


def test_a_plan_that_cannot_be_read_has_a_sentence(tmp_path: Path) -> None:
    write_unreadable(tmp_path, "unreadable")

    (found,) = WatchedRuns(tmp_path).groups()

    assert found.group is None and found.records == ()
    assert found.problem is not None and "group.yaml is not valid YAML" in found.problem


@pytest.mark.parametrize("name", ["group.yaml", "run.json"])
def test_pipes_links_and_folders_in_the_place_of_files_wait_for_nobody(tmp_path: Path, name: str) -> None:
    group = write_group(tmp_path, "group", ("gold", "gold"))
    place = group.folder / name if name == "group.yaml" else group.run_dir(group.plan.runs[0].run_id) / name
    runs = WatchedRuns(tmp_path)
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir):
        place.unlink() if place.is_symlink() or not place.is_dir() else place.rmdir()
        make(place)
        found = anew(runs).group("group")
        assert found is not None
        assert found.problem if name == "group.yaml" else found.records[0].reason == RECORD_DAMAGED


def test_nothing_is_read_again_that_has_not_changed(tmp_path: Path, reads: Counter[str]) -> None:
    write_group(tmp_path, "one", ["gold"] * 5)
    write_group(tmp_path, "two", ["damaged", "queued"])
    write_unreadable(tmp_path, "three")
    settle(tmp_path)
    runs = WatchedRuns(tmp_path)

    first = runs.look()
    assert reads == {"records": 7, "plans": 3}
    second = anew(runs)

    assert reads == {"records": 7, "plans": 3}
    assert second is first


def test_what_has_changed_is_read_and_makes_a_new_state_of_its_group_alone(tmp_path: Path, reads: Counter[str]) -> None:
    group = write_group(tmp_path, "one", ["running", "queued"])
    write_group(tmp_path, "two", ["gold"])
    runs = WatchedRuns(tmp_path)
    before = runs.look()
    reads.clear()

    write_record(group, group.plan.runs[0], "gold")
    after = anew(runs)

    assert reads == {"records": 1}
    one, two = after.group("one"), after.group("two")
    assert one is not None and two is not None
    assert after.version != before.version
    assert two is before.group("two")
    assert [record.state for record in one.records] == ["finished", "pending"]
    # a page that is being made from what was seen before sees no change
    old = before.group("one")
    assert old is not None and [record.state for record in old.records] == ["running", "pending"]
    assert old.records[1] is one.records[1]


def test_a_record_that_says_the_same_makes_no_new_state(tmp_path: Path, reads: Counter[str]) -> None:
    group = write_group(tmp_path, "one", ["gold"])
    runs = WatchedRuns(tmp_path)
    before = runs.look()

    write_record(group, group.plan.runs[0], "gold")

    assert anew(runs) is before
    assert reads["records"] == 2


def test_two_changes_within_a_tick_of_the_file_system_are_both_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same time, same size, and an inode that was freed and taken again: only the content differs."""
    lstat = os.lstat

    def coarse(path: str) -> SimpleNamespace:
        status = lstat(path)
        tick = status.st_mtime_ns // 2_000_000_000 * 2
        return SimpleNamespace(
            st_mtime=tick, st_ctime=tick, st_mtime_ns=tick * 10**9, st_ctime_ns=tick * 10**9, st_size=status.st_size, st_ino=1
        )

    monkeypatch.setattr(os, "lstat", coarse)
    group = write_group(tmp_path, "one", ["gold", "gold"])
    run = group.plan.runs[0]
    path = group.run_dir(run.run_id) / "run.json"
    runs = WatchedRuns(tmp_path)
    ranks = []
    for rank in (b"7", b"9", b"8"):
        path.write_bytes(record_bytes(group, run, "gold").replace(b'"rank": 7', b'"rank": ' + rank))
        found = anew(runs).group("one")
        assert found is not None and found.records[0].report is not None
        ranks.append(found.records[0].report["rank"])

    assert ranks == [7, 9, 8]


def test_files_that_are_replaced_all_the_time_are_always_read_whole(tmp_path: Path) -> None:
    group = write_group(tmp_path, "one", ["running"])
    run = group.plan.runs[0]
    runs = WatchedRuns(tmp_path)
    for turn in range(50):
        write_record(group, run, ("gold", "running")[turn % 2])
        found = anew(runs).group("one")
        assert found is not None
        assert found.records[0].state == ("finished", "running")[turn % 2]


def test_groups_come_and_go(tmp_path: Path) -> None:
    runs = WatchedRuns(tmp_path)
    assert runs.groups() == []

    write_group(tmp_path, "one", ["gold"])
    assert [entry.name for entry in anew(runs).groups()] == ["one"]

    shutil.rmtree(tmp_path / "one")
    assert anew(runs).groups() == []
    shutil.rmtree(tmp_path)
    assert anew(runs).groups() == []


def test_a_run_whose_folder_is_removed_is_pending(tmp_path: Path) -> None:
    group = write_group(tmp_path, "one", ["gold", "gold"])
    runs = WatchedRuns(tmp_path)
    runs.look()

    shutil.rmtree(group.run_dir(group.plan.runs[0].run_id))

    found = anew(runs).group("one")
    assert found is not None and [record.state for record in found.records] == ["pending", "finished"]


def test_a_plan_that_is_put_right_is_read_again(tmp_path: Path) -> None:
    group = write_group(tmp_path, "one", ["gold"])
    plan = (group.folder / "group.yaml").read_bytes()
    runs = WatchedRuns(tmp_path)
    runs.look()

    (group.folder / "group.yaml").write_bytes(plan[:100])
    damaged = anew(runs).group("one")
    (group.folder / "group.yaml").write_bytes(plan)
    sound = anew(runs).group("one")

    assert damaged is not None and damaged.state == "unreadable"
    assert sound is not None and sound.state == "done"


def test_a_harness_that_begins_and_ends_is_seen_by_its_lock(tmp_path: Path) -> None:
    group = write_group(tmp_path, "one", ["running", "queued"])
    runs = WatchedRuns(tmp_path)

    states = [anew(runs).groups()[0].state]
    with hold(group.folder):
        states.append(anew(runs).groups()[0].state)
    states.append(anew(runs).groups()[0].state)

    assert states == ["interrupted", "running", "interrupted"]


@pytest.mark.skipif(not IS_ORDINARY, reason="root may read everything; run by test_closed_folders_as_an_ordinary_user")
def test_closed_files_say_so_and_open_again(tmp_path: Path) -> None:
    group = write_group(tmp_path, "one", ["gold", "gold"])
    plan, record = group.folder / "group.yaml", group.run_dir(group.plan.runs[0].run_id) / "run.json"
    runs = WatchedRuns(tmp_path)
    for path in (plan, record):
        path.chmod(0)
        closed = anew(runs).groups()[0]
        assert closed.problem if path == plan else closed.records[0].reason == RECORD_DAMAGED
        path.chmod(0o600)
        assert [entry.state for entry in anew(runs).groups()[0].records] == ["finished", "finished"]


@needs_root
def test_closed_folders_as_an_ordinary_user() -> None:
    run_as_ordinary_user(__file__, "closed_files")


def test_nobody_looks_while_nobody_asks_and_a_look_has_a_pause_after_it(tmp_path: Path, reads: Counter[str]) -> None:
    write_group(tmp_path, "one", ["gold"])
    clock = Clock()
    runs = WatchedRuns(tmp_path, clock=clock)
    assert reads == {}

    before = runs.look()
    write_group(tmp_path, "two", ["gold"])
    clock.seconds += 0.9
    assert runs.look() is before
    # the pause grows with the work of a look, which is some milliseconds here
    clock.seconds += 60
    assert [entry.name for entry in runs.groups()] == ["two", "one"]


def test_a_slow_look_is_followed_by_a_long_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = write_group(tmp_path, "one", ["gold"])
    clock = Clock()
    monkeypatch.setattr(time, "thread_time", lambda: clock.seconds / 5)
    runs = WatchedRuns(tmp_path, clock=clock)
    record = Group.record

    def slow(self: Group, run: object) -> RunRecord:
        clock.seconds += 10
        return record(self, run)  # type: ignore[arg-type]

    monkeypatch.setattr(Group, "record", slow)
    runs.look()
    seen = runs.look()
    shutil.rmtree(group.folder)

    clock.seconds += 190
    assert runs.look() is seen
    clock.seconds += 20
    assert runs.groups() == []


def test_one_group_alone(tmp_path: Path) -> None:
    write_group(tmp_path, "one", ["gold"])
    write_group(tmp_path, "two", ["gold"])

    assert [entry.name for entry in WatchedRuns(tmp_path, only="two").groups()] == ["two"]


def test_a_look_at_ten_thousand_runs_asks_once_for_each_file_and_opens_none(
    tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_large_folder(tmp_path, runs=5_000)
    write_group(tmp_path, "large", ["gold"], a_plan(5_000))
    settle(tmp_path)
    runs = WatchedRuns(tmp_path)
    before = runs.look()
    assert sum(len(entry.records) for entry in before.groups()) == 10_000
    reads.clear()
    asked: Counter[str] = Counter()
    lstat = os.lstat

    def counted_lstat(path: str) -> os.stat_result:
        asked[path.rpartition("/")[2]] += 1
        return lstat(path)

    monkeypatch.setattr(os, "lstat", counted_lstat)
    assert anew(runs) is before
    assert reads == {}
    assert asked == {"run.json": 10_000, "group.yaml": 47}
