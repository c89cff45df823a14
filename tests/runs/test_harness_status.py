"""What a harness says of itself, and when it is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlebench.runs import harness_status, lock
from mlebench.runs.group import Group
from mlebench.runs.harness_status import (
    MOST_WAITING,
    HarnessStatus,
    drop_harness_status,
    is_at_work,
    read_harness_status,
    write_harness_status,
)
from mlebench.runs.orders import pause
from mlebench.runs.plan import Plan
from mlebench.runs.record import now
from mlebench.runs.schedule import status_files
from mlebench.runs.schedule.status_files import StatusFiles
from tests.scripted import SUBMIT

from ..waiting import wait_until
from .test_orders import Harness, states
from .test_survival import WORKS_UNTIL_TOLD, begun

Plans = Callable[..., Plan]
NAME = ".harness_status.json"


@pytest.fixture
def group(plan: Plans, runs_dir: Path) -> Group:
    return Group.create(runs_dir, plan(), {}, "group")


def edit(folder: Path, **parts: Any) -> None:
    """Change what a group's file says."""
    content = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps(content | parts))


def test_what_a_harness_says_is_read_while_it_holds_the_lock(group: Group) -> None:
    said = HarnessStatus(now(), 3, 2, True, 12.5, {"toy-a_seed0": "waits for 2 free GPUs"}, "its group is paused")
    with lock.hold(group.folder):
        write_harness_status(group.folder, said)
        assert read_harness_status(group.folder) == said
        assert (said.waits_for("toy-a_seed0"), said.waits_for("toy-b_seed0")) == ("waits for 2 free GPUs", "its group is paused")
    assert read_harness_status(group.folder) is None
    with lock.hold(group.folder):
        drop_harness_status(group.folder)
        assert read_harness_status(group.folder) is None
    assert not (group.folder / NAME).exists()


def test_file_of_a_harness_that_was_killed_is_void_though_somebody_else_holds_the_lock(group: Group) -> None:
    """As grading does, and whoever makes a bundle."""
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now()))
        edit(group.folder, holder="process 1 on elsewhere")
        assert read_harness_status(group.folder) is None


def test_harness_of_another_machine_is_believed_for_a_while(group: Group) -> None:
    """On a shared file system whose locks do not reach from node to node, as here nobody holds the lock."""
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now()))
    assert not is_at_work(group.folder)
    edit(group.folder, kernel="another machine")
    assert is_at_work(group.folder) and not lock.is_held(group.folder)
    for seconds in (-3600, -120, 120):
        edit(group.folder, at=(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())
        assert read_harness_status(group.folder) is None


def test_containers_of_one_machine_share_its_locks(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "a-container")
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now()))
    assert harness_status._KERNEL.exists()
    assert not is_at_work(group.folder)


HOSTILE = {
    "a list": "[]",
    "no JSON": "{",
    "no time": "{}",
    "a time that is none": '{"at": "soon"}',
    "a time without a zone": '{"at": "2026-01-01T00:00:00"}',
    "a number for a time": '{"at": 3}',
    "deep": "[" * 100_000,
    "large": " " * 2**18,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_file_that_says_nothing_is_no_status(group: Group, text: str) -> None:
    with lock.hold(group.folder):
        (group.folder / NAME).write_text(text)
        assert read_harness_status(group.folder) is None


def test_values_that_cannot_be_are_left_out(group: Group) -> None:
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now()))
        waiting = {"toy-a_seed0": "a\nline\x1b[2J" + "x" * 1000, "toy-b_seed0": 3} | {str(number): "" for number in range(1000)}
        edit(group.folder, slots=-1, parallel="many", is_paused=1, seconds_left=float("inf"), waiting=waiting, others=["x"])
        found = read_harness_status(group.folder)
    assert found is not None
    assert (found.slots, found.parallel, found.is_paused, found.seconds_left, found.others) == (0, None, False, None, "")
    assert len(found.waiting) <= MOST_WAITING
    assert found.waiting["toy-a_seed0"].isprintable() and len(found.waiting["toy-a_seed0"]) <= 320
    assert "toy-b_seed0" not in found.waiting


def test_link_pipe_and_folder_are_no_status(group: Group, tmp_path: Path) -> None:
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now()))
        (group.folder / NAME).rename(tmp_path / "elsewhere")
        (group.folder / NAME).symlink_to(tmp_path / "elsewhere")
        assert read_harness_status(group.folder) is None
        (group.folder / NAME).unlink()
        os.mkfifo(group.folder / NAME)
        assert read_harness_status(group.folder) is None
        (group.folder / NAME).unlink()
        (group.folder / NAME).mkdir()
        assert read_harness_status(group.folder) is None
        write_harness_status(group.folder, HarnessStatus(now()))
        assert read_harness_status(group.folder) is not None


