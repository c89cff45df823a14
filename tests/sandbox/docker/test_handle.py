"""A container's handle with an engine that refuses things: each is said in the log, and none switches off another."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.sandbox import failure_streak
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.docker import guard, outputs
from mlebench.sandbox.docker.container import HostFolder
from mlebench.sandbox.docker.handle import DockerHandle
from mlebench.sandbox.docker.traits import Traits
from mlebench.sandbox.left_out import LeftOut
from mlebench.sandbox.run_log import RunLog

REFUSED = docker.errors.APIError("500 Server Error", explanation="the daemon is confused")
AWAY = requests.exceptions.ConnectionError("gone")


class Printed:
    """What an agent prints, as the engine hands it out."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        self.is_closed = True


class Engine:
    """An engine with one container.

    `broken` names the calls that raise an error; `lasts` is how often it is seen running once `until` has come true.
    """

    id = "c0ffee"
    base_url, api_version = "http://engine", "1"
    name = "mlebench-toy"

    def __init__(self, lasts: int = 12, until: Callable[[Engine], bool] = lambda _: True, **broken: Exception) -> None:
        self.api = self
        self.attrs: dict[str, Any] = {"Image": "sha256:1", "State": {"StartedAt": "2024-01-01T00:00:00.123456789Z"}}
        self.status = "running"
        self.broken = broken
        self.events = ""
        self.asked: list[str] = []
        self._lasts, self._until = lasts, until

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.broken:
            raise self.broken[name]

    def end(self, code: int) -> None:
        if self.status == "running":
            self.status = "exited"
            self.attrs["State"] |= {"ExitCode": code, "FinishedAt": "2024-01-01T00:01:00.5Z"}

    def info(self) -> dict[str, Any]:
        return {}

    def reload(self) -> None:
        self._lasts -= self._until(self)
        self._ask("reload")
        if self._lasts <= 0:
            self.end(0)

    def stats(self, *_: Any, **__: Any) -> dict[str, Any]:
        self._ask("stats")
        return {}

    def containers(self, **given: Any) -> list[dict[str, Any]]:
        self._ask("size" if given.get("size") else "containers")
        return [{"SizeRw": 10}]

    def logs(self, **_: Any) -> Printed:
        self._ask("logs")
        return Printed([b"printed\n"])

    def head(self, *_: Any, params: dict[str, str], **__: Any) -> Any:
        """There is no submission, but what the image holds."""
        self._ask("head")
        if params["path"] != "/usr":
            return SimpleNamespace(status_code=404, headers={})
        told = json.dumps({"size": 0, "mode": 1 << 31 | 0o755, "mtime": "2024-01-01T00:00:00Z"})
        headers = {"X-Docker-Container-Path-Stat": base64.b64encode(told.encode())}
        return SimpleNamespace(status_code=200, headers=headers, raise_for_status=lambda: None)

    def inspect_container(self, *_: Any) -> dict[str, Any]:
        self._ask("inspect")
        return {}

    def get(self, *_: Any, **__: Any) -> Any:
        self._ask("events")
        return SimpleNamespace(text=self.events)

    def networks(self, **_: Any) -> list[Any]:
        self._ask("networks")
        return []

    def wait(self, **_: Any) -> None:
        self._ask("wait")

    def kill(self) -> None:
        self._ask("kill")
        self.end(137)

    def stop(self, **_: Any) -> None:
        self._ask("stop")
        self.end(143)

    def remove(self, **_: Any) -> None:
        self._ask("remove")


def is_measured(engine: Engine) -> bool:
    """Whether it has answered how much was written, which is asked in a thread of its own."""
    return "size" in engine.asked and not any(thread.name == "size of a container" for thread in threading.enumerate())


