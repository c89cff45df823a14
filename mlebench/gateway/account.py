"""What a run spends on models: room is reserved before a call and settled after it, so that no budget is exceeded.

Money is counted in whole billionths of a thousandth of a dollar (picodollars): a price of a million tokens with up to six
decimals is a whole number of them for one token, and sums are exact.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from mlebench.errors import Refusal
from mlebench.gateway.model_call import MOST_TOKENS, ModelCall
from mlebench.gateway.models import Model, Prices
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Budget

_PICO = 10**12
_SPENT = "the run's budget for models is spent"
"""Begins what is said to whoever the budget refuses, and is known again in a ledger."""
OVERHEAD = 256
"""Tokens that a prompt may have beside its text: marks between messages, and what a provider puts before tools."""
_MEDIA_TOKENS_PER_BYTE = Fraction(1, 20)
_LEAST_MEDIA_TOKENS = 4096
"""What a request's images, sound and documents may have, until calls to the model showed that they have more."""
MOST_OUTPUT = 131_072
"""What is reserved for an answer where neither the request nor the model's entry sets a limit."""
LEAST_OUTPUT = 1024
"""Tokens to which answers are shortened at most that a request does not limit: less is hardly an answer."""
_MARGIN = Fraction(5, 4)
_LEAST_TOKENS_PER_BYTE = Fraction(1, 4)
"""English text and code have about as many; blanks, which have fewer, are not a measure of what comes after them."""
_DENSE_MEDIA = 4
"""Times the usual tokens that media have at worst."""


@dataclass(frozen=True)
class Spent:
    """What calls came to."""

    calls: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    usd: float | None = 0.0
    """None where the price of one of the calls is unknown."""


def cost_of(model: Model, tokens: Tokens) -> float | None:
    """US dollars that a call costs, exact up to a picodollar; None where the model's prices are unknown."""
    cost = _cost(model, tokens)
    return None if cost is None else cost / _PICO


class _Amount(NamedTuple):
    """An amount of all that a budget limits."""

    usd: int = 0
    """Picodollars."""
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0

    def plus(self, other: _Amount) -> _Amount:
        """The sum."""
        return _Amount(*map(int.__add__, self, other))

    def minus(self, other: _Amount) -> _Amount:
        """The difference."""
        return _Amount(*map(int.__sub__, self, other))


@dataclass
class _Measured:
    """What calls to a model have shown of its prompts; bounds that only grow."""

    tokens_per_byte: Fraction | None = None
    """Of text; None until a call without media was settled."""
    beyond_bytes: int = 0
    """Most tokens that a prompt had beyond one for each byte of its text."""
    media_factor: Fraction = Fraction(1)
    """By which media had more tokens than was expected."""

    def add(self, size: _Size, tokens: int) -> None:
        if size.media_bytes:
            media = max(0, tokens - self.expected(_Size(size.text_bytes, 0)))
            self.media_factor = max(self.media_factor, Fraction(media) / _usual_of_media(size.media_bytes) * _MARGIN)
        elif size.text_bytes:
            self.beyond_bytes = max(self.beyond_bytes, tokens - size.text_bytes)
            # what a prompt has beside its text is in the overhead, or short prompts would make long ones look large
            ratio = Fraction(max(0, tokens - OVERHEAD), size.text_bytes)
            self.tokens_per_byte = max(self.tokens_per_byte or Fraction(0), ratio)

    def expected(self, size: _Size) -> int:
        """Most tokens of a prompt that is as dense as those before it."""
        text = size.text_bytes
        if self.tokens_per_byte is not None:
            dense = max(self.tokens_per_byte, _LEAST_TOKENS_PER_BYTE) * _MARGIN
            text = min(text, math.ceil(text * dense))
        return text + self._beside + self._media(size)

    def most(self, size: _Size) -> int:
        """Most tokens of any prompt of that size."""
        return size.text_bytes + self._beside + _DENSE_MEDIA * self._media(size)

    @property
    def _beside(self) -> int:
        return max(OVERHEAD, math.ceil(self.beyond_bytes * _MARGIN))

    def _media(self, size: _Size) -> int:
        return math.ceil(_usual_of_media(size.media_bytes) * self.media_factor) if size.media_bytes else 0