def test_harness_says_what_its_runs_wait_for(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    script = WORKS_UNTIL_TOLD.format(trace=tmp_path / "trace", go=tmp_path / "go")
    group = Group.create(runs_dir, plan(script, limits={"cpus": 2}), {}, "group")
    harness = Harness(group)
    wait_until(lambda: begun(tmp_path / "trace") == 2)
    waiting = next(record.run_id for record in group.records() if record.state == "pending")
    found = wait_until(
        lambda: said if (said := read_harness_status(group.folder)) and said.waiting.keys() == {waiting} else None,
        explain=lambda: read_harness_status(group.folder),
    )
    assert (found.slots, found.parallel, found.is_paused) == (2, None, False)
    assert found.waits_for(waiting) == "waits for 2 free CPUs; next in the queue"
    assert found.seconds_left is not None and 0 < found.seconds_left <= 1200
    pause(group)
    found = wait_until(lambda: said if (said := read_harness_status(group.folder)) and said.is_paused else None)
    assert (found.waits_for(waiting), found.seconds_left) == ("its group is paused", None)
    (tmp_path / "go").touch()
    (group.folder / ".orders" / "paused").unlink()
    harness.join()
    assert not (group.folder / NAME).exists()


def test_harness_says_that_others_go_before(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    script = WORKS_UNTIL_TOLD.format(trace=tmp_path / "trace", go=tmp_path / "go")
    group = Group.create(runs_dir, plan(script), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    found = wait_until(lambda: said if (said := read_harness_status(group.folder)) and len(said.waiting) == 2 else None)
    assert sorted(found.waiting.values()) == [
        "waits its turn, at most 1 run at once; 1 run before it",
        "waits its turn, at most 1 run at once; next in the queue",
    ]
    (tmp_path / "go").touch()
    harness.join()


def test_failed_run_is_said_to_be_tried_again(plan: Plans, runs_dir: Path, toys: Path) -> None:
    group = Group.create(runs_dir, plan(SUBMIT, competitions=("toy-a",)), {}, "group")
    (toys / "toy-a" / "prepared" / "public").rename(toys / "gone")
    harness = Harness(group, retries=1, retry_delay=3600)
    found = wait_until(lambda: said if (said := read_harness_status(group.folder)) and said.waiting else None)
    assert found.waits_for("toy-a_seed0").startswith("is retried at ") and found.waits_for("toy-a_seed0").endswith(" UTC")
    (group.folder / "cancel").touch()
    (group.run_dir("toy-a_seed0") / "cancel").touch()
    (group.folder / ".orders" / "cancel").mkdir(parents=True)
    (group.folder / ".orders" / "cancel" / "toy-a_seed0").touch()
    harness.join()
    assert states(group) == ["cancelled"]


def test_file_is_written_when_something_changed_and_stays_small(
    plan: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of 10,000 runs: a look costs what is said of it, and the time left is added up only for a write."""
    monkeypatch.setattr(status_files, "_WRITE_EVERY_SECONDS", 0.0)
    # nothing looks stale meanwhile, however busy this machine is
    monkeypatch.setattr(status_files, "RENEW_SECONDS", 1e6)
    group = Group.create(runs_dir, plan(competitions=("toy-a",)), {}, "group")
    added_up = 0

    def left() -> float:
        nonlocal added_up
        added_up += 1
        return 60.0

    waiting = {f"{'long-name-of-a-competition' * 3}_seed{number}": "waits for 2 free GPUs" for number in range(MOST_WAITING)}
    said = HarnessStatus(now(), 4, None, waiting=waiting, others="waits for 2 free GPUs")
    files = StatusFiles()
    with lock.hold(group.folder):
        for _ in range(100):
            files.tell([group], lambda group: replace(said, at=now()), left)
        assert (added_up, (group.folder / NAME).stat().st_size < 2**16) == (1, True)
        files.tell([group], lambda group: replace(said, at=now(), is_paused=True), left)
        found = read_harness_status(group.folder)
    assert found is not None and (found.is_paused, found.seconds_left, added_up) == (True, None, 1)


def test_harness_goes_on_where_the_file_cannot_be_written(plan: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, status: HarnessStatus) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(status_files, "write_harness_status", full)
    group = Group.create(runs_dir, plan(), {}, "group")
    assert [record.state for record in Harness(group).join()] == ["finished"] * 3
