"""One event loop for all who serve, in a thread that is there while anybody does."""

from __future__ import annotations

import asyncio
import os
import threading

from mlebench._support.loop_thread import LoopThread
from tests.waiting import wait_until


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


async def where() -> str:
    return threading.current_thread().name


def test_all_share_one_loop_that_ends_with_the_last() -> None:
    thread = LoopThread("shared")
    first, second = thread.join(), thread.join()
    assert first is second and asyncio.run_coroutine_threadsafe(where(), first).result(120) == "shared"
    thread.leave()
    assert threads("shared") == 1
    thread.leave()
    wait_until(lambda: not threads("shared") and first.is_closed())
    again = thread.join()
    assert again is not first
    thread.leave()


def test_a_forked_process_makes_its_own() -> None:
    thread = LoopThread("forked")
    thread.join()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if asyncio.run_coroutine_threadsafe(where(), thread.join()).result(120) == "forked" else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    thread.leave()
