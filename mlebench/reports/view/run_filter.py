"""Which runs are asked for, in the words that addresses of lists share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlebench.reports.view.listing import Asked
from mlebench.reports.view.looks import STANDINGS
from mlebench.reports.view.run_digest import digest_of
from mlebench.runs.record import RunRecord

ANY_MEDAL = "any"
RESULTS: Mapping[str, Mapping[str, str]] = {
    "": {ANY_MEDAL: "any medal"},
    "Result": {name: look.words for name, look in STANDINGS.items() if name not in ("running", "queued")},
}
"""Values and words of `medal`, by the title of their group."""
LOST = "infrastructure"
RUN_STATES: Mapping[str, Mapping[str, str]] = {
    "": {
        "queued": "queued",
        "running": "running",
        "finished": "finished",
        "failed": "failed",
        "timed-out": "timed-out",
        "cancelled": "cancelled",
        LOST: "lost to the infrastructure",
    }
}
"""Values and words of a run's state; `running` holds what starts or is graded as well."""


@dataclass(frozen=True)
class RunFilter:
    """What runs must be; an empty word asks for nothing."""

    competition: str = ""
    """A part of the competition's id, whatever its case."""
    state: str = ""
    medal: str = ""
    """`any`, or one of `STANDINGS`."""
    reason: str = ""
    """Why it ended."""

    @classmethod
    def of(cls, asked: Asked, state: str = "state") -> RunFilter:
        """What an address asks for; values that there are not ask for nothing.

        Args:
            state: the word that stands for the state of runs.
        """
        results = {name for group in RESULTS.values() for name in group}
        medal, of_runs = asked["medal"], asked[state]
        return cls(
            asked["competition"].casefold(),
            of_runs if of_runs in RUN_STATES[""] else "",
            medal if medal in results else "",
            asked["reason"],
        )

    @property
    def asks(self) -> bool:
        """Whether it leaves anything out."""
        return any((self.competition, self.state, self.medal, self.reason))

    def takes(self, record: RunRecord) -> bool:
        """Whether a run is asked for."""
        return (
            self.competition in record.competition_id.casefold()
            and (not self.state or self._is_in_state(record))
            and (not self.medal or self._has_result(record))
            and (not self.reason or self.reason == record.reason)
        )

    def _is_in_state(self, record: RunRecord) -> bool:
        if self.state == LOST:
            return record.failure_class == "infrastructure"
        return record.state == {"queued": "pending"}.get(self.state, self.state)

    def _has_result(self, record: RunRecord) -> bool:
        digest = digest_of(record)
        return digest.medal is not None if self.medal == ANY_MEDAL else digest.standing == self.medal
