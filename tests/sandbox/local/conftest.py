"""Agents made of one shell script, and requests for them: whole attempts in a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.local.sandbox import LocalSandbox
from tests.bubblewrap import needs_bubblewrap
from tests.scripted import SUBMIT, scripted_agent


@pytest.fixture(params=["plain", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def sandbox(request: pytest.FixtureRequest) -> LocalSandbox:
    """One sandbox after the other, for what all of them do."""
    found = get_sandbox(request.param)
    assert isinstance(found, LocalSandbox)
    return found


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., AgentSpec]:
    """Makes an agent of a script: `agent("exit 3")`, or `agent(SUBMIT, settings="arguments: {a: 1}")`."""

    def make(script: str = SUBMIT, settings: str = "description: a script") -> AgentSpec:
        return scripted_agent(tmp_path / "agents" / "scripted", script, settings)

    return make


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., RunRequest]:
    """Makes the request of one run of an agent; keywords replace its parts, `limits` those of its profile."""
    public = tmp_path / "public"
    public.mkdir()
    (public / "test.csv").write_text("id\na\nb\n")
    (public / "sample_submission.csv").write_text("id,y\na,1\nb,1\n")
    profile = Profile(name="toy", cpus=1, memory=2**30, network="none", time_limit=300, grace=1, snapshot_every=0)

    def make(agent: AgentSpec, limits: dict[str, Any] | None = None, **parts: Any) -> RunRequest:
        run_dir = tmp_path / "runs" / "group" / "toy-a_seed0"
        run_dir.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "run_id": "toy-a_seed0",
            "group": f"group-{tmp_path.name}",
            "attempt": 1,
            "competition_id": "toy-a",
            "seed": 7,
            "public_dir": public,
            "description": "What to do.",
            "instructions": "How to do it.",
            "agent": agent,
            "profile": profile.model_copy(update=limits or {}),
            "run_dir": run_dir,
        }
        return RunRequest(**{**content, **parts})

    return make
