"""Whole runs within walls of bubblewrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlebench.profiles import Profile
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.base import Outcome, RunRequest
from tests.scripted import scripted_agent


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    outcome: Outcome
    run_dir: Path

    @property
    def log(self) -> str:
        return (self.run_dir / "run.log").read_text(errors="replace")

    @property
    def said(self) -> list[str]:
        """The lines of the agent."""
        return [line for line in self.log.splitlines() if not line.startswith("[mlebench]")]


@dataclass(frozen=True)
class Bench:
    """Makes runs in a folder, each of an agent that is one script with files beside it."""

    folder: Path

    def request(
        self, script: str, files: Mapping[str, str] | None = None, profile: Mapping[str, Any] | None = None, **parts: Any
    ) -> RunRequest:
        run_id = parts.pop("run_id", "toy-a_seed0")
        agent = scripted_agent(self.folder / "agents" / run_id, script)
        for name, text in (files or {}).items():
            (agent.directory / name).write_text(text)
        public = self.folder / "data" / "toy-a" / "prepared" / "public"
        public.mkdir(parents=True, exist_ok=True)
        (public / "train.csv").write_text("id,y\n1,0\n")
        run_dir = self.folder / "runs" / "group" / run_id
        run_dir.mkdir(parents=True, exist_ok=True)
        limits = {"cpus": 1, "memory": 2**30, "network": "none", "time_limit": 300, "grace": 1, "snapshot_every": 0}
        content: dict[str, Any] = {
            "run_id": run_id,
            "group": f"group-{self.folder.name}",
            "attempt": 1,
            "competition_id": "toy-a",
            "seed": 0,
            "public_dir": public,
            "description": "the task",
            "instructions": "the instructions",
            "agent": agent,
            "profile": Profile(name="toy", **{**limits, **(profile or {})}),
            "run_dir": run_dir,
            "validate": lambda path: (True, ""),
        }
        return RunRequest(**{**content, **parts})

    def run(self, script: str, **parts: Any) -> Ended:
        request = self.request(script, **parts)
        handle = get_sandbox("bubblewrap").start(request)
        outcome = handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))
        return Ended(outcome, request.run_dir)


MakeBench = Callable[[Path], Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
