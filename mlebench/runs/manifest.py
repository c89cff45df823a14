"""What a reader needs to know about the circumstances of a group: hardware, versions, images, network, limits and models."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlebench._support.machine import this_machine
from mlebench._support.version import VERSION
from mlebench.errors import MlebenchError
from mlebench.preparation.digests import digests_by_id, same_data
from mlebench.registry import Competition
from mlebench.runs.agent_files import file_hashes
from mlebench.runs.competitions import load_competition
from mlebench.runs.executors.base import Executor
from mlebench.runs.models import served_models
from mlebench.runs.plan import Plan
from mlebench.sandbox.base import Sandbox


def make_manifest(plan: Plan, sandbox: Sandbox, executor: Executor) -> dict[str, Any]:
    """The part of `group.yaml` that describes the circumstances; contains no secrets.

    The hardware is that of the machine that started the group; each `run.json` states its own node.
    """
    described = executor.describe(plan, sandbox)
    return {
        "harness": {"version": VERSION, "commit": harness_commit(), "python": platform.python_version()},
        "hardware": this_machine().to_dict(),
        "sandbox": plan.sandbox,
        "engine": described,
        "executor": executor.name,
        "network": plan.agents_network,
        "time_limit_seconds": plan.profile.time_limit,
        "models": plan.agent.models,
        "models_served": served_models(plan),
        "budget": plan.profile.budget.limits,
        "allow": list(plan.profile.allow),
        "grants": list(plan.profile.grants),
        "agent_files": file_hashes(plan.agent),
        "data": _data(plan),
        "arguments": dict(plan.agent.arguments),
    }


def _data(plan: Plan) -> dict[str, dict[str, Any]]:
    """What the grading of each competition depends on, as far as it is prepared here."""
    competitions = []
    for competition_id in plan.competitions:
        # a competition that is not prepared is refused elsewhere
        with contextlib.suppress(MlebenchError):
            competitions.append(load_competition(plan.data_dir, plan.edition, None, competition_id))
    return digests_by_id(competitions)


def other_data(manifest: Mapping[str, Any], competition: Competition) -> str | None:
    """Whether grading here must give the same scores as where a group was created.

    Args:
        manifest: the group's manifest; untrusted.
        competition: the local one.

    Returns:
        None if so, otherwise what differs, in a few words; see `same_data`.
    """
    recorded = manifest.get("data")
    return same_data(recorded.get(competition.id) if isinstance(recorded, Mapping) else None, competition)


def harness_commit() -> str | None:
    """The commit of the checkout that the harness runs from, with `+changes` if modified; None if installed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return f"{head}+changes" if _git(root, "status", "--porcelain", "--", "mlebench", "grading") else head
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.strip()
