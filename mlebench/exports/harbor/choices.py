"""What whoever exports tasks may choose, for all of them alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

REWARDS = {
    "any_medal": "1 for a medal, so that a job's mean is the share of medals",
    "gold": "1 for a gold medal",
    "above_median": "1 for a score better than the median of the leaderboard",
    "percentile": "the share of the leaderboard's teams that are not better, from 0 to 1",
    "valid": "1 for a valid submission",
}
"""What `reward` can be, the first by default."""


class Limits(Protocol):
    """What a task takes of a profile (see `mlebench.profiles`)."""

    @property
    def name(self) -> str: ...
    @property
    def cpus(self) -> float: ...
    @property
    def memory(self) -> int: ...
    @property
    def disk(self) -> int: ...
    @property
    def gpus(self) -> int: ...
    @property
    def shm(self) -> int: ...
    @property
    def pids(self) -> int: ...
    @property
    def time_limit(self) -> float: ...
    @property
    def network(self) -> str: ...
    @property
    def allow(self) -> tuple[str, ...]: ...
    @property
    def task_text(self) -> Literal["ours", "kaggle"]: ...


@dataclass(frozen=True)
class Choices:
    """What holds for every task of an export."""

    limits: Limits
    reward: str = "any_medal"
    """One of `REWARDS`."""
    package_set: str = "light"
    """What is installed in the agent's image (see `mlebench images`)."""
    image: str | None = None
    """A ready base image that the agent's image stands on, instead of building one from the recipe."""
    wheel: Path | None = None
    """This harness as a wheel, for the verifier's image; None installs the version from the package index."""
    with_oracle: bool = False
    """Write a solution, which copies a submission made of the answers."""
