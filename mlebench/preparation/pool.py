"""One process per competition, with a ceiling on its memory: one that dies takes nothing with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from mlebench._support.progress import Progress, Watch
from mlebench.preparation.task import PreparationOutcome, PreparationTask, failure, prepare_one, too_little_memory

_LOOK_EVERY = 0.5


def run_in_processes(
    tasks: Sequence[PreparationTask], *, jobs: int, memory: int | None, tell: Callable[[str], None], watch: Watch
) -> list[PreparationOutcome]:
    """Run each task in a fresh process, `jobs` at a time.

    Args:
        tasks: what to do.
        jobs: processes at a time.
        memory: most bytes of private memory of each.
        tell: gets one line per finished task.
        watch: gets the progress of all.

    Returns:
        Outcomes in the order of the tasks; a process that is killed is a failed outcome.
    """
    waiting = list(enumerate(tasks))
    running: dict[Connection, _Worker] = {}
    outcomes: dict[int, PreparationOutcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(1, jobs):
                worker = _start(*waiting.pop(0), memory)
                running[worker.results] = worker
            for connection in wait(list(running), timeout=_LOOK_EVERY):
                worker = running[connection]  # type: ignore[index]
                message = worker.receive(memory)
                if isinstance(message, PreparationOutcome):
                    del running[worker.results]
                    outcomes[worker.place] = message
                    tell(message.message)
                else:
                    watch(message)
    finally:
        for worker in running.values():
            worker.stop()
    return [outcomes[place] for place in range(len(tasks))]


@dataclass(frozen=True)
class _Worker:
    place: int
    competition_id: str
    process: SpawnProcess
    results: Connection

    def receive(self, memory: int | None) -> Progress | PreparationOutcome:
        """What the process tells next; a failed outcome if it is gone."""
        try:
            message: Progress | PreparationOutcome = self.results.recv()
        except (EOFError, OSError):
            # its end, or the beginning of a message that it was killed in
            self.process.join()
            message = failure(self.competition_id, _explain_end(self.process.exitcode, memory))
        if isinstance(message, PreparationOutcome):
            self.process.join()
            self.results.close()
        return message

    def stop(self) -> None:
        self.process.terminate()
        self.process.join()
        self.results.close()


def _start(place: int, task: PreparationTask, memory: int | None) -> _Worker:
    context = multiprocessing.get_context("spawn")
    results, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, sender, memory), name=task.competition.id)
    process.start()
    sender.close()
    return _Worker(place, task.competition.id, process, results)


def _work(task: PreparationTask, sender: Connection, memory: int | None) -> None:
    # the parent ends its workers itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_memory(memory)
    sender.send(prepare_one(task, sender.send, memory))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


def _limit_memory(memory: int | None) -> None:
    if memory is None:
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory if hard == resource.RLIM_INFINITY else min(memory, hard), hard))


def _explain_end(code: int | None, memory: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (the machine may have run out of memory; try fewer --jobs)" if name == "SIGKILL" else ""
        return f"the process that prepared it was ended by {name}{hint}; call again"
    return f"the process that prepared it ended with code {code}; {too_little_memory(memory)}"
