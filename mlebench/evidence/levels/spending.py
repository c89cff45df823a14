"""What the calls of a run came to against the budget that was planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlebench.gateway.model_call import ModelCall
from mlebench.profiles import Budget

_DRIFT = 1e-9
"""Relative; costs are sums of floats."""


@dataclass
class Spending:
    """Sums over the calls that count, and the largest of each amount."""

    calls: int = 0
    unpriced: int = 0
    _totals: dict[str, float] = field(default_factory=dict)
    _largest: dict[str, float] = field(default_factory=dict)

    def add(self, call: ModelCall) -> None:
        """Count a call, if it is one that counts."""
        if not call.counts:
            return
        self.calls += 1
        self.unpriced += call.cost_usd is None
        amounts = {"usd": call.cost_usd or 0.0, "input_tokens": call.tokens.input, "output_tokens": call.tokens.output}
        for key, amount in amounts.items():
            self._totals[key] = self._totals.get(key, 0) + amount
            self._largest[key] = max(self._largest.get(key, 0), amount)

    def beyond(self, budget: Budget) -> Iterator[str]:
        """What no gateway of ours would have allowed.

        A call is let in where what is expected of it fits, and it may use more than that; then no other one is let in. So all but
        the largest one are within the budget.
        """
        for key, limit in budget.limits.items():
            if key == "calls":
                if self.calls > limit:
                    yield f"{self.calls} calls were answered, but the budget allowed {limit}"
                continue
            others = self._totals.get(key, 0) - self._largest.get(key, 0)
            if others > limit * (1 + _DRIFT):
                unit = "USD" if key == "usd" else key.replace("_", " ")
                spent = self._totals[key]
                yield f"its calls used {spent:,.6g} {unit}, more than one call beyond the budget of {limit:,.6g}"
        if budget.usd is not None and self.unpriced:
            yield "a call of unknown price was answered, which a budget in USD does not allow"
