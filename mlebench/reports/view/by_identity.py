"""Values that are made of objects once, and kept as long as these live."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

Source = TypeVar("Source")
Value = TypeVar("Value")


class ByIdentity(Generic[Source, Value]):
    """A function that remembers what it made of each object; for objects that nobody changes. Any thread may call it."""

    def __init__(self, make: Callable[[Source], Value]) -> None:
        """Remember nothing yet.

        Args:
            make: called once for each object, or twice by two threads at once.
        """
        self._make = make
        # by place in memory: records have no hash
        self._kept: dict[int, tuple[weakref.ref[Source], Value]] = {}

    def __call__(self, source: Source) -> Value:
        """What is made of `source`."""
        place = id(source)
        found = self._kept.get(place)
        if found is not None and found[0]() is source:
            return found[1]
        value = self._make(source)
        self._kept[place] = (weakref.ref(source, self._forget(place)), value)
        return value

    def __len__(self) -> int:
        """How many objects are remembered."""
        return len(self._kept)

    def _forget(self, place: int) -> Callable[[weakref.ref[Source]], None]:
        def forget(gone: weakref.ref[Source]) -> None:
            found = self._kept.get(place)
            if found is not None and found[0] is gone:
                del self._kept[place]

        return forget