class _Size(NamedTuple):
    text_bytes: int
    media_bytes: int


def _usual_of_media(media_bytes: int) -> int:
    return max(_LEAST_MEDIA_TOKENS, math.ceil(media_bytes * _MEDIA_TOKENS_PER_BYTE))


class _Need(NamedTuple):
    """What a call, or all calls in flight, can use."""

    expected: _Amount
    """Reserved for it: what it uses at most if its prompt is as dense as those before it."""
    most: _Amount
    """What it uses at most whatever its prompt is."""

    def plus(self, other: _Need) -> _Need:
        """The sum."""
        return _Need(self.expected.plus(other.expected), self.most.plus(other.most))

    def minus(self, other: _Need) -> _Need:
        """The difference."""
        return _Need(self.expected.minus(other.expected), self.most.minus(other.most))


@dataclass(eq=False)
class _Waiter:
    need: Callable[[int], _Need]
    """For an answer of at most so many tokens, as calls that were settled meanwhile tell."""
    most_output: int
    least_output: int
    """Tokens to which the gateway may shorten the answer; the same as `most_output` where the request sets a limit."""
    granted: asyncio.Future[_Need]


@dataclass
class Reservation:
    """Room for one call. It is settled or released; whatever comes second does nothing."""

    tokens: Tokens
    """The most that the call is expected to use."""
    _account: Account = field(repr=False)
    _model: Model = field(repr=False)
    _need: _Need = field(repr=False)
    _size: _Size = field(repr=False)
    is_shortened: bool = False
    """Whether the answer must be limited to `tokens.output`."""
    _is_open: bool = True

    def settle(self, tokens: Tokens, *, estimated: bool = False) -> float | None:
        """The call was answered and used this; returns what it cost in US dollars, None where the price is unknown.

        Args:
            tokens: what it used.
            estimated: whether nobody counted them, so that nothing is learned from them.
        """
        tokens = _bounded(tokens)
        if self._is_open:
            self._is_open = False
            self._account._settle(self._model, self._need, None if estimated else self._size, tokens)
        return cost_of(self._model, tokens)

    def release(self) -> None:
        """The call failed and costs nothing."""
        if self._is_open:
            self._is_open = False
            self._account._release(self._need)


