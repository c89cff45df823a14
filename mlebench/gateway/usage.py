"""What a run used of models, from its ledger; whoever could write into the run's folder may have written that."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from mlebench._support.ledger import ledger_lines
from mlebench.gateway.model_call import LEDGER, ModelCall

_MOST_BYTES = 512 * 2**20
_LARGEST = 2**53 - 1
"""Up to here a whole number stays itself in every reader of JSON."""
_MOST_MODELS = 100
_MOST_REFUSED = 1000
_OTHER_MODELS = "other models"

COUNTS = (
    *("calls", "failed_calls", "refused_calls"),
    *("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"),
)
"""The amounts of usage that are whole numbers; `cost_usd` is none."""
Note = Callable[[str], None]


@dataclass
class _Totals:
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal | None = field(default_factory=Decimal)
    """US dollars; None once the price of a call was unknown."""
    failed_calls: int = 0
    refused_calls: int = 0

    def add(self, call: ModelCall) -> None:
        self.failed_calls += call.outcome == "failed"
        self.refused_calls += call.outcome == "refused"
        if not call.counts:
            return
        self.calls += 1
        self.input_tokens += call.tokens.input
        self.cached_tokens += call.tokens.cached
        self.cache_write_tokens += call.tokens.cache_write
        self.output_tokens += call.tokens.output
        self.reasoning_tokens += call.tokens.reasoning
        # each cost is written with its decimals; sums of binary numbers would drift from the provider's
        is_known = self.cost is not None and call.cost_usd is not None
        self.cost = self.cost + Decimal(repr(call.cost_usd)) if self.cost is not None and is_known else None

    @property
    def usd(self) -> float | None:
        return None if self.cost is None else float(self.cost)

    def to_dict(self) -> dict[str, Any]:
        return {**{name: min(getattr(self, name), _LARGEST) for name in COUNTS}, "cost_usd": self.usd}


def measured_usage(run_dir: Path, note: Note = lambda sentence: None) -> dict[str, Any]:
    """What the gateway measured, as `usage` in a run's record says it; empty for a run without a ledger of model calls.

    Args:
        run_dir: the run's folder.
        note: gets a sentence where the ledger cannot be read.

    Returns:
        `calls`, `input_tokens` (cached ones and those written to a cache included), `cached_tokens`, `cache_write_tokens`,
        `output_tokens` (reasoning included), `reasoning_tokens`, `cost_usd` (None where a price is unknown), `failed_calls`,
        `refused_calls`, and the same of each model that was asked, by the name that the agent used, under `models`. Numbers are
        at most 2**53 - 1.
    """
    totals, models = _Totals(), dict[str, _Totals]()
    refused: Counter[str] = Counter()
    found = False
    for _, call in _calls(run_dir, note):
        found = True
        totals.add(call)
        name = call.model
        if name is None:
            continue
        if call.served is not None:
            name = name if name in models or len(models) < _MOST_MODELS else _OTHER_MODELS
            models.setdefault(name, _Totals()).add(call)
        elif call.outcome == "refused" and (name in refused or len(refused) < _MOST_REFUSED):
            refused[name] += 1
    if not found:
        return {}
    # names that an agent made up are no models
    for name in models.keys() & refused.keys():
        models[name].refused_calls += refused[name]
    return {**totals.to_dict(), "models": {name: models[name].to_dict() for name in sorted(models)}}


def spending_over_time(run_dir: Path) -> list[tuple[float, float | None, int, int, int]]:
    """What had been spent after each counted call.

    Returns:
        seconds since 1970, and up to then US dollars (None once a price was unknown), input tokens, output tokens and calls; in
        the order of time.
    """
    totals, steps = _Totals(), []
    for at, call in sorted(_timed(_calls(run_dir)), key=lambda timed: timed[0]):
        totals.add(call)
        steps.append((at, totals.usd, totals.input_tokens, totals.output_tokens, totals.calls))
    return steps


def _calls(run_dir: Path, note: Note = lambda sentence: None) -> Iterator[tuple[Any, ModelCall]]:
    """When each call of the agent's ended, as the ledger's line says it, and the call."""
    try:
        for entry in ledger_lines(run_dir / f"{LEDGER}.jsonl", _MOST_BYTES):
            if (call := ModelCall.from_entry(entry)) is not None and call.outcome != "probe":
                yield entry.get("at"), call
    except FileNotFoundError:
        return
    except OSError as error:
        note(f"{LEDGER}.jsonl is left out: {error.strerror}")


def _timed(calls: Iterable[tuple[Any, ModelCall]]) -> Iterator[tuple[float, ModelCall]]:
    for at, call in calls:
        # a time without its zone is one of ours from nowhere, and years before the first or behind the last have no seconds
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            moment = datetime.fromisoformat(at)
            if call.counts:
                yield (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), call
