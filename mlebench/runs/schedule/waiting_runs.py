"""Runs that have not started: queued by their needs, set aside while their group is paused, or due later."""

from __future__ import annotations

import heapq
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from mlebench.runs.executors.booking import Need
from mlebench.runs.schedule.forecast import Rank
from mlebench.runs.task import RunTask

AT_ONCE: Rank = (float("-inf"), 0.0, 0.0)
"""The rank of runs that are already running or are retried."""
_PATIENCE = 20
"""How many smaller runs may overtake one that waits for more room."""
_MOST_LOOKED_AT = 2000
"""Most positions of runs reported per queue."""

_Entry = tuple[Rank, RunTask]


class _Queue:
    """Runs with equal needs."""

    def __init__(self) -> None:
        self.entries: deque[_Entry] = deque()
        self.passed_over = 0
        """How many runs with other needs have started since this queue's last start."""

    def sort(self, rank: Callable[[RunTask], Rank]) -> None:
        """Sort by current ranks; runs with precedence stay first."""
        ranked = [(before if before == AT_ONCE else rank(task), task) for before, task in self.entries]
        self.entries = deque(sorted(ranked, key=lambda entry: (entry[0], entry[1].key)))


class WaitingRuns:
    """The waiting runs of several groups, which are identified by name."""

    def __init__(self, rank: Callable[[RunTask], Rank]) -> None:
        """Args:
        rank: returns a run's rank among all waiting runs; the smallest goes first.
        """
        self._rank = rank
        self._queues: dict[Need, _Queue] = {}
        self._aside: dict[str, list[_Entry]] = {}
        """Runs of paused groups, by group."""
        self._due: list[tuple[float, str, RunTask]] = []
        """A heap of runs to retry, by time of the monotonic clock."""

    @property
    def needs(self) -> list[Need]:
        """The needs of all queues, including empty ones."""
        return list(self._queues)

    @property
    def has_queued(self) -> bool:
        """Whether any run may start as soon as there is room."""
        return any(queue.entries for queue in self._queues.values())

    def __bool__(self) -> bool:
        return self.has_queued or bool(self._due) or any(self._aside.values())

    def fill(self, tasks: Iterable[tuple[RunTask, bool]]) -> None:
        """Put runs into their queues, each with whether it goes before all others."""
        for task, at_once in tasks:
            self._queue_of(task).entries.append((AT_ONCE if at_once else self._rank(task), task))
        for queue in self._queues.values():
            queue.sort(self._rank)

    def put_first(self, task: RunTask) -> None:
        """Queue a run before all others, or set it aside while its group is paused."""
        aside = self._aside.get(task.group.name)
        if aside is not None and not _is_under_way(AT_ONCE, task):
            aside.append((AT_ONCE, task))
        else:
            self._queue_of(task).entries.appendleft((AT_ONCE, task))

    def put_off(self, task: RunTask, seconds: float) -> None:
        """Queue a run first after that many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, task.key, task))

    def bring_back_due(self) -> None:
        """Queue the runs that are due."""
        while self._due and self._due[0][0] <= time.monotonic():
            self.put_first(heapq.heappop(self._due)[2])

    def seconds_until_due(self) -> float | None:
        """Seconds until the next run is due; None if there is none."""
        return self._due[0][0] - time.monotonic() if self._due else None

    def remove(self, task: RunTask) -> None:
        """Remove a run, whatever it waits for."""
        for entries in (*(queue.entries for queue in self._queues.values()), *self._aside.values()):
            if found := next((entry for entry in entries if entry[1].key == task.key), None):
                entries.remove(found)
        self._keep_due(lambda other: other.key != task.key)

    def abandon(self, group: str) -> None:
        """Forget a group's runs that are due later or set aside; queued ones are dropped when their turn comes."""
        self._keep_due(lambda task: task.group.name != group)
        self._aside.pop(group, None)

    def _keep_due(self, wanted: Callable[[RunTask], bool]) -> None:
        self._due = [entry for entry in self._due if wanted(entry[2])]
        heapq.heapify(self._due)

    def sort_with(self, task: RunTask) -> list[RunTask]:
        """Sort the queue of a run again; returns the runs in it."""
        queue = self._queue_of(task)
        queue.sort(self._rank)
        return [waiting for _, waiting in queue.entries]

    def is_aside(self, group: str) -> bool:
        """Whether a group's runs are set aside."""
        return group in self._aside

    def set_aside(self, group: str) -> None:
        """Let no run of a group start; a run whose record says running may have an agent and is still resumed."""
        aside = self._aside[group] = []
        for queue in self._queues.values():
            entries, queue.entries = queue.entries, deque()
            for rank, task in entries:
                rests = task.group.name == group and not _is_under_way(rank, task)
                (aside if rests else queue.entries).append((rank, task))

    def take_up(self, group: str) -> list[RunTask]:
        """Return a group's runs to their queues; returns them."""
        tasks = []
        for rank, task in self._aside.pop(group):
            self._queue_of(task).entries.append((rank, task))
            tasks.append(task)
        if tasks:
            self._queue_of(tasks[0]).sort(self._rank)
        return tasks

    def start(self, submit: Callable[[RunTask], bool], gives_up: Callable[[RunTask], bool]) -> Iterator[RunTask]:
        """Start the runs that fit, longest first; a run may overtake a larger one, but not too often.

        Args:
            submit: starts a run; returns False if there is no room for such runs now.
            gives_up: returns whether a run must no longer start; it then stops waiting.

        Yields:
            each run started.
        """
        full: set[Need] = set()
        while True:
            heads = [
                (queue.entries[0][0], need)
                for need, queue in self._queues.items()
                if need not in full and _has_next(queue, gives_up)
            ]
            if not heads or any(self._queues[need].passed_over > _PATIENCE for need in full):
                return
            need = min(heads, key=lambda head: head[0])[1]
            queue = self._queues[need]
            task = queue.entries[0][1]
            if not submit(task):
                full.add(need)
                continue
            queue.entries.popleft()
            queue.passed_over = 0
            for waiting in full:
                self._queues[waiting].passed_over += 1
            yield task

    def due_in(self, group: str) -> Iterator[tuple[RunTask, float]]:
        """A group's runs that are due later, with the seconds until then."""
        return ((task, moment - time.monotonic()) for moment, _, task in self._due if task.group.name == group)

    def places(self, group: str, most: int) -> list[tuple[RunTask, int]]:
        """A group's first queued runs, at most `most` per queue, with how many go before each."""
        found: list[tuple[RunTask, int]] = []
        for queue in self._queues.values():
            looked_at = enumerate(islice(queue.entries, _MOST_LOOKED_AT))
            own = ((task, place) for place, (_, task) in looked_at if task.group.name == group)
            found += islice(own, most)
        return found

    def _queue_of(self, task: RunTask) -> _Queue:
        return self._queues.setdefault(Need.of(task.group.plan.profile), _Queue())


def _has_next(queue: _Queue, gives_up: Callable[[RunTask], bool]) -> bool:
    while queue.entries and gives_up(queue.entries[0][1]):
        queue.entries.popleft()
    return bool(queue.entries)


def is_cancelled(task: RunTask) -> bool:
    """Whether the run or its group has been cancelled."""
    return os.path.lexists(task.run_dir / "cancel") or os.path.lexists(task.group.folder / "cancel")


def _is_under_way(rank: Rank, task: RunTask) -> bool:
    """Whether an agent may be running for a run that waits to be resumed."""
    return rank == AT_ONCE and task.group.record(task.run).state == "running"
