"""The outcome of an attempt in a container: it ended on its own, as the engine reports, or the harness ended it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from signal import SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, Signals
from typing import Any, Literal, NamedTuple

from mlebench._support.quantities import show_size
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, exited
from mlebench.sandbox.docker.guard import Excess
from mlebench.sandbox.run_gateway import ModelsEnd

_ENDING = (SIGHUP, SIGINT, SIGQUIT, SIGTERM)
_SAVING_SECONDS = 60.0
_NEVER = "0001-01-01"


class Forced(NamedTuple):
    """Why the harness ends an attempt."""

    by: Literal["deadline", "stop", "detach", "excess", "outage", "lost", "restarted", "models"]
    excess: Excess | None = None
    models: ModelsEnd | None = None
    """The end of its models, if that is the reason."""


def name_outcome(
    forced: Forced | None,
    state: dict[str, Any],
    profile: Profile,
    usage: dict[str, Any],
    *,
    had_outage: bool = False,
    signals: Sequence[tuple[float, int]] = (),
) -> Outcome:
    """The outcome of an attempt, without times and usage.

    Args:
        forced: why the harness ended it, if it did.
        state: the container's state as the engine reports it.
        profile: the limits.
        usage: the measurements.
        had_outage: whether the engine was unreachable for a while.
        signals: Unix times and numbers of signals sent to the container through the engine; 0 for an unknown one.
    """
    at_limit = usage.get("peak_processes", 0) >= profile.pids
    hint = f"; it had reached its limit of {profile.pids} processes" if at_limit else ""
    # an engine that does not answer, or lost the container, reports no exit code
    code = None if forced is not None and forced.by in ("lost", "outage") else state.get("ExitCode")
    if forced is not None:
        return _name_forced(forced, code, profile, hint)
    if (signal := _ending_signal(signals, state)) is not None:
        detail = f"was ended from outside: {signal} was sent to its container through the engine"
        return Outcome("failed", "killed", detail, code, "infrastructure")
    if state.get("OOMKilled") and code:
        detail = f"used more than its {show_size(profile.memory)} of memory; raise it with `--profile-set memory=SIZE`"
        return Outcome("failed", "out-of-memory", detail, code, "agent")
    if state.get("Error"):
        return Outcome("failed", "start-failed", f"the engine could not run it: {state['Error']}", code, "infrastructure")
    if had_outage and code in (137, 143, 255):
        # a restarted engine ends what it finds running
        return Outcome("failed", "engine-restarted", "the container engine was restarted during the run", code, "infrastructure")
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
        detail = "the container engine stopped answering; run `mlebench doctor` to examine it"
        return Outcome("failed", "engine-unreachable", detail, code, "infrastructure")
    if forced.by == "restarted":
        return Outcome("failed", "restarted", "its container was restarted from outside during the run", code, "infrastructure")
    return Outcome("failed", "lost", "its container was removed from outside", code, "infrastructure")


def _ending_signal(signals: Sequence[tuple[float, int]], state: dict[str, Any]) -> str | None:
    """The signal from outside that ended a container; None if it ended on its own, whatever its exit code."""
    ended = time_of(state.get("FinishedAt"))
    for at, number in signals:
        # an agent may take time to save its work, or ignore a signal and end long after
        is_soon = ended is not None and ended.timestamp() - at < _SAVING_SECONDS
        if number == 0 and is_soon:
            return "a signal"
        if number == SIGKILL or (number in _ENDING and (is_soon or state.get("ExitCode") == 128 + number)):
            return Signals(number).name
    return None


def time_of(text: str | None) -> datetime | None:
    """A time from the engine, which writes nanoseconds; None for "never"."""
    if not text or text.startswith(_NEVER):
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