Play = Callable[..., tuple[Outcome, str]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Attends to the engine's container until its end; returns the outcome and the log."""
    monkeypatch.setattr(failure_streak, "_STEADY_SECONDS", 0.05)
    monkeypatch.setattr(guard, "_STATISTICS_EVERY", 0.05)
    monkeypatch.setattr("mlebench.sandbox.docker.handle._LONGEST_TICK", 0.1)

    def take_out(source: Any, *_: Any) -> outputs.Taken:
        source._api._ask("archive")
        return outputs.Taken(LeftOut(print))

    monkeypatch.setattr(outputs, "take_out", take_out)

    def run(engine: Engine, seconds: float = 600, **limits: Any) -> tuple[Outcome, str]:
        profile = Profile(name="test", time_limit=600, grace=0, **{"snapshot_every": 0.1, **limits})
        agent = AgentSpec(name="scripted", variant=None, directory=tmp_path)
        request = RunRequest("toy_seed0", "group", 1, "toy", 0, tmp_path, "task", "instructions", agent, profile, tmp_path)
        log = RunLog(tmp_path / "run.log")
        handle = DockerHandle(engine, engine, request, HostFolder(tmp_path / "host" / "run"), log, Traits())
        handle.resume()
        outcome = handle.wait(datetime.now(UTC) + timedelta(seconds=seconds))
        return outcome, (tmp_path / "run.log").read_text()

    return run


def test_an_engine_that_answers_leaves_no_word(play: Play) -> None:
    engine = Engine(until=is_measured)
    outcome, log = play(engine)
    assert (outcome.state, outcome.exit_code, outcome.failure_class) == ("finished", 0, None)
    assert outcome.started_at == datetime(2024, 1, 1, 0, 0, 0, 123456, UTC)
    assert (outcome.resources["image_digest"], outcome.resources["disk_bytes"]) == ("sha256:1", 10)
    assert [line.split(" ", 3)[-1] for line in log.splitlines()] == ["printed", "exited (0)"]


def test_what_the_engine_refuses_is_said_and_the_run_goes_on(play: Play, tmp_path: Path) -> None:
    steady = ("the engine provides no statistics", "the limit on it is not enforced", "no snapshots of the submission are kept")

    def is_said(_: Engine) -> bool:
        log = tmp_path / "run.log"
        return log.exists() and all(sentence in log.read_text() for sentence in steady)

    refused = dict.fromkeys(("stats", "size", "archive", "head", "logs", "remove"), REFUSED)
    engine = Engine(until=is_said, **refused)
    outcome, log = play(engine, snapshot_every=0.05)
    assert (outcome.reason, outcome.failure_class) == ("output-lost", "infrastructure")
    assert "the daemon is confused" in outcome.resources["uncounted"]
    for sentence in (
        *steady,
        "the agent's output is missing here",
        "the output could not be extracted",
        "the container was not removed",
    ):
        assert log.count(sentence) == 1, log


@pytest.mark.parametrize("broken", ["stats", "size", "head"])
def test_one_call_that_fails_steadily_switches_off_no_other(play: Play, broken: str) -> None:
    others = {"stats", "head"} - {broken}

    def is_asked(engine: Engine) -> bool:
        return "size" in engine.asked and all(engine.asked.count(other) >= 3 for other in others)

    engine = Engine(until=is_asked, **{broken: REFUSED})
    outcome, _ = play(engine)
    # one that is not asked is waited for until the time limit
    assert outcome.state == "finished" and is_asked(engine)


def test_statistics_that_time_out_are_no_outage(play: Play) -> None:
    outcome, log = play(Engine(stats=requests.exceptions.ReadTimeout("slow")))
    assert outcome.state == "finished"
    assert "does not answer" not in log


def test_a_run_whose_disk_cannot_be_measured_is_ended(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_UNMEASURED_SECONDS", 0.3)
    engine = Engine(lasts=10**6, size=REFUSED)
    outcome, log = play(engine)
    assert (outcome.reason, outcome.failure_class, outcome.exit_code) == ("disk-unmeasured", "infrastructure", 137)
    assert "kill" in engine.asked and outcome.detail in log


@pytest.mark.parametrize("error", [AWAY, REFUSED])
def test_an_engine_that_does_not_say_how_the_container_is_is_given_up_after_a_while(
    play: Play, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("mlebench.sandbox.docker.handle._OUTAGE_PATIENCE", 0.3)
    outcome, log = play(Engine(lasts=10**6, reload=error))
    assert (outcome.reason, outcome.failure_class) == ("engine-unreachable", "infrastructure")
    assert log.count("the container engine does not answer") == 1


@pytest.mark.parametrize(("elapsed", "seconds", "state"), [(10.0**10, 600, "timed-out"), (0.0, 0, "finished")])
def test_the_runs_own_clock_decides_when_its_time_is_up(
    play: Play, monkeypatch: pytest.MonkeyPatch, elapsed: float, seconds: float, state: str
) -> None:
    """The wall clock may have been set back, or on, since the deadline was made of it."""
    monkeypatch.setattr("mlebench.sandbox.docker.handle.RunClock", lambda *_: SimpleNamespace(elapsed=elapsed))
    outcome, _ = play(Engine(), seconds=seconds)
    assert outcome.state == state


def test_taking_out_that_breaks_off_is_tried_once_more(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def take_out(*_: Any) -> outputs.Taken:
        tried.append(1)
        if len(tried) == 1:
            raise AWAY
        return outputs.Taken(LeftOut(print))

    monkeypatch.setattr(outputs, "take_out", take_out)
    outcome, log = play(Engine())
    assert outcome.state == "finished"
    assert "extracting the output failed (gone) and is retried once" in log


def test_an_agent_that_prints_for_ever_is_not_listened_to(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Printed(itertools.repeat(b"printed\n"))
    monkeypatch.setattr(RunLog, "is_full", True)
    monkeypatch.setattr(Engine, "logs", lambda *_, **__: endless)
    outcome, _ = play(Engine())
    assert outcome.state == "finished"
    assert endless.is_closed


def test_an_engine_that_comes_back_is_said(play: Play) -> None:
    class Restarting(Engine):
        def reload(self) -> None:
            super().reload()
            if self.asked.count("reload") in (3, 4):
                raise AWAY

    outcome, log = play(Restarting())
    assert outcome.state == "finished"
    assert log.count("does not answer") == log.count("answers again") == 1


def test_a_container_that_the_engine_does_not_stop_is_said_and_removed(play: Play) -> None:
    engine = Engine(lasts=10**6, stop=REFUSED)
    outcome, log = play(engine, seconds=0)
    assert outcome.state == "timed-out"
    assert "the engine did not stop the container: the daemon is confused" in log
    # how much was written is asked in a thread of its own
    assert [name for name in engine.asked if name != "size"][-2:] == ["remove", "networks"]
