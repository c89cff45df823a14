"""Limits that the engine does not enforce are guarded, and one look that fails switches off no other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests

from mlebench.profiles import Profile
from mlebench.sandbox.base import Measured
from mlebench.sandbox.docker.guard import Excess, Guard

PROFILE = Profile(name="test", memory="1g", pids=100, disk="1g", time_limit=60)
REFUSED = docker.errors.APIError("500 Server Error", explanation="cgroup deleted")


class Engine:
    """What a guard asks of an engine; `broken` names the questions to which it answers with an error."""

    def __init__(self) -> None:
        self.processes, self.size, self.asked_for_size = 1, 0, 0
        self.broken: dict[str, Exception] = {}
        self.api = self

    def stats(self, *_: Any, **__: Any) -> dict[str, Any]:
        if "stats" in self.broken:
            raise self.broken["stats"]
        return {"pids_stats": {"current": self.processes}, "memory_stats": {"usage": 900, "stats": {"inactive_file": 200}},
                "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}}  # fmt: skip

    def ping(self) -> bool:
        return "ping" not in self.broken

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        self.asked_for_size += 1
        if "size" in self.broken:
            raise self.broken["size"]
        return [{"SizeRw": self.size}]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test moves; however busy this machine is, an answer comes within the moment that is waited for one."""
    monkeypatch.setattr("mlebench.sandbox.docker.guard._PROMPT_SECONDS", 300.0)
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def guarding(fake: Engine, root: Path | None = None) -> tuple[Guard, list[str]]:
    notes: list[str] = []
    return Guard(fake, "id", PROFILE, root, notes.append), notes


def looks(guard: Guard, clock: list[float], seconds: int) -> Excess | None:
    """What a look a second finds first."""
    for _ in range(seconds):
        if (found := guard.look()) is not None:
            return found
        clock[0] += 1
    return None


def test_use_is_counted(clock: list[float]) -> None:
    guard, _ = guarding(Engine())
    assert guard.look() is None
    assert guard.usage == {"disk_bytes": 0, "peak_memory_bytes": 700, "cpu_seconds": 2.5, "peak_processes": 1}


def test_what_was_counted_last_is_known_until_that_fails(clock: list[float]) -> None:
    fake = Engine()
    guard, _ = guarding(fake)
    assert guard.latest == Measured()
    guard.look()
    assert guard.latest == Measured(2.5, 700, 1, 0)
    fake.broken["stats"] = REFUSED
    looks(guard, clock, 20)
    assert guard.latest == Measured()


def test_standing_at_the_limit_of_processes_is_ended_after_a_while(clock: list[float]) -> None:
    fake = Engine()
    guard, _ = guarding(fake)
    fake.processes = 100
    found = []
    for _ in range(70):
        found.append(guard.look())
        clock[0] += 1
    assert found[:55] == [None] * 55
    assert any(excess and excess.reason == "process-limit" for excess in found)


def test_touching_the_limit_of_processes_is_no_excess(clock: list[float]) -> None:
    fake = Engine()
    guard, _ = guarding(fake)
    for second in range(300):
        fake.processes = 100 if second % 40 < 20 else 50
        assert guard.look() is None
        clock[0] += 1


