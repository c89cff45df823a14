"""Runs groups to their end: longest expected first, failures of the infrastructure again, hopeless groups not at all.

Everything that matters is in the runs' folders before it is in memory, so killing the harness at any moment loses no
more than the last second; `Scheduler` started anew on the same groups goes on.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mlebench.errors import MlebenchError, UsageError
from mlebench.runs import lock
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Need
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.record import RunRecord, now
from mlebench.runs.schedule.forecast import Expectation, Rank, expect
from mlebench.runs.schedule.overview import Display, Progress, RunView, Silent
from mlebench.runs.worker import RunTask
from mlebench.sandbox.base import Outcome

_TICK_SECONDS = 0.5
_REPORT_EVERY_SECONDS = 60.0
_PATIENCE = 20
"""How many runs may overtake one that waits for more room than they need."""
_QUICK_SECONDS = 60.0
_FOR_PEOPLE = frozenset({"grader-error", "agent-changed"})
"""Ends that somebody has to mend; trying again does not."""
_AT_ONCE: Rank = (float("-inf"), 0.0, 0.0)
"""The rank of runs that are at work already or are tried again."""


@dataclass(frozen=True)
class RunOptions:
    """How groups are run; may be chosen anew when they are resumed."""

    retries: int = 2
    """How often a run is tried again that the infrastructure ended."""
    retry_delay: float = 5.0
    """Seconds before the first retry; each further one waits three times as long."""
    fail_fast: int = 3
    """So many runs in a row that fail at once stop their group; 0 never stops one."""
    keep: bool = False
    """Leave containers and working folders standing."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    split_key: str | None = field(default=None, repr=False)


class Interrupted(MlebenchError):
    """The harness was asked to leave; the message says how to go on."""

    exit_code = 130


class GroupStopped(MlebenchError):
    """A group was stopped early because its runs fail at once."""


def run_groups(
    groups: list[Group],
    executor: Executor,
    options: RunOptions,
    display: Display | None = None,
    prepare: Callable[[], None] = lambda: None,
) -> Progress:
    """Run every pending run of `groups` and go on with those at work.

    Args:
        groups: with pending runs, or left behind by an earlier harness.
        executor: where the runs happen; it is closed at the end.
        options: retries, fail-fast, secrets.
        display: shows progress; nothing by default.
        prepare: called when the groups' locks are held, before anything is read.

    Returns:
        what became of the runs.

    Raises:
        UsageError: a group is at work already, or its runs need more than the executor has.
        Interrupted: Ctrl-C; runs at work were stopped and are pending again on resume.
        GroupStopped: `fail_fast` runs in a row failed at once; the rest is still pending.
    """
    with contextlib.ExitStack() as stack:
        for group in groups:
            stack.enter_context(lock.hold(group.folder))
        stack.callback(executor.close)
        prepare()
        return _Scheduler(groups, executor, options, display or Silent()).run()


@dataclass
class _Queue:
    """Waiting runs of equal need, the longest first."""

    entries: deque[tuple[Rank, RunTask]]
    passed_over: int = 0


