"""Whether a provider's failures end a run: judged by how long they last, and by a question of the gateway's own.

No agent chooses this end. A failure counts only if the provider fails the gateway's own small question as well; and a provider
that never answered in this run ends it only if no other one did, so that a model with a wrong key, which a plan may
hold beside good ones, is not a way out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from mlebench._support.dialect import DialectName
from mlebench.gateway.models import Model

Verdict = Literal["works", "fails", "busy"]
"""What a provider makes of a small question: it answers; it does not; it says that it was asked too often."""
Probe = Callable[[Model, DialectName], Awaitable[Verdict]]

TOO_MANY = 429
_OF_OUR_KEY = (401, 403)
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0


def is_failure(status: int) -> bool:
    """Whether an answer's status is the provider's doing rather than the request's."""
    return status >= 500 or status == TOO_MANY or status in _OF_OUR_KEY


class Failures:
    """Of the providers of one run."""

    def __init__(
        self,
        patience: float,
        probe: Probe,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        probe_seconds: float = 60.0,
    ) -> None:
        """Args:
        patience: seconds for which a provider may fail without a break.
        probe: asks a provider a small question.
        now: a clock, in seconds.
        sleep: waits for seconds of that clock.
        probe_seconds: for which a probe is repeated while the provider is busy.
        """
        self._patience, self._probe, self._now, self._sleep = patience, probe, now, sleep
        self._probe_seconds = probe_seconds
        self._since: dict[str, float] = {}
        """When the failures began, by provider; without those that answered since."""
        self._answered: set[str] = set()
        self._last: tuple[Model, DialectName] | None = None
        """Of the last call, if the provider failed it."""

    def answered(self, model: Model) -> None:
        """A provider answered, be it to refuse what an agent asked."""
        self._answered.add(model.provider)
        self._since.pop(model.provider, None)
        self._last = None

    def failed(self, model: Model, dialect: DialectName) -> bool:
        """A provider failed; returns whether that has lasted so long that `is_down` should be asked."""
        self._last = model, dialect
        since = self._since.setdefault(model.provider, self._now())
        return self._now() - since >= self._patience and self._counts(model.provider)

    async def is_down(self, model: Model, dialect: DialectName) -> bool:
        """Whether a provider fails the gateway's own question, too."""
        pause, until = _FIRST_PAUSE, self._now() + self._probe_seconds
        while (verdict := await self._probe(model, dialect)) == "busy" and self._now() + pause <= until:
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if verdict == "works":
            self.answered(model)
        return verdict != "works"

    async def explain_end(self) -> bool:
        """Whether an agent that ended by itself did so because of a provider: its last call failed, and so does a probe."""
        if self._last is None or not self._counts(self._last[0].provider):
            return False
        return await self.is_down(*self._last)

    def _counts(self, provider: str) -> bool:
        return provider in self._answered or not self._answered