class Account:
    """The spending of one run. It is used in one event loop alone, and waits for nothing but other calls of the run."""

    def __init__(self, budget: Budget, now: Callable[[], float] = time.monotonic) -> None:
        """Args:
        budget: of the run.
        now: seconds of a clock that is never set back.
        """
        self.is_spent_since: float | None = None
        """By `now`, when a call was refused first as it did not fit any more; every later call is refused, too."""
        self._budget = budget
        usd = None if budget.usd is None else int(_exact(budget.usd) * _PICO)
        limits = (usd, budget.input_tokens, budget.output_tokens, budget.calls)
        self._limits = tuple(math.inf if limit is None else limit for limit in limits)
        """As the fields of `_Amount`."""
        self._now = now
        self._spent = _Amount()
        self._details = Tokens()
        self._has_unpriced = False
        self._in_flight = _Need(_Amount(), _Amount())
        self._waiters: deque[_Waiter] = deque()
        self._measured: dict[str, _Measured] = {}

    @property
    def spent(self) -> Spent:
        """What settled calls came to."""
        usd = None if self._has_unpriced else self._spent.usd / _PICO
        return Spent(self._spent.calls, self._details, usd)

    @property
    def in_flight(self) -> int:
        """Calls that have room and are not settled."""
        return self._in_flight.expected.calls

    @property
    def waiting(self) -> int:
        """Calls that wait for others to settle."""
        return len(self._waiters)

    async def reserve(
        self, model: Model, text_bytes: int, media_bytes: int, most_output: int | None, choices: int = 1
    ) -> Reservation:
        """Room for a call, in the order in which calls came.

        What does not fit now waits until calls in flight are settled. What calls use is expected from those that were settled
        before; while calls in flight could use more than the budget if their prompts were as dense as text can be, no
        further one is let in, so that one call at most uses more than was expected of it.

        Args:
            model: that is asked.
            text_bytes: see `Call.text_bytes`.
            media_bytes: see `Call.media_bytes`.
            most_output: see `Call.most_output`; None reserves the most that the model can answer or, where that does not fit any
                more, as much as does: the answer must then be limited to the reservation's `tokens.output`.
            choices: see `Call.choices`.

        Raises:
            Refusal: it does not fit into the budget any more; 400, `budget-exhausted`.
        """
        if self._budget.usd is not None and not model.is_priced:
            raise Refusal(400, "invalid", f"the price of {model.name} is unknown, so it cannot be asked within a budget in usd")
        size = _Size(max(0, text_bytes), max(0, media_bytes))
        most = (model.most_output or MOST_OUTPUT) * choices if most_output is None else most_output
        most = min(MOST_TOKENS, max(0, most))
        least = min(most, LEAST_OUTPUT * choices) if most_output is None else most
        needed = functools.partial(self._needed, model, size)
        waiter = _Waiter(needed, most, least, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._serve_waiters()
        try:
            need = await waiter.granted
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        tokens = Tokens(input=need.expected.input_tokens, output=need.expected.output_tokens)
        return Reservation(tokens, self, model, need, size, is_shortened=tokens.output < most)

    def restore(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take up what a ledger says was spent and whether the budget refused a call, as a harness that comes back to a run does.

        Args:
            lines: of the run's ledger of model calls, in any order; what is not a call is left out.
        """
        for call in map(ModelCall.from_entry, lines):
            if call is not None and call.outcome == "refused" and (call.reason or "").startswith(_SPENT):
                self.is_spent_since = self._now()
            if call is not None and call.counts:
                cost = None if call.cost_usd is None else round(_exact(call.cost_usd) * _PICO)
                self._count(cost, _bounded(call.tokens))

    def _needed(self, model: Model, size: _Size, output: int) -> _Need:
        measured = self._measured.get(_measured_as(model), _Measured())

        def amount(prompt: int) -> _Amount:
            prompt = min(MOST_TOKENS, prompt)
            return _Amount(_most_cost(model, prompt, output), prompt, output, 1)

        return _Need(amount(measured.expected(size)), amount(measured.most(size)))

    def _serve_waiters(self) -> None:
        """Give room to whoever waits longest, while there is room; refuse what nobody's settling can help."""
        while self._waiters:
            waiter = self._waiters[0]
            if waiter.granted.done():
                self._waiters.popleft()
                continue
            whole = waiter.need(waiter.most_output)
            has_room = self._has_room(whole)
            if not has_room and self.in_flight and self.is_spent_since is None:
                return
            self._waiters.popleft()
            need = whole if has_room else self._shortened(waiter)
            if need is None or self.is_spent_since is not None:
                self._refuse(waiter)
            else:
                self._in_flight = self._in_flight.plus(need)
                waiter.granted.set_result(need)

    def _shortened(self, waiter: _Waiter) -> _Need | None:
        """Room for as long an answer as fits; None where the shortest one does not."""
        fits, too_long = waiter.least_output, waiter.most_output
        if not self._has_room(waiter.need(fits)):
            return None
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            fits, too_long = (middle, too_long) if self._has_room(waiter.need(middle)) else (fits, middle)
        return waiter.need(fits)

    def _has_room(self, need: _Need) -> bool:
        total = self._in_flight.plus(need)
        if self._short_of(self._spent.plus(total.expected)):
            return False
        return not self.in_flight or self._short_of(self._spent.plus(total.most)) is None

    def _refuse(self, waiter: _Waiter) -> None:
        if self.is_spent_since is None:
            self.is_spent_since = self._now()
        waiter.granted.set_exception(Refusal(400, "budget-exhausted", self._sentence(waiter.need(waiter.least_output).expected)))

    def _sentence(self, amount: _Amount) -> str:
        name = self._short_of(self._spent.plus(amount))
        if name is None:
            return f"{_SPENT}: an earlier call did not fit into it any more"
        place = _Amount._fields.index(name)
        spent, limit, needed = (_shown(name, amounts[place]) for amounts in (self._spent, self._limits, amount))
        said = f"{_SPENT}: {spent} of {limit} are used"
        if name != "calls":
            said += f", and this call may use {needed}"
        return said

    def _short_of(self, total: _Amount) -> str | None:
        """The first limit that a total exceeds."""
        exceeded = (name for name, limit, value in zip(_Amount._fields, self._limits, total, strict=True) if value > limit)
        return next(exceeded, None)

    def _settle(self, model: Model, need: _Need, size: _Size | None, tokens: Tokens) -> None:
        self._in_flight = self._in_flight.minus(need)
        self._count(_cost(model, tokens), tokens)
        if size is not None:
            self._measured.setdefault(_measured_as(model), _Measured()).add(size, tokens.input)
        self._serve_waiters()

    def _count(self, cost: int | None, tokens: Tokens) -> None:
        self._has_unpriced |= cost is None
        self._spent = self._spent.plus(_Amount(cost or 0, tokens.input, tokens.output, 1))
        self._details = Tokens(**{name: count + getattr(tokens, name) for name, count in vars(self._details).items()})

    def _release(self, need: _Need) -> None:
        self._in_flight = self._in_flight.minus(need)
        self._serve_waiters()

    def _withdraw(self, waiter: _Waiter) -> None:
        """Its caller has gone: nothing of it stays behind, and whoever waited behind it may fit."""
        granted = waiter.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self._in_flight = self._in_flight.minus(granted.result())
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
        self._serve_waiters()


def _shown(name: str, amount: float) -> str:
    if name == "usd":
        return f"${amount / _PICO:.6g}"
    return f"{amount} {name.replace('_', ' ')}"


def _measured_as(model: Model) -> str:
    return f"{model.provider}/{model.served}"


def _bounded(tokens: Tokens) -> Tokens:
    """Counts as a provider may send them, made counts: none is negative, and parts do not exceed the whole."""
    whole = {name: min(MOST_TOKENS, max(0, int(count))) for name, count in vars(tokens).items()}
    cached = min(whole["cached"], whole["input"])
    cache_write = min(whole["cache_write"], whole["input"] - cached)
    return Tokens(
        input=whole["input"],
        cached=cached,
        cache_write=cache_write,
        long_cache_write=min(whole["long_cache_write"], cache_write),
        output=whole["output"],
        reasoning=min(whole["reasoning"], whole["output"]),
    )


class _Rates(NamedTuple):
    """Picodollars for a token of each kind."""

    fresh: Fraction | int
    cached: Fraction | int
    cache_write: Fraction | int
    long_cache_write: Fraction | int
    output: Fraction | int


def _rates(prices: Prices) -> _Rates | None:
    if prices.input is None or prices.output is None:
        return None
    cache_write = prices.input if prices.cache_write is None else prices.cache_write
    return _Rates(
        _rate(prices.input),
        _rate(prices.input if prices.cached_input is None else prices.cached_input),
        _rate(cache_write),
        _rate(cache_write if prices.long_cache_write is None else prices.long_cache_write),
        _rate(prices.output),
    )


def _cost(model: Model, tokens: Tokens) -> int | None:
    """Picodollars."""
    tokens = _bounded(tokens)
    long = model.long_prices
    rates = _rates(long if long is not None and tokens.input > long.above else model.prices)
    if rates is None:
        return None
    return round(
        (tokens.input - tokens.cached - tokens.cache_write) * rates.fresh
        + tokens.cached * rates.cached
        + (tokens.cache_write - tokens.long_cache_write) * rates.cache_write
        + tokens.long_cache_write * rates.long_cache_write
        + tokens.output * rates.output
    )


def _most_cost(model: Model, prompt: int, output: int) -> int:
    """Picodollars of a call however its prompt is cached; 0 where the price is unknown."""
    long = model.long_prices
    tiers = [(model.prices, prompt)]
    if long is not None and prompt > long.above:
        # a shorter prompt may be dearer, as its prices are others
        tiers = [(long, prompt), (model.prices, long.above)]
    costs = [count * max(rates[:-1]) + output * rates.output for prices, count in tiers if (rates := _rates(prices)) is not None]
    return math.ceil(max(costs, default=0))


@functools.lru_cache(maxsize=4096)
def _rate(price: float) -> Fraction | int:
    """Picodollars for a token, of dollars for a million."""
    rate = _exact(price) * (_PICO // 10**6)
    return rate.numerator if rate.denominator == 1 else rate


@functools.lru_cache(maxsize=4096)
def _exact(number: float) -> Fraction:
    """The decimal number as it is written, not the binary one nearest to it."""
    return Fraction(Decimal(repr(number)))