class _Scheduler:
    def __init__(self, groups: list[Group], executor: Executor, options: RunOptions, display: Display) -> None:
        self._groups = groups
        self._executor = executor
        self._options = options
        self._display = display
        self._progress = Progress()
        self._tasks: dict[str, RunTask] = {}
        self._queues: dict[Need, _Queue] = {}
        self._expectations: dict[str, Expectation] = {}
        self._delayed: list[tuple[float, str]] = []
        self._at_work: set[str] = set()
        self._attempts_left: dict[str, int] = {}
        self._breakaways: dict[str, int] = defaultdict(int)
        self._failed_in_a_row: dict[str, int] = defaultdict(int)
        self._stopped: dict[str, str] = {}
        self._last_report = time.monotonic()

    def run(self) -> Progress:
        """Until nothing is left to do."""
        self._check_needs()
        self._fill_queues()
        try:
            with _terminate_as_detach():
                while self._at_work or self._delayed or any(queue.entries for queue in self._queues.values()):
                    self._step()
        except KeyboardInterrupt:
            self._leave(stop=True)
        except _Terminated:
            self._leave(stop=False)
        finally:
            self._write_reports()
            self._display.close(self._progress)
        if self._stopped:
            raise GroupStopped(" ".join(self._stopped.values()))
        return self._progress

    def _check_needs(self) -> None:
        for group in self._groups:
            profile = group.plan.profile
            if problem := self._executor.shortage(Need.of(profile)):
                raise UsageError(
                    f"no run of profile {profile.name} can start: {problem}; choose another with `--profile NAME` "
                    "or change it with `--profile-set cpus=N`"
                )

    def _fill_queues(self) -> None:
        waiting: dict[Need, list[tuple[Rank, RunTask]]] = defaultdict(list)
        for group in self._groups:
            expectation = self._expectations[group.name] = expect(group.plan, group.folder.parent)
            need = Need.of(group.plan.profile)
            for run in group.plan.runs:
                task = RunTask(group, run, self._options.secrets, self._options.split_key, self._options.keep)
                record = group.record(run)
                view = self._progress.runs[task.key] = RunView(task.key, group.plan.agent.id, run.run_id)
                view.update(record)
                self._expect(task)
                if record.has_ended:
                    continue
                self._tasks[task.key] = task
                self._attempts_left[task.key] = self._options.retries
                # those at work come first: their time runs and their GPUs are taken
                rank = expectation.rank(run) if record.state == "pending" else _AT_ONCE
                waiting[need].append((rank, task))
        slots = [self._executor.slots(need) for need in waiting]
        self._progress.slots = max(slots, default=1)
        for need, entries in waiting.items():
            self._queues[need] = _Queue(_sorted(entries))

    def _step(self) -> None:
        self._bring_back_delayed()
        self._launch()
        for ended in self._executor.wait(_TICK_SECONDS if self._at_work else _TICK_SECONDS / 10):
            self._conclude(ended)
        self._display.show(self._progress)
        if time.monotonic() - self._last_report > _REPORT_EVERY_SECONDS and len(self._progress.runs) <= 1000:
            self._write_reports()

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
            self._at_work.add(task.key)
            view = self._progress.runs[task.key]
            view.state = "running"
            view.started_at = view.started_at or now()

    def _drop(self, queue: _Queue) -> bool:
        """Take runs out that are not to start any more; whether the queue is empty then."""
        while queue.entries:
            task = queue.entries[0][1]
            if task.group.name in self._stopped:
                queue.entries.popleft()
            elif (task.run_dir / "cancel").exists() or (task.group.folder / "cancel").exists():
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
            queue = self._queues[Need.of(task.group.plan.profile)]
            queue.entries.appendleft((_AT_ONCE, task))

    def _conclude(self, ended: Ended) -> None:
        self._at_work.discard(ended.key)
        task = self._tasks[ended.key]
        record = ended.record
        if record is None:
            self._broke_away(task, ended.problem or "its place broke away")
            return
        if record.state == "pending":
            # taken back before it started, because its group was stopped
            self._progress.runs[task.key].update(record)
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
        expectation = self._expectations[task.group.name]
        if record.state not in ("finished", "timed-out") or not expectation.learn(task.run, record.wall_seconds or 0.0):
            return
        queue = self._queues[Need.of(task.group.plan.profile)]
        for _, waiting in queue.entries:
            self._expect(waiting)
        queue.entries = _sorted(
            (rank if rank == _AT_ONCE else self._expectations[waiting.group.name].rank(waiting.run), waiting)
            for rank, waiting in queue.entries
        )

    def _expect(self, task: RunTask) -> None:
        view, expectation = self._progress.runs[task.key], self._expectations[task.group.name]
        view.expected, view.learned = expectation.seconds(task.run), expectation.is_learned(task.run)

    def _try_again(self, task: RunTask, record: RunRecord) -> None:
        used = self._options.retries - self._attempts_left[task.key]
        self._attempts_left[task.key] -= 1
        self._display.say(f"{task.key} will be tried again: {record.detail}")
        record.again()
        record.write(task.run_dir)
        self._progress.runs[task.key].update(record)
        # what vanished with a harness or a node needs no time to recover
        delay = 0.0 if record.attempts[-1]["reason"] == "lost" else self._options.retry_delay * 3**used
        heapq.heappush(self._delayed, (time.monotonic() + delay, task.key))

    def _broke_away(self, task: RunTask, problem: str) -> None:
        """The place of a run is gone (a node died). Its record says running, so the next place looks for it first."""
        self._breakaways[task.key] += 1
        if self._breakaways[task.key] <= self._options.retries:
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
        view = self._progress.runs[task.key]
        view.update(record)
        self._display.ended(view, self._progress)

    def _count_quick_failures(self, task: RunTask, record: RunRecord) -> None:
        group = task.group
        quick = min(_QUICK_SECONDS, 0.1 * group.plan.profile.time_limit)
        if record.state != "failed" or record.has_valid_submission or (record.wall_seconds or 0) > quick:
            self._failed_in_a_row[group.name] = 0
            return
        self._failed_in_a_row[group.name] += 1
        if 0 < self._options.fail_fast <= self._failed_in_a_row[group.name] and group.name not in self._stopped:
            self._stopped[group.name] = (
                f"{group.name} was stopped: {self._options.fail_fast} runs in a row failed at once, the last one was "
                f"{record.run_id} ({(record.detail or 'failed').rstrip('.')}); mend it and go on with "
                f"`mlebench run --resume {group.name}`"
            )
            self._delayed = [entry for entry in self._delayed if self._tasks[entry[1]].group is not group]
            heapq.heapify(self._delayed)
            self._take_back(group)

    def _take_back(self, group: Group) -> None:
        """Runs of a stopped group that an executor has queued but not begun."""
        for key in self._at_work:
            task = self._tasks[key]
            if task.group is group and task.group.record(task.run).state == "pending":
                self._executor.stop(key, group.plan.profile.grace)

    def _leave(self, *, stop: bool) -> None:
        """Ctrl-C stops what is at work; SIGTERM leaves it alone, to be found again."""
        names = " and ".join(f"`mlebench run --resume {group.name}`" for group in self._groups)
        if stop:
            self._display.say("stopping the runs at work …")
            self._executor.stop_all(max((group.plan.profile.grace for group in self._groups), default=0))
        else:
            self._executor.detach_all()
        while self._at_work:
            for ended in self._executor.wait(_TICK_SECONDS):
                self._at_work.discard(ended.key)
                if ended.record is not None:
                    self._progress.runs[ended.key].update(ended.record)
        raise Interrupted(f"{'stopped' if stop else 'left, agents work on'}; go on with {names}")

    def _write_reports(self) -> None:
        for group in self._groups:
            write_grading_report(group)
        self._last_report = time.monotonic()


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
