"""How outcomes are named, and how engines' errors are read, without an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests
import urllib3

from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome
from mlebench.sandbox.docker import engine, sandbox
from mlebench.sandbox.docker.guard import Excess
from mlebench.sandbox.docker.outcome import Forced, name_outcome
from mlebench.sandbox.docker.traits import Traits

PROFILE = Profile(name="test", memory="1g", pids=100, disk="1g", time_limit=60)


def named(outcome: Outcome) -> tuple[str, str, str | None]:
    return outcome.state, outcome.reason, outcome.failure_class


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
    assert named(name_outcome(None, state, PROFILE, {})) == expected


@pytest.mark.parametrize(
    ("forced", "expected"),
    [
        (Forced("deadline"), ("timed-out", "timed-out", "agent")),
        (Forced("stop"), ("cancelled", "cancelled", None)),
        (Forced("lost"), ("failed", "lost", "infrastructure")),
        (Forced("outage"), ("failed", "engine-unreachable", "infrastructure")),
        (Forced("excess", Excess("disk-full", "x")), ("failed", "disk-full", "agent")),
        (Forced("excess", Excess("host-disk-full", "x", "infrastructure")), ("failed", "host-disk-full", "infrastructure")),
    ],
)
def test_ends_by_the_harness(forced: Forced, expected: tuple[str, str, str | None]) -> None:
    # whatever the exit code of a killed container is
    assert named(name_outcome(forced, {"ExitCode": 137}, PROFILE, {})) == expected


def test_a_restart_of_the_engine_is_not_the_agents_doing() -> None:
    assert named(name_outcome(None, {"ExitCode": 137}, PROFILE, {}, had_outage=True)) == (
        "failed",
        "engine-restarted",
        "infrastructure",
    )
    assert name_outcome(None, {"ExitCode": 0}, PROFILE, {}, had_outage=True).state == "finished"
    assert name_outcome(None, {"ExitCode": 2}, PROFILE, {}, had_outage=True).failure_class == "agent"


def test_a_reached_limit_of_processes_is_told() -> None:
    detail = name_outcome(None, {"ExitCode": 1}, PROFILE, {"peak_processes": 100}).detail
    assert "limit of 100 processes" in detail
    assert "processes" not in name_outcome(None, {"ExitCode": 1}, PROFILE, {"peak_processes": 99}).detail


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
    request: Any = SimpleNamespace(gpu_ids=("0",), secrets=(), agent=SimpleNamespace(name="a", address="a"))
    failed = sandbox._start_failed(error, request, Traits())
    assert (failed.reason, failed.failure_class) == (reason, "infrastructure")
    assert failed.detail


def test_an_engine_that_quotes_a_secret_is_not_believed() -> None:
    request: Any = SimpleNamespace(gpu_ids=(), secrets=("sk-secret-value",), agent=SimpleNamespace(name="a", address="a"))
    failed = sandbox._start_failed(
        docker.errors.APIError("x", explanation="invalid environment: K=sk-secret-value"), request, Traits()
    )
    assert "K=***" in failed.detail


ENDED = "2024-01-01T00:10:00.5Z"
AT = datetime(2024, 1, 1, 0, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("signals", "code", "is_outside"),
    [
        ([(AT, 9)], 137, True),
        ([(AT, 15)], 143, True),
        # the agent saved its work
        ([(AT - 10, 15)], 0, True),
        # it took no notice and ended long after
        ([(AT - 500, 15)], 0, False),
        ([(AT - 500, 15)], 143, True),
        # what ends nothing by itself
        ([(AT, 10), (AT, 28), (AT, 18)], 1, False),
        ([], 137, False),
    ],
)
def test_signals_from_outside_are_told_from_the_agents_own_end(
    signals: list[tuple[float, int]], code: int, is_outside: bool
) -> None:
    outcome = name_outcome(None, {"ExitCode": code, "FinishedAt": ENDED}, PROFILE, {}, signals=signals)
    assert (outcome.failure_class == "infrastructure") is is_outside
    assert ("ended from outside" in outcome.detail) is is_outside


def test_an_odd_answer_is_no_outage() -> None:
    assert not engine.is_outage(requests.exceptions.JSONDecodeError("x", "y", 0))
    assert not engine.is_outage(docker.errors.APIError("refused"))
    assert engine.is_outage(requests.exceptions.ChunkedEncodingError("cut"))
    assert engine.is_outage(ConnectionRefusedError())
    # what breaks off in the middle of a stream is told by the layer below
    assert engine.is_outage(urllib3.exceptions.ProtocolError("cut"))
    assert isinstance(urllib3.exceptions.ProtocolError("cut"), engine.failures())


def test_an_exit_code_is_told_where_the_engine_knows_it() -> None:
    assert name_outcome(Forced("deadline"), {"ExitCode": 137}, PROFILE, {}).exit_code == 137
    assert name_outcome(Forced("lost"), {"ExitCode": 0}, PROFILE, {}).exit_code is None
