"""Limits hold across tasks and processes, come back from the dead, and keep nobody waiting for a damaged file."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from mlebench.gateway import shared_limits as module
from mlebench.gateway.models import SharedLimits
from mlebench.gateway.shared_limits import shared

HOLD = """
import asyncio, sys
from pathlib import Path
from mlebench.gateway import shared_limits
from mlebench.gateway.models import SharedLimits
shared_limits.socket_dir = lambda: Path(sys.argv[1])
shared_limits._seconds = lambda: 1000

async def main():
    limits = SharedLimits.model_validate_json(sys.argv[2])
    for _ in range(int(sys.argv[3])):
        async with shared_limits.shared("one", limits, 10, lambda seconds: None):
            print("inside", flush=True)
            if len(sys.argv) > 4:
                await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
"""


class Clock:
    """Seconds of the machine, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(module, "socket_dir", lambda: tmp_path / "own")
    module._say_unusable.cache_clear()
    return tmp_path / "own"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "_seconds", found)
    return found


class Waits(list[float | None]):
    """What was said of waiting."""

    def __call__(self, seconds: float | None) -> None:
        self.append(seconds)


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(300):
            return await work

    return asyncio.run(main())


async def enter(limits: SharedLimits, tokens: int = 0, name: str = "one", used: int | None = None) -> None:
    async with shared(name, limits, tokens, Waits()) as place:
        if used is not None:
            place.used(used)


async def tries(limits: SharedLimits, tokens: int = 0, name: str = "one", used: int | None = None) -> bool:
    """Whether a call goes at once."""
    task = asyncio.create_task(enter(limits, tokens, name, used))
    for _ in range(5):
        await asyncio.sleep(0)
    if done := task.done():
        task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return done


def test_so_many_calls_at_once_and_no_more(folder: Path) -> None:
    limits = SharedLimits(calls_at_once=3)
    inside = most = 0
    waits = [Waits() for _ in range(12)]

    async def call(number: int) -> None:
        nonlocal inside, most
        async with shared("one", limits, 0, waits[number]):
            inside += 1
            most = max(most, inside)
            for _ in range(10):
                await asyncio.sleep(0)
            inside -= 1

    async def main() -> None:
        await asyncio.gather(*(call(number) for number in range(12)))

    run(main())
    assert most == 3
    assert [said for said in waits[:3] if said] == []
    # those that wait are told so once, and that it has ended
    assert all(len(said) == 2 and said[1] is None for said in waits[3:])


def test_calls_of_a_process_go_in_order() -> None:
    limits = SharedLimits(calls_at_once=1)
    order: list[int] = []

    async def call(number: int) -> None:
        async with shared("one", limits, 0, Waits()):
            await asyncio.sleep(0)
            order.append(number)

    async def main() -> None:
        await asyncio.gather(*(call(number) for number in range(8)))

    run(main())
    assert order == list(range(8))


def test_providers_have_limits_of_their_own() -> None:
    async def main() -> None:
        limits = SharedLimits(calls_at_once=1)
        async with shared("one", limits, 0, Waits()):
            assert not await tries(limits)
            assert await tries(limits, name="other")
            assert await tries(limits, name="../../one")

    run(main())


def test_without_limits_nothing_is_written(folder: Path) -> None:
    run(enter(SharedLimits(), 100, used=5))
    assert not folder.exists()


def test_a_caller_that_goes_leaves_its_place_to_others() -> None:
    async def main() -> None:
        limits = SharedLimits(calls_at_once=1)
        waits = Waits()

        async def wait() -> None:
            async with shared("one", limits, 0, waits):
                raise AssertionError("no place is free")

        async with shared("one", limits, 0, Waits()):
            task = asyncio.create_task(wait())
            while not waits:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert waits == [0.0, None]
        with pytest.raises(RuntimeError):
            async with shared("one", limits, 0, Waits()):
                raise RuntimeError
        assert await tries(limits)

    run(main())


def test_calls_a_minute(clock: Clock) -> None:
    async def main() -> None:
        limits = SharedLimits(calls_per_minute=3)
        for moment in (1000, 1000, 1030):
            clock.now = moment
            assert await tries(limits)
        assert not await tries(limits)
        # a second more than a minute, as calls of one second may lie at its beginning or end
        clock.now = 1060
        assert not await tries(limits)
        clock.now = 1061
        assert await tries(limits) and await tries(limits)
        assert not await tries(limits)
        clock.now = 1091
        assert await tries(limits)

    run(main())


def test_no_minute_has_more_calls_than_the_limit(clock: Clock) -> None:
    async def main() -> list[int]:
        limits = SharedLimits(calls_per_minute=7)
        moments = []
        for moment in range(1000, 1400):
            clock.now = moment
            while await tries(limits):
                moments.append(moment)
        return moments

    moments = run(main())
    assert max(sum(start <= moment < start + 60 for moment in moments) for start in range(1000, 1400)) == 7
    assert len(moments) >= 7 * 400 // 61


