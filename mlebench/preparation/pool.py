"""Preparing many competitions: each on its own, so that one that fails does not stop the others.

Where several are prepared at once, or memory is limited, each gets a separate process: one that dies takes nothing with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from mlebench._support.children import start_child
from mlebench._support.machine import usable_cpus
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.data import workers
from mlebench.preparation.build import PreparationOutcome, failure, prepare_one, too_little_memory
from mlebench.preparation.options import PreparationOptions
from mlebench.preparation.record import is_prepared
from mlebench.registry import Competition

_LOOK_EVERY = 0.5


def prepare_all(
    competitions: Sequence[Competition],
    options: PreparationOptions = PreparationOptions(),  # noqa: B008  # frozen
    *,
    jobs: int = 1,
    memory: int | None = None,
    tell: Callable[[str], object] = lambda line: None,
    listener: Listener = ignore,
) -> list[PreparationOutcome]:
    """Prepare competitions, skipping what is prepared already.

    Args:
        competitions: the competitions.
        options: the requested options.
        jobs: competitions at a time; with more than one, or with `memory`, each is prepared in a separate process.
        memory: most bytes that each process may use.
        tell: gets one line per finished competition.
        listener: gets phases and bytes while the work goes on, and of several competitions how many are finished.

    Returns:
        One outcome per competition, in the order of the competitions; errors that a user can cause are outcomes, not exceptions.
    """
    finish = _Finished(competitions, options, tell, listener)
    if jobs > 1 or memory is not None:
        return _in_processes(competitions, options, jobs=jobs, memory=memory, finish=finish, listener=listener)
    outcomes = []
    for competition in competitions:
        outcomes.append(prepare_one(competition, options, listener))
        finish(outcomes[-1])
    return outcomes


class _Finished:
    """Reports competitions that are finished; those that were prepared before took no time and count from the beginning."""

    def __init__(
        self,
        competitions: Sequence[Competition],
        options: PreparationOptions,
        tell: Callable[[str], object],
        listener: Listener,
    ) -> None:
        several = len(competitions) > 1
        present = [entry.id for entry in competitions if several and not options.force and is_prepared(entry)]
        self._counted = set(present)
        self._tell = tell
        self._listener = listener
        count = len(competitions)
        self._tally = Tally(listener, "", "preparing", count, "competition", done=len(present), every=0) if several else None

    def __call__(self, outcome: PreparationOutcome) -> None:
        self._listener(Step(outcome.competition_id, ""))
        self._tell(outcome.message)
        if self._tally is not None and outcome.competition_id not in self._counted:
            self._tally.add()


def _in_processes(
    competitions: Sequence[Competition],
    options: PreparationOptions,
    *,
    jobs: int,
    memory: int | None,
    finish: _Finished,
    listener: Listener,
) -> list[PreparationOutcome]:
    """Prepare each competition in a fresh process, `jobs` at a time; a process that is killed is a failed outcome."""
    waiting = list(enumerate(competitions))
    running: dict[Connection, _Worker] = {}
    outcomes: dict[int, PreparationOutcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(1, jobs):
                worker = _start(*waiting.pop(0))
                running[worker.connection] = worker
                worker.order(options, jobs, memory)
            for connection in wait(list(running), timeout=_LOOK_EVERY):
                worker = running[connection]  # type: ignore[index]
                message = worker.receive(memory)
                if isinstance(message, PreparationOutcome):
                    del running[worker.connection]
                    outcomes[worker.place] = message
                    finish(message)
                else:
                    listener(message)
    finally:
        for worker in running.values():
            worker.stop()
    return [outcomes[place] for place in range(len(competitions))]


@dataclass(frozen=True)
class _Worker:
    place: int
    competition: Competition
    process: subprocess.Popen[bytes]
    connection: Connection

    def order(self, options: PreparationOptions, jobs: int, memory: int | None) -> None:
        """Send the process its work."""
        # `receive` explains why it is gone
        with contextlib.suppress(OSError):
            self.connection.send((self.competition, options, jobs, memory))

    def receive(self, memory: int | None) -> Step | PreparationOutcome:
        """What the process sends next; a failed outcome if it is gone."""
        try:
            message: Step | PreparationOutcome = self.connection.recv()
        except (EOFError, OSError):
            # its end, or the beginning of a message that it was killed in
            message = failure(self.competition.id, _explain_end(self.process.wait(), memory))
        if isinstance(message, PreparationOutcome):
            self.process.wait()
            self.connection.close()
        return message

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.connection.close()


def _start(place: int, competition: Competition) -> _Worker:
    return _Worker(place, competition, *start_child(_work))


def _work(connection: Connection) -> None:
    """Prepare the competition that is ordered, sending steps and at last the outcome."""
    competition, options, jobs, memory = connection.recv()
    _share_cpus(jobs, memory)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    _limit_memory(memory)
    connection.send(prepare_one(competition, options, connection.send, memory))


def _end_with_parent(connection: Connection) -> None:
    """Wait for the end of the pipe, as nothing more is sent after the order."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def _share_cpus(jobs: int, memory: int | None) -> None:
    """Leave each competition its part of the CPUs; where memory is bounded, it is bounded for one process."""
    workers.allow(usable_cpus() // jobs if memory is None else 1)


def _limit_memory(memory: int | None) -> None:
    if memory is None:
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory if hard == resource.RLIM_INFINITY else min(memory, hard), hard))


def _explain_end(code: int, memory: int | None) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (the machine may have run out of memory; try fewer --jobs)" if name == "SIGKILL" else ""
        return f"its preparation process was killed by {name}{hint}; try again"
    return f"its preparation process exited with code {code}; {too_little_memory(memory)}"
