"""An event loop in a separate thread, shared by all who serve something in this process, and there while anybody does."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref


class LoopThread:
    """The loop, made for the first who joins and ended after the last who leaves."""

    def __init__(self, name: str) -> None:
        """Args:
        name: of the thread.
        """
        self._name = name
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        _all.add(self)

    def join(self) -> asyncio.AbstractEventLoop:
        """The loop, for one more."""
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._run, args=(self._loop,), name=self._name, daemon=True).start()
            return self._loop

    def leave(self) -> None:
        """One fewer."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop = None

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        loop.run_forever()
        loop.close()


_all: weakref.WeakSet[LoopThread] = weakref.WeakSet()


def _renew() -> None:
    """A forked process has the numbers, but not the threads."""
    for thread in _all:
        thread._reset()


os.register_at_fork(after_in_child=_renew)
