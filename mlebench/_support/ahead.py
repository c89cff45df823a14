"""Working ahead: threads that make what the caller takes next, with a bounded number of things waiting.

Threads gain where the work is done without the interpreter's lock, as compressing, checksums and reading large pieces are.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from typing import TypeVar, cast

Item = TypeVar("Item")
Result = TypeVar("Result")


def worked_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], count: int, *, alone: Callable[[Item], bool] = lambda item: False
) -> Iterator[Result]:
    """What `work` returns for each item, in the order of the items, worked out by several threads.

    Args:
        work: called in other threads, for several items at once.
        items: taken in the caller's thread, two more than there are threads ahead of what the caller has got.
        count: how many threads; with 1, the caller's thread does all.
        alone: whether an item is too little work to be worth a thread; it is worked out when its turn comes.

    Raises:
        Exception: what `work` or `items` raises, in the place of the item.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, "ahead") as threads:
        try:
            for item in items:
                if count == 1 or alone(item):
                    while waiting:
                        yield waiting.popleft().result()
                    yield work(item)
                    continue
                waiting.append(threads.submit(work, item))
                if len(waiting) > count + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def made_ahead(items: Iterable[Item], most: int = 4) -> Generator[Item, None, None]:
    """The same items, made in another thread while the caller deals with those before.

    Args:
        items: iterated over in the other thread.
        most: items that wait for the caller.

    Raises:
        Exception: what iterating raises, after the items before.
    """
    ready: Queue[tuple[Item | None, BaseException | None]] = Queue(most)
    ended = threading.Event()

    def make() -> None:
        try:
            for item in items:
                ready.put((item, None))
                if ended.is_set():
                    return
            ready.put((None, _Done()))
        except BaseException as error:
            ready.put((None, error))
        finally:
            if isinstance(items, Generator):
                items.close()

    maker = threading.Thread(target=make, name="ahead", daemon=True)
    maker.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, _Done):
                return
            if error is not None:
                raise error
            yield cast(Item, item)
    finally:
        ended.set()
        while maker.is_alive():
            # it may wait for room
            with contextlib.suppress(Empty):
                ready.get(timeout=0.01)


class _Done(Exception):
    """There are no more items."""
