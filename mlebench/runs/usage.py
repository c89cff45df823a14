"""Usage of model calls, from a run's record: measured by the gateway, or claimed by the agent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grading.printable import printable
from mlebench.gateway.usage import COUNTS as COUNTS

_LARGEST = 2**53
_MOST_MODELS = 100
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Usage:
    """Calls, tokens and cost; None means unknown, never 0."""

    calls: int | None = None
    """Answered calls."""
    failed_calls: int | None = None
    """Calls that the provider refused or did not answer."""
    refused_calls: int | None = None
    """Calls that the gateway refused."""
    input_tokens: int | None = None
    """Including cached ones."""
    cached_tokens: int | None = None
    """Read from a cache."""
    cache_write_tokens: int | None = None
    """Written to a cache."""
    output_tokens: int | None = None
    """Including reasoning."""
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    models: Mapping[str, Usage] = field(default_factory=dict)
    """Usage by model; empty if not known separately."""

    @property
    def tokens(self) -> int | None:
        """Input and output together."""
        return None if self.input_tokens is None or self.output_tokens is None else self.input_tokens + self.output_tokens

    def to_dict(self) -> dict[str, Any]:
        """The form that `read_usage` reads; unknown amounts are None."""
        return {**_without_models(self), "models": {name: _without_models(used) for name, used in self.models.items()}}


NOTHING_USED = Usage(**dict[str, Any](dict.fromkeys(COUNTS, 0)), cost_usd=0.0)
"""Usage of a run whose gateway received no calls."""


def read_usage(content: object) -> Usage | None:
    """The amounts in a record, which is untrusted: a value that is not a number from 0 to 2**53 is unknown.

    Returns:
        None if nothing is known.
    """
    if not isinstance(content, Mapping):
        return None
    amounts = _amounts(content)
    if all(amount is None for amount in amounts.values()):
        return None
    return Usage(**amounts, models=_models(content.get("models")))


def total(usages: Iterable[Usage]) -> Usage:
    """The sum; an amount that is unknown in one of them is unknown in the sum."""
    summed = list(usages)
    names = dict.fromkeys(name for used in summed for name in used.models)
    of_models = {name: [used.models[name] for used in summed if name in used.models] for name in names}
    return Usage(**_sums(summed), models={name: Usage(**_sums(of_model)) for name, of_model in of_models.items()})


def _sums(usages: list[Usage]) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    for name in (*COUNTS, "cost_usd"):
        values = [getattr(used, name) for used in usages]
        sums[name] = None if None in values or not values else math.fsum(values) if name == "cost_usd" else sum(values)
    return sums


def _models(content: object) -> dict[str, Usage]:
    if not isinstance(content, Mapping):
        return {}
    models: dict[str, Usage] = {}
    for name, amounts in list(content.items())[:_MOST_MODELS]:
        if isinstance(amounts, Mapping):
            models.setdefault(printable(str(name), _LONGEST_NAME), Usage(**_amounts(amounts)))
    return models


def _amounts(content: Mapping[Any, Any]) -> dict[str, Any]:
    return {**{name: _count(content.get(name)) for name in COUNTS}, "cost_usd": _amount(content.get("cost_usd"))}


def _without_models(used: Usage) -> dict[str, Any]:
    return {name: getattr(used, name) for name in (*COUNTS, "cost_usd")}


def _amount(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # a comparison with NaN is false
    return float(value) if is_number and 0 <= value < _LARGEST else None  # type: ignore[operator, arg-type]


def _count(value: object) -> int | None:
    amount = _amount(value)
    return int(amount) if amount is not None and amount.is_integer() else None
