"""An agent whose program is a shell script for each turn, in folders of its own, with a clock that only it moves."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from mlebench_agent import conversation
from mlebench_agent import task as task_module
from mlebench_agent.conversation import CommandLineAgent, converse

from tests.agents.home import Home


class Clock:
    """Time that passes while somebody sleeps, or while a test lets it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        self.on_sleep()


class Conversing:
    """Lets such an agent work, and keeps what it was asked."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self.home, self.clock = home, clock
        self.prompts: list[str] = []
        self.firsts: list[bool] = []

    def run(self, *scripts: str, takes: Sequence[float] = (30.0,), words: Sequence[str] = (), **methods: Any) -> int:
        """Converse to the end.

        Args:
            scripts: what each turn's shell does; the last one also does those after it.
            takes: seconds that each turn takes; the last also those after it.
            words: the agent's arguments.
            methods: replace methods of the agent.

        Returns:
            The exit code.
        """
        trial = self

        class Scripted(CommandLineAgent):
            name = "scripted"
            defaults: ClassVar[Mapping[str, Any]] = {"model": "a-model"}

            def command(self, prompt: str, *, is_first: bool) -> Sequence[str]:
                turn = len(trial.prompts)
                trial.prompts.append(prompt)
                trial.firsts.append(is_first)
                trial.clock.now += takes[min(turn, len(takes) - 1)]
                return ["sh", "-c", scripts[min(turn, len(scripts) - 1)]]

            def usage(self) -> Mapping[str, Any]:
                return {"turns": len(trial.prompts)}

        kind = type("Scripted", (Scripted,), methods)
        return converse(kind, words)

    def logged(self, turn: int) -> str:
        """What a turn's program said, as it is kept."""
        return (self.home.folder / "logs" / "scripted" / f"turn-{turn:03d}.log").read_text(encoding="utf-8")


@pytest.fixture
def conversing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conversing]:
    """Two hours before the end of a run."""
    home, clock = Home(tmp_path / "home"), Clock()
    monkeypatch.setenv("MLEBENCH_HOME", str(home.folder))
    monkeypatch.setenv("TIME_LIMIT_SECS", "7200")
    for name in ("data", "submission", "logs", "code"):
        monkeypatch.setenv(f"{name.upper()}_DIR", str(home.folder / name))
    monkeypatch.setattr(conversation, "time", clock)
    monkeypatch.setattr(task_module, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(task_module, "_STARTED", 0.0)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Conversing(home, clock)
    for number, handler in before.items():
        signal.signal(number, handler)
