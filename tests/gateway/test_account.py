"""No budget is exceeded, however many calls come at once, and sums are exact."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench.errors import Refusal
from mlebench.gateway.account import LEAST_OUTPUT, MOST_OUTPUT, OVERHEAD, Account, Reservation, cost_of
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.models import LongPrices, Model, Prices
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Budget
from tests.gateway.models import make_model, tokens

MODEL = make_model()


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(300):
            return await work

    return asyncio.run(main())


async def settled() -> None:
    """Everybody who can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def reserve(account: Account, most_output: int | None = 10, text_bytes: int = 100, model: Model = MODEL) -> Reservation:
    return await account.reserve(model, text_bytes, 0, most_output)


def test_a_call_costs_its_fresh_cached_written_and_generated_tokens() -> None:
    model = make_model(prices=Prices(input=3, cached_input=0.3, cache_write=3.75, long_cache_write=6, output=15))
    used = Tokens(input=1000, cached=600, cache_write=100, long_cache_write=40, output=10, reasoning=5)
    expected = (300 * Fraction(3) + 600 * Fraction(3, 10) + 60 * Fraction(15, 4) + 40 * 6 + 10 * 15) / 10**6
    assert cost_of(model, used) == float(expected)
    # where a price is left out, that of fresh tokens holds
    assert cost_of(make_model(prices=Prices(input=3, output=15)), used) == (1000 * 3 + 10 * 15) / 10**6


def test_a_long_prompt_has_its_own_prices_for_the_whole_call() -> None:
    model = make_model(
        prices=Prices(input=1.25, cached_input=0.125, output=10),
        long_prices=LongPrices(above=200_000, input=2.5, cached_input=0.25, output=15),
    )
    assert cost_of(model, tokens(200_000, 100)) == (200_000 * 1.25 + 1000) / 10**6
    assert cost_of(model, tokens(200_001, 100, cached=1)) == (200_000 * 2.5 + 0.25 + 1500) / 10**6


def test_the_cost_of_a_model_without_prices_is_unknown() -> None:
    assert cost_of(make_model(prices=Prices(input=1)), tokens(10, 10)) is None


@pytest.mark.parametrize("odd", [Tokens(input=-5, output=-1), Tokens(input=10, cached=50, cache_write=50, long_cache_write=99)])
def test_counts_that_no_call_has_cost_no_less_than_nothing(odd: Tokens) -> None:
    cost = cost_of(make_model(prices=Prices(input=3, cached_input=0.3, output=15)), odd)
    assert cost is not None and cost >= 0


def test_two_hundred_calls_at_once_on_a_budget_of_fifty() -> None:
    account = Account(Budget(calls=50))
    most = 0

    async def call() -> str:
        nonlocal most
        try:
            reservation = await reserve(account)
        except Refusal as refusal:
            assert (refusal.status, refusal.kind) == (400, "budget-exhausted")
            return "refused"
        most = max(most, account.in_flight)
        await asyncio.sleep(0)
        reservation.settle(tokens(100, 7))
        return "answered"

    async def main() -> list[str]:
        return await asyncio.gather(*(call() for _ in range(200)))

    ends = run(main())
    assert (ends.count("answered"), ends.count("refused")) == (50, 150)
    assert ends[:50] == ["answered"] * 50
    assert most == 50
    assert (account.spent.calls, account.spent.tokens, account.in_flight) == (50, tokens(5000, 350), 0)


def test_failed_calls_make_room_for_those_that_wait() -> None:
    account = Account(Budget(calls=5))
    asked = 0

    async def call(number: int) -> bool:
        nonlocal asked
        reservation = await reserve(account)
        asked += 1
        await asyncio.sleep(0)
        if number % 2:
            reservation.release()
        else:
            reservation.settle(tokens(10, 1))
        return number % 2 == 0

    async def main() -> list[bool | BaseException]:
        return await asyncio.gather(*(call(number) for number in range(20)), return_exceptions=True)

    ends = run(main())
    assert account.spent.calls == 5 == ends.count(True)
    assert asked == 5 + ends.count(False)
    assert isinstance(ends[-1], Refusal)


