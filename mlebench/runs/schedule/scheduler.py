"""Runs groups to their end: longest expected first, failures of the infrastructure again, hopeless groups not at all.

Everything that matters is in the runs' folders before it is in memory, so killing the harness at any moment loses no
more than the last second; `Scheduler` started anew on the same groups goes on.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from grading.wording import counted
from mlebench.errors import GroupStopped, Interrupted, UsageError
from mlebench.runs import lock
from mlebench.runs.executors.base import Ended, Executor, no_room
from mlebench.runs.executors.booking import Need
from mlebench.runs.group import Group
from mlebench.runs.group_report import GroupResult, write_grading_report
from mlebench.runs.record import RunRecord, now
from mlebench.runs.schedule.forecast import Forecast, Rank, make_forecast
from mlebench.runs.schedule.overview import Display, Overview, RunView, Silent
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask, Secrets
from mlebench.sandbox.base import Outcome

_NO_ROOM_SECONDS = 0.5
"""Until room is looked for again that is not ours to give back: another harness may hold GPUs, or a cluster be full."""
_REPORT_EVERY_SECONDS = 60.0
_PATIENCE = 20
"""How many runs may overtake one that waits for more room than they need."""
_QUICK_SECONDS = 60.0
_FOR_PEOPLE = frozenset({"grader-error", "agent-changed"})
"""Ends that somebody has to fix; trying again does not."""
_AT_ONCE: Rank = (float("-inf"), 0.0, 0.0)
"""The rank of runs that are running already or are tried again."""


def run_groups(
    groups: list[Group],
    executor: Executor,
    settings: RunSettings | None = None,
    display: Display | None = None,
    *,
    secrets: Secrets | None = None,
    prepare: Callable[[], None] = lambda: None,
) -> list[GroupResult]:
    """Run every pending run of `groups` and continue those that are running.

    Args:
        groups: with pending runs, or left behind by an earlier harness.
        executor: where the runs happen; it is closed at the end.
        settings: retries, fail-fast and whether containers are kept; where the runs happen is the executor's.
        display: shows how they get on; nothing by default.
        secrets: what agents and split need.
        prepare: called when the groups' locks are held, before anything is read.

    Returns:
        what became of each group.

    Raises:
        UsageError: a group is running already, or its runs need more than the executor has.
        Interrupted: Ctrl-C; running runs were stopped and are pending again on resume.
        GroupStopped: `fail_fast` runs in a row were failed by their agent at once; the rest is still pending.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(executor.close)
        for group in groups:
            stack.enter_context(lock.hold(group.folder))
        prepare()
        return _Scheduler(groups, executor, settings or RunSettings(), display or Silent(), secrets or Secrets()).run()


@dataclass
class _Queue:
    """Waiting runs of equal need, the longest first."""

    entries: deque[tuple[Rank, RunTask]]
    passed_over: int = 0