def test_size_is_measured_when_the_disk_shrinks(clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Engine()
    free = [50 * 2**30]
    monkeypatch.setattr(Guard, "_free", lambda _: free[0])
    guard, _ = guarding(fake, tmp_path)
    guard.look()
    clock[0] += 1
    guard.look()
    assert fake.asked_for_size == 1
    free[0] -= 2 * 2**30
    fake.size = 2 * 2**30
    clock[0] += 1
    excess = guard.look()
    assert excess is not None and excess.reason == "disk-full"
    assert fake.asked_for_size == 2


def test_a_full_host_ends_who_wrote_much_and_spares_others(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Guard, "_free", lambda _: 2**30)
    small, large = Engine(), Engine()
    small.size, large.size = 2**20, 900 * 2**20
    assert guarding(small, tmp_path)[0].look() is None
    excess = guarding(large, tmp_path)[0].look()
    assert excess is not None and (excess.reason, excess.failure_class) == ("host-disk-full", "infrastructure")


@pytest.mark.parametrize("error", [REFUSED, requests.exceptions.ReadTimeout("slow"), ValueError("no JSON")])
def test_without_statistics_the_disk_is_guarded_all_the_same_and_the_log_says_what_is_missing(
    clock: list[float], error: Exception
) -> None:
    fake = Engine()
    fake.broken["stats"] = error
    guard, notes = guarding(fake)
    assert looks(guard, clock, 200) is None
    assert fake.asked_for_size >= 2
    assert len(notes) == 1 and "no statistics" in notes[0]
    assert guard.usage["uncounted"] == notes[0]
    fake.size = 2 * 2**30
    found = looks(guard, clock, 200)
    assert found is not None and (found.reason, found.failure_class) == ("disk-full", "agent")


def test_without_a_size_processes_are_guarded_all_the_same(clock: list[float]) -> None:
    fake = Engine()
    fake.broken["size"] = REFUSED
    fake.processes = 100
    guard, notes = guarding(fake)
    found = looks(guard, clock, 100)
    assert found is not None and found.reason == "process-limit"
    assert len(notes) == 1 and "limit on it is not enforced (cgroup deleted)" in notes[0]


def test_a_run_whose_written_bytes_cannot_be_measured_ends_as_the_infrastructures_failure(clock: list[float]) -> None:
    fake = Engine()
    fake.broken["size"] = REFUSED
    guard, _ = guarding(fake)
    began = clock[0]
    found = looks(guard, clock, 1000)
    assert found is not None and (found.reason, found.failure_class) == ("disk-unmeasured", "infrastructure")
    assert "cgroup deleted" in found.detail and "mlebench doctor" in found.detail
    assert 300 <= clock[0] - began < 320


@pytest.mark.parametrize("trick", ["deep", "many"])
def test_files_that_the_engine_cannot_count_are_the_agents_doing(clock: list[float], trick: str) -> None:
    """It says -1 where a path below the agent's folders is too long, and nothing in time where there are millions."""
    fake = Engine()
    fake.size = -1
    if trick == "many":
        fake.broken["size"] = requests.exceptions.ReadTimeout("slow")
    guard, _ = guarding(fake)
    found = looks(guard, clock, 1000)
    assert found is not None and (found.reason, found.failure_class) == ("disk-unmeasured", "agent")
    assert "could not count them" in found.detail


def test_an_engine_that_hangs_is_not_the_agents_doing(clock: list[float]) -> None:
    fake = Engine()
    fake.broken |= {"size": requests.exceptions.ReadTimeout("slow"), "ping": ValueError()}
    found = looks(guarding(fake)[0], clock, 1000)
    assert found is not None and (found.reason, found.failure_class) == ("disk-unmeasured", "infrastructure")


def test_who_cannot_be_counted_is_ended_once_its_limit_is_gone_from_the_disk(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = Engine()
    free = [50 * 2**30]
    monkeypatch.setattr(Guard, "_free", lambda _: free[0])
    guard, _ = guarding(fake, tmp_path)
    assert guard.look() is None
    fake.size = -1
    free[0] -= 2**30 + 1
    found = looks(guard, clock, 20)
    assert found is not None and (found.reason, found.failure_class) == ("disk-full", "agent")


def test_the_other_limits_hold_while_an_engine_counts(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.sandbox.docker.guard._PROMPT_SECONDS", 0.1)
    counted = threading.Event()

    class Counting(Engine):
        def containers(self, **_: Any) -> list[dict[str, Any]]:
            counted.wait(300)
            return [{"SizeRw": 2 * 2**30}]

    fake = Counting()
    fake.processes = 100
    guard, _ = guarding(fake)
    found = looks(guard, clock, 200)
    assert found is not None and found.reason == "process-limit"
    counted.set()
    fake.processes = 1
    guard._question.is_answered(300)  # type: ignore[union-attr]
    found = looks(guard, clock, 5)
    assert found is not None and found.reason == "disk-full"


def test_a_hiccup_is_no_word_worth_and_a_mended_engine_is_told(clock: list[float]) -> None:
    fake = Engine()
    guard, notes = guarding(fake)
    fake.broken = {"stats": ValueError("nothing yet"), "size": REFUSED}
    assert looks(guard, clock, 20) is None
    fake.broken = {}
    assert looks(guard, clock, 20) is None
    assert notes == []
    fake.broken = {"stats": REFUSED}
    looks(guard, clock, 60)
    fake.broken = {}
    looks(guard, clock, 60)
    assert len(notes) == 2 and notes[1].startswith("resolved: ")
    assert guard.usage["peak_processes"] == 1


def test_an_engine_that_takes_long_to_refuse_is_not_asked_all_the_time(clock: list[float]) -> None:
    """A look that lasts keeps the time limit waiting."""

    class Slow(Engine):
        def stats(self, *_: Any, **__: Any) -> dict[str, Any]:
            clock[0] += 120
            raise requests.exceptions.ReadTimeout("slow")

    guard, _ = guarding(Slow())
    asked = 0
    for _ in range(600):
        before = clock[0]
        guard.look()
        asked += clock[0] > before
        clock[0] += 1
    assert asked <= 5
