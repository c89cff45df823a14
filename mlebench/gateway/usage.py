"""What a run used of models, from its ledger; whoever could write into the run's folder may have written that."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from mlebench._support.growing_lines import GrowingLines
from mlebench._support.ledger import ledger_lines
from mlebench.gateway.model_call import LEDGER, ModelCall, counted_amounts

_MOST_BYTES = 512 * 2**20
_MOST_WATCHED = 128 * 2**20
"""Of a ledger that is looked at while it grows; 150,000 calls."""
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
        self.cost = _with_cost(self.cost, call.cost_usd)

    @property
    def usd(self) -> float | None:
        return None if self.cost is None else float(self.cost)

    def to_dict(self) -> dict[str, Any]:
        return {**{name: min(getattr(self, name), _LARGEST) for name in COUNTS}, "cost_usd": self.usd}


def _with_cost(cost: Decimal | None, more: float | None) -> Decimal | None:
    """A sum with one more call's US dollars; None once a price was unknown."""
    # each cost is written with its decimals; sums of binary numbers would drift from the provider's
    return None if cost is None or more is None else cost + Decimal(repr(more))


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
    # names that an agent made up are not models
    for name in models.keys() & refused.keys():
        models[name].refused_calls += refused[name]
    return {**totals.to_dict(), "models": {name: models[name].to_dict() for name in sorted(models)}}


class Step(NamedTuple):
    """What had been spent after a call."""

    at: float
    """Seconds since 1970."""
    usd: float | None
    """None once a price was unknown."""
    input_tokens: int
    output_tokens: int
    calls: int


class _Spending:
    """What was spent, call by call."""

    def __init__(self) -> None:
        self._cost: Decimal | None = Decimal()
        self._input = self._output = self._calls = 0

    def after(self, at: float, amounts: tuple[int, int, float | None]) -> Step:
        """Where it stands after one more call."""
        put_in, put_out, usd = amounts
        self._cost = _with_cost(self._cost, usd)
        self._input, self._output, self._calls = self._input + put_in, self._output + put_out, self._calls + 1
        return Step(at, None if self._cost is None else float(self._cost), self._input, self._output, self._calls)


class SpendingMeter:
    """The same for whoever looks again and again while the ledger grows: each line is read once.

    Kept are the last step and at most `most` of those before it, evenly picked by their number.
    """

    def __init__(self, run_dir: Path, within: Path, most: int = 2000) -> None:
        """Args:
        run_dir: holds the ledger.
        within: a folder of ours above it, or itself; no part of the path below it may be a link.
        most: of the steps.
        """
        self._lines = GrowingLines(run_dir / f"{LEDGER}.jsonl", within, _MOST_WATCHED)
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._spending = _Spending()
        self._steps: list[Step] = []
        self._every = 1

    @property
    def is_cut(self) -> bool:
        """Whether the ledger is larger than what is read of it."""
        return self._lines.is_cut

    def read(self) -> tuple[Step, ...]:
        """The steps so far, in the ledger's order, which is that of time."""
        if self._lines.is_replaced():
            self._begin()
        last = self._steps.pop() if self._steps and self._steps[-1].calls % self._every else None
        for at, amounts in _timed_amounts(self._lines.new()):
            last = self._spending.after(at, amounts)
            if last.calls % self._every == 0:
                self._keep(last)
        if last is not None and (not self._steps or self._steps[-1].calls < last.calls):
            self._steps.append(last)
        return tuple(self._steps)

    def _keep(self, step: Step) -> None:
        self._steps.append(step)
        if len(self._steps) > self._most:
            self._every *= 2
            self._steps = [kept for kept in self._steps if kept.calls % self._every == 0]


def spending_over_time(run_dir: Path) -> list[Step]:
    """What had been spent after each counted call.

    Returns:
        in the order of time.
    """
    spending = _Spending()
    try:
        entries = ledger_lines(run_dir / f"{LEDGER}.jsonl", _MOST_BYTES)
        return [spending.after(*timed) for timed in sorted(_timed_amounts(entries), key=lambda timed: timed[0])]
    except OSError:
        return []


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


def _timed_amounts(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, tuple[int, int, float | None]]]:
    """When each counted call of the agent's ended, in seconds since 1970, and what it used."""
    for entry in entries:
        # a time without its zone is one of ours from nowhere, and years before the first or behind the last have no seconds
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            if (amounts := counted_amounts(entry)) is not None:
                moment = datetime.fromisoformat(entry.get("at"))  # type: ignore[arg-type]
                yield (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), amounts
