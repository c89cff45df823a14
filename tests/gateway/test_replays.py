"""Answers that are kept for requests that are sent again."""

from __future__ import annotations

import asyncio

from mlebench.gateway.replays import Answered, Claim, Replays


def answer(size: int) -> Answered:
    return Answered(200, {}, b"x" * size)


def test_one_asks_and_the_others_wait() -> None:
    async def ask() -> None:
        replays = Replays(2**20, 2**10)
        claim = await replays.claim("a")
        assert isinstance(claim, Claim)
        waiting = [asyncio.create_task(replays.claim("a")) for _ in range(3)]
        await asyncio.sleep(0)
        claim.keep(answer(5))
        claim.drop()
        assert await asyncio.gather(*waiting) == [answer(5)] * 3

    asyncio.run(ask())


def test_where_there_is_no_answer_the_next_one_asks() -> None:
    async def ask() -> None:
        replays = Replays(2**20, 2**10)
        first = await replays.claim("a")
        assert isinstance(first, Claim)
        second, third = (asyncio.create_task(replays.claim("a")) for _ in range(2))
        await asyncio.sleep(0)
        first.drop()
        claim = await second
        assert isinstance(claim, Claim) and not third.done()
        third.cancel()
        claim.keep(answer(2**11))
        assert isinstance(await replays.claim("a"), Claim), "too large to be kept"

    asyncio.run(ask())


def test_the_latest_that_fit_are_kept() -> None:
    async def fill() -> None:
        replays = Replays(10 * 2**13, 2**13)
        for number in range(100):
            claim = await replays.claim(str(number))
            assert isinstance(claim, Claim)
            claim.keep(answer(0 if number % 2 else 2**12))
        kept = [number for number in range(100) if isinstance(await replays.claim(str(number)), Answered)]
        assert kept and kept == list(range(kept[0], 100)) and len(kept) <= 20

    asyncio.run(fill())
