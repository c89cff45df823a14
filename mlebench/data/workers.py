"""Processes that share the work on one large table. They read tasks from a pipe and end when it is closed."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import weakref
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from mlebench._support.ahead import worked_ahead
from mlebench._support.children import start_child
from mlebench.errors import WorkFailed

_MOST = 8
"""More processes would use more memory than they save time, as reading and writing go through one disk."""
# what these libraries would start is for arithmetic that no table needs
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_allowed: int | None = None
_shared: weakref.WeakValueDictionary[int, Workers] = weakref.WeakValueDictionary()


def allow(processes: int) -> None:
    """Bound the processes that work on one table, as where other tables are prepared at the same time.

    Args:
        processes: how many; with 1, this process does all the work itself.
    """
    global _allowed
    _allowed = processes


def allowed() -> int:
    """How many processes may work on one table."""
    if _allowed is not None:
        return min(_MOST, max(1, _allowed))
    from mlebench._support.machine import usable_cpus

    return min(_MOST, usable_cpus())


class Workers:
    """Processes that call functions of modules; they end with the last reference to this object.

    With a count of 1, this process calls the functions itself.
    """

    def __init__(self, count: int) -> None:
        """Start nothing yet.

        Args:
            count: how many processes.
        """
        self._count = count
        self._processes: dict[Connection, subprocess.Popen[bytes]] = {}
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self.close = weakref.finalize(self, _end, self._processes)
        """Ends the processes at once."""

    @classmethod
    def shared(cls, worth_processes: bool) -> Workers:
        """Those that other tables use now, so that they start once for all tables of a competition.

        Args:
            worth_processes: whether the work is more than what starting processes takes.
        """
        count = allowed() if worth_processes else 1
        workers = _shared.get(count) or cls(count)
        _shared[count] = workers
        return workers

    def map(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """The results of a function for each tuple of arguments, in order; only a few tasks are taken ahead of the results.

        Raises:
            MemoryError: a process was killed, as the system does where memory is short.
            WorkFailed: a process ended otherwise.
            Exception: whatever the function raises.
        """
        if self._count <= 1:
            yield from (function(*task) for task in tasks)
            return
        self._start()
        yield from worked_ahead(functools.partial(self._ask, function), tasks, self._count)

    def _start(self) -> None:
        for _ in range(self._count - len(self._processes)):
            process, connection = start_child(_serve, _ENVIRONMENT)
            self._processes[connection] = process
            self._idle.put(connection)

    def _ask(self, function: Callable[..., Any], task: tuple[Any, ...]) -> Any:
        connection = self._idle.get()
        try:
            connection.send((function, task))
            result, error = connection.recv()
        except (EOFError, OSError) as gone:
            raise self._fault_of(connection) from gone
        finally:
            self._idle.put(connection)
        if error is not None:
            raise error
        return result

    def _fault_of(self, connection: Connection) -> Exception:
        """What the end of a process says: the system kills one where memory is short."""
        code = self._processes[connection].wait()
        if code < 0:
            return MemoryError("a process that was reading a table was killed")
        return WorkFailed(f"a process that was reading a table exited with code {code}; try again")


def _end(processes: dict[Connection, subprocess.Popen[bytes]]) -> None:
    for connection, process in processes.items():
        process.kill()
        process.wait()
        connection.close()
    processes.clear()


def _serve(connection: Connection) -> None:
    """Do the tasks that come until the pipe is closed."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, task = connection.recv()
            connection.send(_result(function, task))


def _result(function: Callable[..., Any], task: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return function(*task), None
    except Exception as error:
        return None, error