def test_calls_wait_in_order_until_others_settle_for_less_than_was_reserved() -> None:
    async def main() -> None:
        account = Account(Budget(output_tokens=100))
        first = await reserve(account, 90)
        order: list[str] = []

        async def later(name: str, most_output: int) -> None:
            (await reserve(account, most_output)).settle(tokens(1, 1))
            order.append(name)

        waiting = [asyncio.create_task(later("large", 80)), asyncio.create_task(later("small", 1))]
        await settled()
        # nobody overtakes, or a large call would wait without end
        assert (order, account.waiting) == ([], 2)
        first.settle(tokens(5, 10))
        await asyncio.gather(*waiting)
        assert order == ["large", "small"]
        assert account.spent.tokens == tokens(7, 12)

    run(main())


def test_what_fits_no_more_is_refused_and_so_is_everything_after_it() -> None:
    async def main() -> None:
        moment = 100.0
        account = Account(Budget(output_tokens=100), now=lambda: moment)
        (await reserve(account, 60)).settle(tokens(5, 60))
        assert account.is_spent_since is None
        with pytest.raises(
            Refusal, match=r"60 output tokens of 100 output tokens are used, and this call may use 41 output tokens"
        ):
            await reserve(account, 41)
        assert account.is_spent_since == 100.0
        moment = 130.0
        with pytest.raises(Refusal, match="an earlier call did not fit"):
            await reserve(account, 1)
        assert account.is_spent_since == 100.0
        assert account.spent.calls == 1

    run(main())


def test_a_call_that_never_fits_waits_for_those_in_flight_before_it_is_refused() -> None:
    """The refusal ends the run a minute later, and calls in flight are to be answered first."""

    async def main() -> None:
        account = Account(Budget(usd=1))
        first = await reserve(account, 10)
        second = asyncio.create_task(reserve(account, 1000))
        await settled()
        assert not second.done() and account.is_spent_since is None
        first.settle(tokens(100, 10))
        with pytest.raises(Refusal, match=r"\$0.12 of \$1 are used"):
            await second

    run(main())


def test_a_caller_that_goes_leaves_nothing_behind() -> None:
    async def main() -> None:
        account = Account(Budget(calls=1))
        first = await reserve(account)
        gone, next_one = asyncio.create_task(reserve(account)), asyncio.create_task(reserve(account))
        await settled()
        gone.cancel()
        await settled()
        assert account.waiting == 1
        first.release()
        reservation = await next_one
        # one that was given room goes before it could take it
        third = asyncio.create_task(reserve(account))
        await settled()
        reservation.release()
        third.cancel()
        await settled()
        assert (account.in_flight, account.waiting) == (0, 0)
        (await reserve(account)).settle(tokens(1, 1))

    run(main())


def test_whoever_waits_behind_one_that_goes_is_served() -> None:
    async def main() -> None:
        account = Account(Budget(output_tokens=100))
        await reserve(account, 50)
        large = asyncio.create_task(reserve(account, 60))
        small = asyncio.create_task(reserve(account, 40))
        await settled()
        assert not small.done()
        large.cancel()
        await small

    run(main())


def test_a_reservation_is_settled_once() -> None:
    async def main() -> None:
        account = Account(Budget())
        one, other = await reserve(account), await reserve(account)
        for _ in range(2):
            assert one.settle(tokens(10, 1)) == 0.012
            other.release()
        one.release()
        other.settle(tokens(500, 5))
        assert (account.spent.calls, account.spent.usd, account.in_flight) == (1, 0.012, 0)

    run(main())


def test_a_budget_in_usd_is_refused_to_a_model_without_a_price_and_is_not_spent_by_that() -> None:
    async def main() -> None:
        account = Account(Budget(usd=5))
        with pytest.raises(Refusal, match="price of small is unknown"):
            await reserve(account, model=make_model(prices=Prices()))
        assert account.is_spent_since is None
        await reserve(account)

    run(main())


def test_the_cost_of_all_is_unknown_once_that_of_one_is() -> None:
    async def main() -> None:
        account = Account(Budget(calls=5))
        (await reserve(account)).settle(tokens(10, 1))
        (await reserve(account, model=make_model(prices=Prices()))).settle(tokens(10, 1))
        assert (account.spent.usd, account.spent.calls) == (None, 2)

    run(main())


def test_without_a_limit_the_most_that_the_model_answers_is_reserved() -> None:
    async def main() -> None:
        account = Account(Budget(output_tokens=MOST_OUTPUT))
        assert (await reserve(account, None)).tokens.output == 1000
        assert (await reserve(account, 0)).tokens.output == 0
        assert (await reserve(Account(Budget()), None, model=make_model(most_output=None))).tokens.output == MOST_OUTPUT

    run(main())