def test_tokens_a_minute_are_those_that_calls_used(clock: Clock) -> None:
    async def main() -> None:
        limits = SharedLimits(tokens_per_minute=1000)
        assert await tries(limits, 900, used=100)
        assert await tries(limits, 900, used=900)
        assert not await tries(limits, 1)
        # tokens that come to light when their second has gone count now
        clock.now = 1061
        async with shared("one", limits, 500, Waits()) as place:
            clock.now = 1130
            place.used(800)
        assert await tries(limits, 700)
        assert not await tries(limits, 1)
        # a failed call gives its tokens back
        clock.now = 1300
        assert await tries(limits, 1000, used=0)
        assert await tries(limits, 1000)

    run(main())


def test_a_call_larger_than_the_limit_goes_alone(clock: Clock) -> None:
    async def main() -> None:
        limits = SharedLimits(tokens_per_minute=1000)
        assert await tries(limits, 5000)
        assert not await tries(limits, 5000)
        clock.now += 61
        assert await tries(limits, 5000)

    run(main())


def test_how_long_it_takes_at_least_is_said(clock: Clock) -> None:
    async def main() -> None:
        limits = SharedLimits(calls_per_minute=1)
        assert await tries(limits)
        clock.now += 21
        waits = Waits()

        async def wait() -> None:
            async with shared("one", limits, 0, waits):
                pass

        task = asyncio.create_task(wait())
        while not waits:
            await asyncio.sleep(0)
        assert waits == [40]
        clock.now += 40
        await task
        assert waits == [40, None]

    run(main())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[[1,2]]",
        "[1]",
        "null",
        '[["a",1,1]]',
        "[[1000,-5,-5]]",
        "[[1000,1e99,1]]",
        "[[99999,50,50]]",
        "[" * 9999,
        "9" * 5000,
    ],
)
def test_a_damaged_file_and_a_clock_that_was_set_back_keep_nobody_waiting(folder: Path, clock: Clock, content: str) -> None:
    async def main() -> None:
        limits = SharedLimits(calls_per_minute=5)
        assert await tries(limits)
        file = next((folder / "limits").glob("*.json"))
        file.write_text(content)
        assert await tries(limits)
        assert json.loads(file.read_text()) == [[1000, 1, 0]]

    run(main())


def test_where_no_files_can_be_kept_calls_go_and_the_log_says_so_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("in the way")

    async def main() -> None:
        limits = SharedLimits(calls_at_once=1, calls_per_minute=1, tokens_per_minute=1)
        for _ in range(3):
            assert await tries(limits, 5, used=5)

    run(main())
    assert [record.message.partition(" (")[0] for record in caplog.records] == [
        f"cannot keep the limits that runs share in {folder / 'limits'}"
    ]


def test_a_link_in_the_place_of_a_file_is_not_followed(folder: Path, tmp_path: Path, clock: Clock) -> None:
    async def main() -> None:
        limits = SharedLimits(calls_per_minute=1)
        assert await tries(limits)
        file = next((folder / "limits").glob("*.json"))
        file.unlink()
        file.symlink_to(tmp_path / "elsewhere")
        assert await tries(limits)

    run(main())
    assert not (tmp_path / "elsewhere").exists()


def start(folder: Path, limits: SharedLimits, times: int, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(folder), limits.model_dump_json(), str(times), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_another_process_holds_a_place_until_it_dies(folder: Path) -> None:
    limits = SharedLimits(calls_at_once=2)
    holders = [start(folder, limits, 1, "wait") for _ in range(2)]
    try:
        for holder in holders:
            assert holder.stdout is not None and holder.stdout.readline() == "inside\n"

        async def main() -> None:
            assert not await tries(limits)
            task = asyncio.create_task(enter(limits))
            await asyncio.sleep(0)
            assert not task.done()
            holders[0].kill()
            await task

        run(main())
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


def test_processes_share_a_minute(folder: Path, clock: Clock) -> None:
    limits = SharedLimits(calls_per_minute=40)
    others = [start(folder, limits, 20) for _ in range(2)]
    for other in others:
        output, _ = other.communicate(timeout=300)
        assert output == "inside\n" * 20
    assert not run(tries(limits))
    counts = json.loads(next((folder / "limits").glob("*.json")).read_text())
    assert [sum(count[which] for count in counts) for which in (1, 2)] == [40, 400]


def test_only_the_first_in_line_looks_and_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(module.asyncio, "sleep", note)

    async def main() -> None:
        limits = SharedLimits(calls_at_once=1)
        async with shared("one", limits, 0, Waits()):
            tasks = [asyncio.create_task(enter(limits)) for _ in range(100)]
            while len(pauses) < 30:
                await sleep(0)
        await asyncio.gather(*tasks)

    run(main())
    assert pauses[:30] == sorted(pauses[:30])
    assert (pauses[0], pauses[29]) == (0.005, 0.25)
