"""The one place where a test waits: a poll with a deadline, so that a slow machine is waited for and a fault is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], *, seconds: float = 180.0, every: float = 0.02, explain: Callable[[], object] | None = None
) -> T:
    """Poll `condition` until it is true, and return what it returned.

    Args:
        condition: called at once, and then every `every` seconds; what it raises ends the waiting.
        seconds: the deadline by a monotonic clock, generous: it bounds a hang and times nothing.
        every: seconds between two calls.
        explain: describes the state instead, for the message of the failure.

    Raises:
        AssertionError: the condition was still false at the deadline; it was asked once more then.
    """
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= deadline
        if value := condition():
            return value
        if is_last:
            name = getattr(condition, "__name__", repr(condition))
            found = f"; found {explain()!r}" if explain else f"; it returned {value!r}"
            raise AssertionError(f"{name} did not come true within {seconds:g} s{found}")
        time.sleep(every)