def test_a_prompt_is_expected_to_have_a_token_for_each_byte_until_calls_were_measured() -> None:
    async def main() -> None:
        account = Account(Budget(input_tokens=10**6))
        first = await reserve(account, text_bytes=10_000)
        assert first.tokens.input == 10_000 + OVERHEAD
        first.settle(tokens(4000 + OVERHEAD, 1))
        assert (await reserve(account, text_bytes=10_000)).tokens.input == 5000 + OVERHEAD
        # another model has other tokens
        other = make_model(served="other")
        assert (await reserve(account, text_bytes=10_000, model=other)).tokens.input == 10_000 + OVERHEAD

    run(main())


def test_the_expectation_never_goes_down_and_never_beyond_the_bytes_unless_a_provider_counted_more() -> None:
    async def main() -> None:
        account = Account(Budget())
        (await reserve(account, text_bytes=1000)).settle(tokens(900, 1))
        (await reserve(account, text_bytes=1000)).settle(tokens(10, 1))
        assert (await reserve(account, text_bytes=1000)).tokens.input == 805 + OVERHEAD
        (await reserve(account, text_bytes=1000)).settle(tokens(1000, 1))
        assert (await reserve(account, text_bytes=1000)).tokens.input == 930 + OVERHEAD
        # a prompt that the provider makes longer by 2000 tokens
        (await reserve(account, text_bytes=1000)).settle(tokens(3000, 1))
        assert (await reserve(account, text_bytes=1000)).tokens.input == 1000 + 2500

    run(main())


def test_blanks_and_estimates_teach_nothing() -> None:
    async def main() -> None:
        account = Account(Budget())
        (await reserve(account, text_bytes=100_000)).settle(tokens(25_000, 1), estimated=True)
        assert (await reserve(account, text_bytes=10_000)).tokens.input == 10_000 + OVERHEAD
        # a megabyte of blanks, to make a later prompt look small
        (await reserve(account, text_bytes=10**6)).settle(tokens(8000, 1))
        assert (await reserve(account, text_bytes=10_000)).tokens.input == 3125 + OVERHEAD

    run(main())


def test_prompts_that_are_denser_than_those_before_exceed_a_budget_by_one_call_at_most() -> None:
    """An agent sends thin prompts first, then a hundred dense ones at once."""

    async def dense(account: Account) -> None:
        (await reserve(account, 0, text_bytes=1000)).settle(tokens(1000 + OVERHEAD, 0))

    async def main() -> None:
        account = Account(Budget(input_tokens=10_000))
        (await reserve(account, 0, text_bytes=5000)).settle(tokens(OVERHEAD, 0))
        calls = [asyncio.create_task(dense(account)) for _ in range(100)]
        await settled()
        await asyncio.gather(*calls, return_exceptions=True)
        assert 9000 < account.spent.tokens.input <= 10_000

    async def last() -> None:
        account = Account(Budget(input_tokens=6000))
        (await reserve(account, 0, text_bytes=5000)).settle(tokens(OVERHEAD, 0))
        # the first one fits if it is as thin as the one before, and shows that it is not
        calls = [asyncio.create_task(reserve(account, 0, text_bytes=10_000)) for _ in range(100)]
        await settled()
        (first,) = [call for call in calls if call.done()]
        first.result().settle(tokens(10_000, 0))
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(end, Refusal) for end in ends) == 99
        assert account.spent.tokens.input == 10_000 + OVERHEAD

    run(main())
    run(last())


def test_an_answer_that_a_request_leaves_open_gets_what_is_left() -> None:
    """One token costs 2 millidollars, and the prompt at most 356."""
    model = make_model(most_output=100_000)

    async def main() -> None:
        account = Account(Budget(usd=100))
        first = await reserve(account, None, model=model)
        assert (first.tokens.output, first.is_shortened) == (49_822, True)
        waiting = asyncio.create_task(reserve(account, None, model=model))
        await settled()
        assert not waiting.done()
        first.settle(tokens(100, 10_000))
        second = await waiting
        assert second.is_shortened and second.tokens.output < first.tokens.output - 9_000
        second.settle(tokens(100, second.tokens.output))
        assert 99 < (account.spent.usd or 0) <= 100
        with pytest.raises(Refusal, match=r"may use \$2\.\d+$"):
            await reserve(account, None, model=model)

    run(main())


