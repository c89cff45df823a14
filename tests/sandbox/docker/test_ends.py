"""How ends are named, and how engines' errors are read, without an engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests

from mlebench.profiles import Profile
from mlebench.sandbox.docker import engine, sandbox, watch
from mlebench.sandbox.docker.handle import _Forced, judge
from mlebench.sandbox.docker.watch import Excess, Watch

PROFILE = Profile(name="test", memory="1g", pids=100, disk="1g", time_limit=60)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"ExitCode": 0}, ("finished", "exited", None)),
        ({"ExitCode": 1}, ("failed", "exit-code", "agent")),
        ({"ExitCode": 137}, ("failed", "killed", "agent")),
        ({"ExitCode": 137, "OOMKilled": True}, ("failed", "out-of-memory", "agent")),
        ({"ExitCode": 1, "OOMKilled": True}, ("failed", "out-of-memory", "agent")),
        # a child ran out of memory and the agent went on
        ({"ExitCode": 0, "OOMKilled": True}, ("finished", "exited", None)),
        ({"ExitCode": 128, "Error": "no such device"}, ("failed", "start-failed", "infrastructure")),
    ],
)
def test_ends_by_itself(state: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    assert judge(None, state, PROFILE, {})[:3] == expected


@pytest.mark.parametrize(
    ("forced", "expected"),
    [
        (_Forced("deadline"), ("timed-out", "timed-out", "agent")),
        (_Forced("stop"), ("cancelled", "cancelled", None)),
        (_Forced("lost"), ("failed", "lost", "infrastructure")),
        (_Forced("outage"), ("failed", "engine-unreachable", "infrastructure")),
        (_Forced("excess", Excess("disk-full", "x")), ("failed", "disk-full", "agent")),
        (_Forced("excess", Excess("host-disk-full", "x")), ("failed", "host-disk-full", "infrastructure")),
    ],
)
def test_ends_by_the_harness(forced: _Forced, expected: tuple[str, str, str | None]) -> None:
    # whatever the exit code of a killed container is
    assert judge(forced, {"ExitCode": 137}, PROFILE, {})[:3] == expected


def test_a_restart_of_the_engine_is_not_the_agents_doing() -> None:
    assert judge(None, {"ExitCode": 137}, PROFILE, {}, had_outage=True)[:3] == ("failed", "engine-restarted", "infrastructure")
    assert judge(None, {"ExitCode": 0}, PROFILE, {}, had_outage=True).state == "finished"
    assert judge(None, {"ExitCode": 2}, PROFILE, {}, had_outage=True).failure_class == "agent"


def test_a_reached_limit_of_processes_is_told() -> None:
    detail = judge(None, {"ExitCode": 1}, PROFILE, {"peak_processes": 100}).detail
    assert "limit of 100 processes" in detail
    assert "processes" not in judge(None, {"ExitCode": 1}, PROFILE, {"peak_processes": 99}).detail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            docker.errors.APIError("x", explanation='could not select device driver "" with capabilities: [[gpu]]'),
            "gpu-unavailable",
        ),
        (docker.errors.APIError("x", explanation="No such image: sha256:12"), "image-missing"),
        (docker.errors.APIError("x", explanation="write /var/lib: no space left on device"), "host-disk-full"),
        (docker.errors.APIError("x", explanation="invalid mount config"), "start-failed"),
        (requests.exceptions.ConnectionError("gone"), "engine-unreachable"),
        (requests.exceptions.ReadTimeout("slow"), "engine-unreachable"),
        (PermissionError(13, "Permission denied", "/some/where"), "start-failed"),
    ],
)
def test_errors_of_the_start_are_named(error: Exception, reason: str) -> None:
    request: Any = SimpleNamespace(gpu_ids=("0",), agent=SimpleNamespace(name="a"))
    outcome = sandbox._start_failed(error, request).outcome
    assert (outcome.reason, outcome.failure_class) == (reason, "infrastructure")
    assert outcome.detail


def test_an_odd_answer_is_no_outage() -> None:
    assert not engine.is_outage(requests.exceptions.JSONDecodeError("x", "y", 0))
    assert not engine.is_outage(docker.errors.APIError("refused"))
    assert engine.is_outage(requests.exceptions.ChunkedEncodingError("cut"))
    assert engine.is_outage(ConnectionRefusedError())


class Engine:
    """What `Watch` asks of an engine."""

    def __init__(self) -> None:
        self.processes, self.size, self.asked_for_size = 1, 0, 0
        self.api = self

    def stats(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"pids_stats": {"current": self.processes}, "memory_stats": {"usage": 900, "stats": {"inactive_file": 200}},
                "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}}  # fmt: skip

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        self.asked_for_size += 1
        return [{"SizeRw": self.size}]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def test_use_is_counted(clock: list[float]) -> None:
    watched = Watch(Engine(), "id", PROFILE, None)
    assert watched.look() is None
    assert watched.usage == {"disk_bytes": 0, "peak_memory_bytes": 700, "cpu_seconds": 2.5, "peak_processes": 1}


def test_standing_at_the_limit_of_processes_is_ended_after_a_while(clock: list[float]) -> None:
    fake = Engine()
    watched = Watch(fake, "id", PROFILE, None)
    fake.processes = 100
    found = []
    for _ in range(70):
        found.append(watched.look())
        clock[0] += 1
    assert found[:55] == [None] * 55
    assert any(excess and excess.reason == "process-limit" for excess in found)


def test_touching_the_limit_of_processes_is_no_excess(clock: list[float]) -> None:
    fake = Engine()
    watched = Watch(fake, "id", PROFILE, None)
    for second in range(300):
        fake.processes = 100 if second % 40 < 20 else 50
        assert watched.look() is None
        clock[0] += 1


def test_size_is_measured_when_the_disk_shrinks(clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Engine()
    free = [50 * 2**30]
    monkeypatch.setattr(Watch, "_free", lambda _: free[0])
    watched = Watch(fake, "id", PROFILE, tmp_path)
    watched.look()
    clock[0] += 1
    watched.look()
    assert fake.asked_for_size == 1
    free[0] -= 2 * 2**30
    fake.size = 2 * 2**30
    clock[0] += 1
    excess = watched.look()
    assert excess is not None and excess.reason == "disk-full"
    assert fake.asked_for_size == 2


def test_a_full_host_ends_who_wrote_much_and_spares_others(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Watch, "_free", lambda _: 2**30)
    small, large = Engine(), Engine()
    small.size, large.size = 2**20, 900 * 2**20
    assert Watch(small, "id", PROFILE, tmp_path).look() is None
    excess = Watch(large, "id", PROFILE, tmp_path).look()
    assert excess is not None and excess.reason == "host-disk-full"