class _Scheduler:
    def __init__(
        self, groups: list[Group], executor: Executor, settings: RunSettings, display: Display, secrets: Secrets
    ) -> None:
        self._groups = groups
        self._executor = executor
        self._settings = settings
        self._display = display
        self._secrets = secrets
        self._overview = Overview()
        self._needs = {group.name: Need.of(group.plan.profile) for group in groups}
        self._tasks: dict[str, RunTask] = {}
        self._queues: dict[Need, _Queue] = {}
        self._forecasts: dict[str, Forecast] = {}
        self._delayed: list[tuple[float, str]] = []
        self._running: set[str] = set()
        self._attempts_left: dict[str, int] = {}
        self._breakaways: dict[str, int] = defaultdict(int)
        self._failed_in_a_row: dict[str, int] = defaultdict(int)
        self._stopped: dict[str, str] = {}
        self._last_report = time.monotonic()

    def run(self) -> list[GroupResult]:
        """Until nothing is left to do."""
        self._check_needs()
        self._fill_queues()
        try:
            with _terminate_as_detach():
                while self._step():
                    pass
        except KeyboardInterrupt:
            self._leave(stop=True)
        except _Terminated:
            self._leave(stop=False)
        finally:
            results = self._write_reports()
            self._display.close(self._overview)
        if self._stopped:
            raise GroupStopped(" ".join(self._stopped.values()), results)
        return results

    def _check_needs(self) -> None:
        for group in self._groups:
            if problem := no_room(self._executor, group.plan.profile):
                raise UsageError(problem)

    def _fill_queues(self) -> None:
        waiting: dict[Need, list[tuple[Rank, RunTask]]] = defaultdict(list)
        for group in self._groups:
            forecast = make_forecast(group.plan, group.conditions, group.folder.parent, own=group.folder)
            self._forecasts[group.name] = forecast
            records = [(RunTask(group, run, self._secrets, self._settings.keep), group.record(run)) for run in group.plan.runs]
            for task, record in records:
                if record.state in ("finished", "timed-out"):
                    forecast.learn(task.run, record.wall_seconds or 0.0)
            for task, record in records:
                view = self._overview.runs[task.key] = RunView(task.key, record.agent, record.run_id, run_dir=task.run_dir)
                view.update(record)
                self._expect(task)
                if record.has_ended:
                    continue
                self._tasks[task.key] = task
                self._attempts_left[task.key] = self._settings.retries
                # running ones come first: their time passes and their GPUs are taken
                rank = forecast.rank(task.run) if record.state == "pending" else _AT_ONCE
                waiting[self._needs[group.name]].append((rank, task))
        slots = [self._executor.slots(need) for need in waiting]
        self._overview.slots = max(slots, default=1)
        for need, entries in waiting.items():
            self._queues[need] = _Queue(_sorted(entries))

    def _step(self) -> bool:
        """Start what can start and wait for what may come next; False when nothing is left to do."""
        self._bring_back_delayed()
        self._launch()
        waiting = any(queue.entries for queue in self._queues.values())
        if not (self._running or self._delayed or waiting):
            return False
        self._display.show(self._overview)
        for ended in self._executor.wait(self._pause(waiting=waiting)):
            self._conclude(ended)
        for sentence in self._executor.news():
            self._display.say(sentence)
        if time.monotonic() - self._last_report > _REPORT_EVERY_SECONDS and len(self._overview.runs) <= 1000:
            self._write_reports()
        return True

    def _pause(self, *, waiting: bool) -> float:
        """Seconds until something may have to be done although no run has ended."""
        pauses = [self._display.every, _REPORT_EVERY_SECONDS]
        if waiting:
            pauses.append(_NO_ROOM_SECONDS)
        if self._delayed:
            pauses.append(self._delayed[0][0] - time.monotonic())
        return max(0.0, min(pauses))

    def _launch(self) -> None:
        """Start what fits, the longest first; a run may overtake a larger one, but not too often."""
        full: set[Need] = set()
        while True:
            heads = [
                (queue.entries[0][0], need)
                for need, queue in self._queues.items()
                if queue.entries and need not in full and not self._drop(queue)
            ]
            if not heads or any(self._queues[need].passed_over > _PATIENCE for need in full):
                return
            need = min(heads, key=lambda head: head[0])[1]
            queue = self._queues[need]
            task = queue.entries[0][1]
            if not self._executor.submit(task):
                full.add(need)
                continue
            queue.entries.popleft()
            queue.passed_over = 0
            for waiting in full:
                self._queues[waiting].passed_over += 1
            self._running.add(task.key)
            self._forecasts[task.group.name].begin(task.run)
            view = self._overview.runs[task.key]
            view.state = "running"
            view.started_at = view.started_at or now()

    def _drop(self, queue: _Queue) -> bool:
        """Take runs out that are not to start any more; whether the queue is empty then."""
        while queue.entries:
            task = queue.entries[0][1]
            if task.group.name in self._stopped:
                queue.entries.popleft()
            elif os.path.lexists(task.run_dir / "cancel") or os.path.lexists(task.group.folder / "cancel"):
                queue.entries.popleft()
                self._cancel_pending(task)
            else:
                return False
        return True

    def _cancel_pending(self, task: RunTask) -> None:
        record = task.group.record(task.run)
        if record.state == "pending":
            record.end(Outcome("cancelled", "cancelled", "cancelled before it started"))
            record.write(task.run_dir)
        self._announce(task, record)

    def _bring_back_delayed(self) -> None:
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            task = self._tasks[heapq.heappop(self._delayed)[1]]
            queue = self._queues[self._needs[task.group.name]]
            queue.entries.appendleft((_AT_ONCE, task))

    def _conclude(self, ended: Ended) -> None:
        self._running.discard(ended.key)
        task = self._tasks[ended.key]
        record = ended.record
        if ended.notice:
            self._display.say(ended.notice)
        if record is None:
            self._broke_away(task, ended.problem or "its place broke away")
            return
        if record.state == "pending":
            # taken back before it started, because its group was stopped
            self._overview.runs[task.key].update(record)
            return
        self._count_quick_failures(task, record)
        again = record.failure_class == "infrastructure" and record.reason not in _FOR_PEOPLE
        if again and self._attempts_left[task.key] > 0 and task.group.name not in self._stopped:
            self._try_again(task, record)
        else:
            self._announce(task, record)
            self._learn(task, record)

    def _learn(self, task: RunTask, record: RunRecord) -> None:
        """One seed tells how long the others will take; those that wait are put in a new order."""
        forecast = self._forecasts[task.group.name]
        if record.state not in ("finished", "timed-out") or not forecast.learn(task.run, record.wall_seconds or 0.0):
            return
        queue = self._queues[self._needs[task.group.name]]
        for _, waiting in queue.entries:
            self._expect(waiting)
        queue.entries = _sorted(
            (rank if rank == _AT_ONCE else self._forecasts[waiting.group.name].rank(waiting.run), waiting)
            for rank, waiting in queue.entries
        )

    def _expect(self, task: RunTask) -> None:
        view, forecast = self._overview.runs[task.key], self._forecasts[task.group.name]
        view.expected, view.learned = forecast.expected(task.run)

    def _try_again(self, task: RunTask, record: RunRecord) -> None:
        used = self._settings.retries - self._attempts_left[task.key]
        self._attempts_left[task.key] -= 1
        self._display.say(f"{task.key} will be tried again: {record.detail}")
        record.again()
        record.write(task.run_dir)
        self._overview.runs[task.key].update(record)
        # what vanished with a harness or a node needs no time to recover
        delay = 0.0 if record.attempts[-1]["reason"] == "lost" else self._settings.retry_delay * 3**used
        heapq.heappush(self._delayed, (time.monotonic() + delay, task.key))

    def _broke_away(self, task: RunTask, problem: str) -> None:
        """The place of a run is gone (a node died). Its record says running, so the next place looks for it first."""
        self._breakaways[task.key] += 1
        if self._breakaways[task.key] <= self._settings.retries:
            self._display.say(f"{task.key} will be looked for elsewhere: {problem}")
            heapq.heappush(self._delayed, (time.monotonic(), task.key))
            return
        record = task.group.record(task.run)
        if record.state == "pending":
            record.begin("", [])
        if not record.has_ended:
            record.end(Outcome("failed", "node-lost", problem, failure_class="infrastructure"))
            record.write(task.run_dir)
        self._announce(task, record)

    def _announce(self, task: RunTask, record: RunRecord) -> None:
        view = self._overview.runs[task.key]
        view.update(record)
        self._display.ended(view, self._overview)

    def _count_quick_failures(self, task: RunTask, record: RunRecord) -> None:
        if record.failure_class == "infrastructure":
            # says nothing of the agent, neither for it nor against it
            return
        group = task.group
        quick = min(_QUICK_SECONDS, 0.1 * group.plan.profile.time_limit)
        # a small budget is soon spent
        is_result = record.state != "failed" or record.reason == "budget-exhausted" or record.has_valid_submission
        if is_result or (record.wall_seconds or 0) > quick:
            self._failed_in_a_row[group.name] = 0
            return
        self._failed_in_a_row[group.name] += 1
        if 0 < self._settings.fail_fast <= self._failed_in_a_row[group.name] and group.name not in self._stopped:
            self._stopped[group.name] = (
                f"{group.name} was stopped: {counted(self._settings.fail_fast, 'run')} in a row failed at once, the last one was "
                f"{record.run_id} ({(record.detail or 'failed').rstrip('.')}); fix it and continue with "
                f"{group.command('run', '--resume', group.name)}"
            )
            self._delayed = [entry for entry in self._delayed if self._tasks[entry[1]].group is not group]
            heapq.heapify(self._delayed)
            self._take_back(group)

    def _take_back(self, group: Group) -> None:
        """Runs of a stopped group that an executor has queued but not begun."""
        for key in self._running:
            task = self._tasks[key]
            if task.group is group and task.group.record(task.run).state == "pending":
                self._executor.stop(key, group.plan.profile.grace)

    def _leave(self, *, stop: bool) -> None:
        """Ctrl-C stops what is running; SIGTERM leaves it alone, to be found again."""
        names = " and ".join(group.command("run", "--resume", group.name) for group in self._groups)
        if stop:
            self._display.say("stopping the running runs …")
            self._executor.stop_all(max((group.plan.profile.grace for group in self._groups), default=0))
        else:
            self._executor.detach_all()
        while self._running:
            for ended in self._executor.wait(_NO_ROOM_SECONDS):
                self._running.discard(ended.key)
                if ended.record is not None:
                    self._overview.runs[ended.key].update(ended.record)
        raise Interrupted(f"{'stopped' if stop else 'left, agents keep running'}; continue with {names}")

    def _write_reports(self) -> list[GroupResult]:
        self._last_report = time.monotonic()
        return [write_grading_report(group) for group in self._groups]


def _sorted(entries: Iterable[tuple[Rank, RunTask]]) -> deque[tuple[Rank, RunTask]]:
    return deque(sorted(entries, key=lambda entry: (entry[0], entry[1].key)))


class _Terminated(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def _terminate_as_detach() -> Iterator[None]:
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
