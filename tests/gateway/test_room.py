"""Room in memory that requests share."""

from __future__ import annotations

import asyncio
import random

from mlebench.gateway.room import Room


def test_never_more_is_held_than_there_is_and_all_come_to_their_turn() -> None:
    async def work() -> None:
        room, held, most, rng = Room(100), 0, 0, random.Random(0)

        async def one(size: int, *, leaves: bool) -> None:
            nonlocal held, most
            task = asyncio.current_task()
            assert task is not None
            if leaves:
                asyncio.get_running_loop().call_soon(task.cancel)
            async with room.take(size):
                held += min(size, 100)
                most = max(most, held)
                try:
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                finally:
                    held -= min(size, 100)

        tasks = [asyncio.create_task(one(rng.randrange(1, 150), leaves=rng.random() < 0.3)) for _ in range(500)]
        await asyncio.gather(*tasks, return_exceptions=True)
        assert held == 0 and most <= 100
        async with asyncio.timeout(60), room.take(100):
            pass

    asyncio.run(work())


def test_whoever_comes_first_is_served_first() -> None:
    async def work() -> None:
        room, order = Room(10), []

        async def one(name: str, size: int) -> None:
            async with room.take(size):
                order.append(name)
                await asyncio.sleep(0)

        async with room.take(10):
            tasks = [asyncio.create_task(one(name, size)) for name, size in (("a", 9), ("b", 1), ("c", 10), ("d", 1))]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "d"]

    asyncio.run(work())