def test_an_answer_is_shortened_to_no_less_than_is_of_use_and_never_where_the_request_limits_it() -> None:
    async def main() -> None:
        least = LEAST_OUTPUT + 10
        for limit, choices in ((LEAST_OUTPUT - 1, 1), (2 * LEAST_OUTPUT - 1, 2)):
            with pytest.raises(Refusal):
                await Account(Budget(output_tokens=limit)).reserve(make_model(most_output=least), 10, 0, None, choices)
        kept = await Account(Budget(output_tokens=LEAST_OUTPUT)).reserve(make_model(most_output=least), 10, 0, None)
        assert (kept.tokens.output, kept.is_shortened) == (LEAST_OUTPUT, True)
        with pytest.raises(Refusal):
            await reserve(Account(Budget(output_tokens=LEAST_OUTPUT)), least)
        whole = await Account(Budget(output_tokens=5000)).reserve(make_model(most_output=1000), 10, 0, None, 4)
        assert (whole.tokens.output, whole.is_shortened) == (4000, False)

    run(main())


def test_media_are_expected_to_have_what_they_had() -> None:
    async def main() -> None:
        account = Account(Budget())
        first = await account.reserve(MODEL, 100, 1000, 1)
        assert first.tokens.input == 100 + OVERHEAD + 4096
        first.settle(tokens(356 + 2 * 4096, 1))
        assert (await account.reserve(MODEL, 100, 1000, 1)).tokens.input == 100 + OVERHEAD + 10240
        # and tell nothing of text
        assert (await reserve(account, text_bytes=100)).tokens.input == 100 + OVERHEAD

    run(main())


def test_the_dearest_way_to_cache_a_prompt_is_reserved() -> None:
    async def main() -> None:
        model = make_model(prices=Prices(input=1000, cached_input=100, cache_write=1250, long_cache_write=2000, output=0))
        for budget, is_enough in ((2.0, True), (1.999, False)):
            account = Account(Budget(usd=budget))
            wish = account.reserve(model, 1000 - OVERHEAD, 0, 0)
            if is_enough:
                await wish
            else:
                with pytest.raises(Refusal):
                    await wish

    run(main())


def test_what_a_ledger_says_was_spent_is_taken_up() -> None:
    async def main() -> None:
        before = Account(Budget(usd=1))
        lines = []
        for number in range(7):
            used = tokens(100 + number, 3, cached=50)
            cost = (await reserve(before, 5)).settle(used)
            lines.append(json.loads(json.dumps(ModelCall("answered", 200, tokens=used, cost_usd=cost, model="small").to_entry())))
        lines += [ModelCall("failed", 500, tokens=tokens(9, 9)).to_entry(), ModelCall("refused", 400).to_entry()]
        lines += [ModelCall("answered", 200, action="count").to_entry(), {"outcome": "answered"}, {"n": 5}]
        after = Account(Budget(usd=1))
        after.restore(lines)
        assert after.spent == before.spent
        with pytest.raises(Refusal, match=r"\$0.763 of \$1"):
            await reserve(after, 5, text_bytes=100)

    run(main())


def test_a_budget_that_refused_a_call_is_spent_for_whoever_takes_it_up() -> None:
    async def main() -> None:
        before = Account(Budget(calls=1))
        (await reserve(before, 5)).settle(tokens(10, 1))
        with pytest.raises(Refusal) as refused:
            await reserve(before, 5)
        line = ModelCall("refused", refused.value.status, reason=refused.value.message).to_entry()
        after, other = Account(Budget(calls=1)), Account(Budget(calls=1))
        after.restore([line])
        other.restore([{**line, "reason": "there is no model `m`"}])
        assert after.is_spent_since is not None and other.is_spent_since is None

    run(main())


def test_a_damaged_ledger_is_no_error() -> None:
    account = Account(Budget(calls=5))
    line = ModelCall("answered", 200, tokens=tokens(5, 5), cost_usd=0.1).to_entry()
    account.restore([{**line, "cost_usd": odd, "tokens": odd} for odd in (None, "x", [], -1, True, {"input": -3}, 10**400)])
    assert account.spent.calls == 7
    assert account.spent.tokens == Tokens()


prices = st.one_of(st.none(), st.decimals(0, 200, places=6).map(float))
counts = st.integers(0, 50_000)


