"""Limits and usage of runs in a few words."""

from __future__ import annotations

from grading.wording import counted
from mlebench._support.quantities import show_count, show_duration, show_size
from mlebench.profiles import Profile


def limits_text(profile: Profile) -> str:
    """A profile's limits."""
    budget = f", budget {profile.budget.words}" if profile.budget.words else ""
    hosts = f" and {', '.join(profile.allow)}" if profile.allow else ""
    return (
        f"{profile.cpus:g} CPU{'' if profile.cpus == 1 else 's'}, {show_size(profile.memory)}, {counted(profile.gpus, 'GPU')}, "
        f"at most {show_duration(profile.time_limit)}, network {profile.network}{hosts}{budget}"
    )


def usage_text(calls: int | None, tokens: int | None, usd: float | None) -> str:
    """What calls to models used, as far as it is known; empty if nothing is."""
    parts = [
        None if calls is None else counted(calls, "call"),
        None if tokens is None else f"{show_count(tokens)} tokens",
        None if usd is None else f"{usd:.2f} USD",
    ]
    return ", ".join(filter(None, parts))
