"""What whoever exports tasks may choose, for all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlebench.profiles import Profile

REWARDS = {
    "any_medal": "1 for a medal, so that a job's mean is the share of medals",
    "gold": "1 for a gold medal",
    "above_median": "1 for a score better than the median of the leaderboard",
    "percentile": "the share of the leaderboard's teams that are not better, from 0 to 1",
    "valid": "1 for a valid submission",
}
"""What `reward` can be, the first by default."""


@dataclass(frozen=True)
class Choices:
    """What holds for every task of an export."""

    limits: Profile
    """Of the agent."""
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

    @classmethod
    def of(cls, profile: str | None, settings: Mapping[str, Any], **others: Any) -> Choices:
        """Choices with a profile by its name, None for the default one, and with some of its values replaced.

        Raises:
            UsageError: there is no such profile or value.
        """
        from mlebench.profiles import get_profile

        return cls(get_profile(profile).changed(dict(settings)), **others)