@given(
    st.lists(st.tuples(counts, counts, counts, counts, counts), max_size=30),
    st.decimals(0, 200, places=6).map(float),
    prices,
    prices,
    st.decimals(0, 200, places=6).map(float),
)
def test_the_total_is_the_exact_sum(
    calls: list[tuple[int, ...]], fresh: float, cached: float | None, written: float | None, generated: float
) -> None:
    model = make_model(prices=Prices(input=fresh, cached_input=cached, cache_write=written, output=generated))
    account = Account(Budget())
    exact = Fraction(0)

    def of(price: float | None) -> Fraction:
        return Fraction(str(fresh if price is None else price)) / 10**6

    async def main() -> None:
        nonlocal exact
        for a, b, c, d, text_bytes in calls:
            (await account.reserve(model, text_bytes, 0, d)).settle(Tokens(input=a + b + c, cached=b, cache_write=c, output=d))
            exact += a * of(None) + b * of(cached) + c * of(written) + d * of(generated)

    run(main())
    assert account.spent.usd == float(exact)


@given(st.data())
def test_a_budget_is_never_exceeded(data: st.DataObject) -> None:
    """Whatever comes, settles, fails and goes in whatever order, as long as providers keep to what was asked."""
    limits = {
        "usd": data.draw(st.one_of(st.none(), st.floats(0.01, 5))),
        "input_tokens": data.draw(st.one_of(st.none(), st.integers(1, 5000))),
        "output_tokens": data.draw(st.one_of(st.none(), st.integers(1, 500))),
        "calls": data.draw(st.one_of(st.none(), st.integers(1, 10))),
    }
    account = Account(Budget(**limits))
    steps = data.draw(st.lists(st.sampled_from(["call", "settle", "fail", "go"]), max_size=60))

    async def main() -> None:
        pending: list[asyncio.Task[Reservation]] = []
        held: list[Reservation] = []
        for step in steps:
            if step == "call":
                size = data.draw(st.tuples(st.integers(0, 1000), st.integers(0, 100)))
                pending.append(asyncio.create_task(reserve(account, size[1], size[0])))
            elif step == "go" and pending:
                pending.pop(data.draw(st.integers(0, len(pending) - 1))).cancel()
            elif step in ("settle", "fail") and held:
                reservation = held.pop(data.draw(st.integers(0, len(held) - 1)))
                end = reservation.release
                if step == "settle":
                    used = tokens(
                        data.draw(st.integers(0, reservation.tokens.input)), data.draw(st.integers(0, reservation.tokens.output))
                    )
                    end = call_with(reservation.settle, used)
                end()
            await settled()
            held += [task.result() for task in pending if task.done() and not task.cancelled() and task.exception() is None]
            pending = [task for task in pending if not task.done()]
            within(account, limits)
        for reservation in held:
            reservation.settle(reservation.tokens)
            await settled()
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        within(account, limits)

    run(main())


def call_with(function: Callable[[Tokens], object], used: Tokens) -> Callable[[], object]:
    return lambda: function(used)


def within(account: Account, limits: dict[str, Any]) -> None:
    spent = account.spent
    assert spent.usd is not None
    for name, value in (
        ("usd", spent.usd),
        ("input_tokens", spent.tokens.input),
        ("output_tokens", spent.tokens.output),
        ("calls", spent.calls + account.in_flight),
    ):
        assert limits[name] is None or value <= limits[name]


def test_a_thousand_small_sums_do_not_drift() -> None:
    model = make_model(prices=Prices(input=0.1, output=0.4))
    account = Account(Budget())

    async def main() -> None:
        for _ in range(1000):
            (await reserve(account, model=model)).settle(tokens(1, 1))

    run(main())
    assert account.spent.usd == 0.0005
    drifted = 0.0
    # from Python 3.12 on, `sum` compensates
    for _ in range(1000):
        drifted += 0.0000005
    assert drifted != 0.0005


def test_reserved_sums_come_back_exactly() -> None:
    account = Account(Budget(usd=0.3))
    model = make_model(prices=Prices(input=0, output=1e5))

    async def main() -> None:
        # three tenths are not a binary number, and three calls of a tenth fit
        held = [await reserve(account, 1, model=model) for _ in range(3)]
        for reservation in held:
            reservation.settle(replace(reservation.tokens, input=0))
        assert account.spent.usd == 0.3

    run(main())
