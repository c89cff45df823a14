"""The outcome of an attempt in a container: it ended by itself, as the engine reports it, or the harness ended it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from mlebench._support.quantities import show_size
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, exited
from mlebench.sandbox.docker.guard import Excess


class Forced(NamedTuple):
    """Why the harness ends an attempt."""

    by: Literal["deadline", "stop", "detach", "excess", "outage", "lost"]
    excess: Excess | None = None


def name_outcome(
    forced: Forced | None, state: dict[str, Any], profile: Profile, usage: dict[str, Any], *, had_outage: bool = False
) -> Outcome:
    """The outcome of an attempt, times and usage left out.

    Args:
        forced: why the harness ended it, if it did.
        state: the container's state as the engine reports it.
        profile: the limits.
        usage: what was counted.
        had_outage: the engine was away for a while.
    """
    at_limit = usage.get("peak_processes", 0) >= profile.pids
    hint = f"; it had reached its limit of {profile.pids} processes" if at_limit else ""
    # an engine that does not answer, or has no such container, reports no exit code
    code = None if forced is not None and forced.by in ("lost", "outage") else state.get("ExitCode")
    if forced is not None:
        return _name_forced(forced, code, profile, hint)
    if state.get("OOMKilled") and code:
        detail = f"used more than its {show_size(profile.memory)} of memory; `--profile-set memory=SIZE` gives it more"
        return Outcome("failed", "out-of-memory", detail, code, "agent")
    if state.get("Error"):
        return Outcome("failed", "start-failed", f"the engine could not run it: {state['Error']}", code, "infrastructure")
    if had_outage and code in (137, 143, 255):
        # an engine that comes back ends what it finds running
        return Outcome("failed", "engine-restarted", "the container engine was restarted under it", code, "infrastructure")
    if code is None:
        return Outcome("failed", "lost", "the engine reports no exit code", code, "infrastructure")
    return exited(code, hint)


def _name_forced(forced: Forced, code: int | None, profile: Profile, hint: str) -> Outcome:
    if forced.by == "deadline":
        detail = f"stopped at its time limit of {profile.time_limit:g} s{hint}"
        return Outcome("timed-out", "timed-out", detail, code, "agent")
    if forced.by == "stop":
        return Outcome("cancelled", "cancelled", "stopped on request", code)
    if forced.by == "detach":
        return Outcome("cancelled", "detached", "the agent keeps running without a harness")
    if forced.excess is not None:
        return Outcome("failed", forced.excess.reason, forced.excess.detail, code, forced.excess.failure_class)
    if forced.by == "outage":
        detail = "the container engine stopped answering; `mlebench doctor` examines it"
        return Outcome("failed", "engine-unreachable", detail, code, "infrastructure")
    return Outcome("failed", "lost", "its container was removed by someone else", code, "infrastructure")
