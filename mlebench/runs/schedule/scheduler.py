"""Runs groups to completion: longest expected run first, retrying infrastructure failures, stopping hopeless groups.

Everything that matters is written to the runs' folders before it is in memory, so killing the harness at any moment loses at most
the last second; a new `Scheduler` on the same groups continues.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from grading.wording import counted
from mlebench.errors import GroupStopped, Interrupted, UsageError
from mlebench.runs import lock
from mlebench.runs.another_attempt import put_back, require_retriable
from mlebench.runs.executors.base import Ended, Executor, no_room
from mlebench.runs.executors.booking import Need
from mlebench.runs.group import Group
from mlebench.runs.group_report import GroupResult, write_grading_report
from mlebench.runs.harness_status import MOST_WAITING, HarnessStatus, drop_harness_status, write_harness_status
from mlebench.runs.orders import Orders, end_pause, is_paused, read_orders, settle
from mlebench.runs.record import RunRecord, now
from mlebench.runs.schedule.forecast import Forecast, make_forecast
from mlebench.runs.schedule.overview import Display, Overview, RunView, Silent
from mlebench.runs.schedule.status_files import StatusFiles
from mlebench.runs.schedule.waiting_runs import WaitingRuns, is_cancelled
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask, Secrets
from mlebench.sandbox.base import Outcome

_NO_ROOM_SECONDS = 0.5
"""Seconds between checks for room that others must free: another harness may hold GPUs, or a cluster may be full."""
_REPORT_EVERY_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 1.0
"""Seconds between checks for requests from people."""
_PAUSED = "its group is paused"
_QUICK_SECONDS = 60.0
_FOR_PEOPLE = frozenset({"grader-error", "agent-changed"})
"""Outcomes that need a fix by a person; retrying does not help."""


def run_groups(
    groups: list[Group],
    executor: Executor,
    settings: RunSettings | None = None,
    display: Display | None = None,
    *,
    secrets: Secrets | None = None,
    prepare: Callable[[], None] = lambda: None,
) -> list[GroupResult]:
    """Execute every pending run of `groups` and continue those that are running.

    Args:
        groups: groups with pending runs, or left by an earlier harness.
        executor: where the runs are executed; closed at the end.
        settings: retries, fail-fast and whether containers are kept; the executor decides where runs are executed.
        display: shows progress; nothing by default.
        secrets: those that agents and the split need.
        prepare: called once the groups' locks are held, before anything is read.

    Returns:
        the result of each group.

    Raises:
        UsageError: a group is already running, or its runs need more than the executor has.
        Interrupted: Ctrl-C; running runs were stopped and are pending again on resume.
        GroupStopped: `fail_fast` runs in a row failed immediately because of their agent; the rest is still pending.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(executor.close)
        for group in groups:
            stack.enter_context(lock.hold(group.folder))
            stack.callback(drop_harness_status, group.folder)
            write_harness_status(group.folder, HarnessStatus(now(), parallel=executor.parallel))
        prepare()
        return _Scheduler(groups, executor, settings or RunSettings(), display or Silent(), secrets or Secrets()).run()


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
        self._tasks: dict[str, RunTask] = {}
        self._forecasts: dict[str, Forecast] = {}
        self._waiting = WaitingRuns(lambda task: self._forecasts[task.group.name].rank(task.run))
        self._running: set[str] = set()
        self._attempts_left: dict[str, int] = {}
        self._breakaways: dict[str, int] = defaultdict(int)
        self._failed_in_a_row: dict[str, int] = defaultdict(int)
        self._stopped: dict[str, str] = {}
        self._last_report = time.monotonic()
        self._deaf: set[str] = set()
        """Groups whose request files cannot be removed, because they belong to another user, and would be applied repeatedly."""
        self._status_files = StatusFiles()

    def run(self) -> list[GroupResult]:
        """Run until nothing is left to do."""
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
            for group, records in results:
                if all(record.has_ended for record in records):
                    end_pause(group)
            # resuming ends a pause, so its status no longer applies
            self._overview.paused.clear()
            self._display.close(self._overview)
        if self._stopped:
            raise GroupStopped(" ".join(self._stopped.values()), results)
        return results

    def _check_needs(self) -> None:
        for group in self._groups:
            if problem := no_room(self._executor, group.plan.profile):
                raise UsageError(problem)

    def _fill_queues(self) -> None:
        waiting: list[tuple[RunTask, bool]] = []
        for group in self._groups:
            forecast = make_forecast(group.plan, group.conditions, group.folder.parent, own=group.folder)
            self._forecasts[group.name] = forecast
            records = [(RunTask(group, run, self._secrets, self._settings.keep), group.record(run)) for run in group.plan.runs]
            for task, record in records:
                if record.state in ("finished", "timed-out"):
                    forecast.learn(task.run, record.wall_seconds or 0.0)
            for task, record in records:
                view = self._overview.runs[task.key] = RunView(task.key, record.agent, record.run_id, run_dir=task.run_dir)
                view.time_limit = group.plan.profile.time_limit
                view.update(record)
                self._expect(task)
                if record.has_ended:
                    continue
                self._tasks[task.key] = task
                self._attempts_left[task.key] = self._settings.retries
                # running ones come first: their time is passing and their GPUs are taken
                waiting.append((task, record.state != "pending"))
        self._waiting.fill(waiting)
        self._count_slots()

    def _count_slots(self) -> None:
        self._overview.slots = max((self._executor.slots(need) for need in self._waiting.needs), default=1)

    def _step(self) -> bool:
        """Start what can start and wait for the next event; False if nothing is left to do."""
        self._obey()
        self._waiting.bring_back_due()
        self._launch()
        if not (self._running or self._waiting):
            # unless a request arrived meanwhile
            return self._obey()
        self._status_files.tell(self._groups, self._status, self._overview.seconds_left)
        self._display.show(self._overview)
        for ended in self._executor.wait(self._pause()):
            self._conclude(ended)
        for sentence in self._executor.news():
            self._display.say(sentence)
        if time.monotonic() - self._last_report > _REPORT_EVERY_SECONDS and len(self._overview.runs) <= 1000:
            self._write_reports()
        return True

    def _pause(self) -> float:
        """Seconds until something may need doing even if no run has ended."""
        pauses = [self._display.every, _LOOK_EVERY_SECONDS]
        if self._waiting.has_queued:
            pauses.append(_NO_ROOM_SECONDS)
        if (due := self._waiting.seconds_until_due()) is not None:
            pauses.append(due)
        return max(0.0, min(pauses))

    def _launch(self) -> None:
        for task in self._waiting.start(self._executor.submit, self._gives_up):
            self._running.add(task.key)
            self._forecasts[task.group.name].begin(task.run)
            view = self._overview.runs[task.key]
            view.state = "running"
            view.started_at = view.started_at or now()

    def _gives_up(self, task: RunTask) -> bool:
        """Whether a run must no longer start."""
        if task.group.name in self._stopped:
            return True
        if is_cancelled(task):
            self._cancel_pending(task)
            return True
        return False

    def _cancel_pending(self, task: RunTask) -> None:
        record = task.group.record(task.run)
        if record.state == "pending":
            record.end(Outcome("cancelled", "cancelled", "cancelled before it started"))
            record.write(task.run_dir)
        self._announce(task, record)

    def _conclude(self, ended: Ended) -> None:
        self._running.discard(ended.key)
        task = self._tasks[ended.key]
        record = ended.record
        if ended.notice:
            self._display.say(ended.notice)
        if record is None:
            self._broke_away(task, ended.problem or "its node was lost")
            return
        if record.state == "pending":
            # withdrawn before it started, because it was cancelled or its group was stopped
            self._overview.runs[task.key].update(record)
            if is_cancelled(task):
                self._cancel_pending(task)
            return
        self._count_quick_failures(task, record)
        again = record.failure_class == "infrastructure" and record.reason not in _FOR_PEOPLE
        if again and self._attempts_left[task.key] > 0 and task.group.name not in self._stopped:
            self._try_again(task, record)
        else:
            self._announce(task, record)
            self._learn(task, record)

    def _learn(self, task: RunTask, record: RunRecord) -> None:
        """Learn from one seed how long the others will take, and reorder those that wait."""
        forecast = self._forecasts[task.group.name]
        if record.state not in ("finished", "timed-out") or not forecast.learn(task.run, record.wall_seconds or 0.0):
            return
        for waiting in self._waiting.sort_with(task):
            self._expect(waiting)

    def _expect(self, task: RunTask) -> None:
        view, forecast = self._overview.runs[task.key], self._forecasts[task.group.name]
        view.expected, view.learned = forecast.expected(task.run)

    def _try_again(self, task: RunTask, record: RunRecord) -> None:
        used = self._settings.retries - self._attempts_left[task.key]
        self._attempts_left[task.key] -= 1
        self._display.say(f"{task.key} will be retried: {record.detail}")
        record.again()
        record.write(task.run_dir)
        self._overview.runs[task.key].update(record)
        # a run that vanished with its harness or node needs no time to recover
        delay = 0.0 if record.attempts[-1]["reason"] == "lost" else self._settings.retry_delay * 3**used
        self._waiting.put_off(task, delay)

    def _broke_away(self, task: RunTask, problem: str) -> None:
        """Handle a run whose node is lost. Its record says running, so the next node looks for it first."""
        self._breakaways[task.key] += 1
        if self._breakaways[task.key] <= self._settings.retries:
            self._display.say(f"{task.key} will be resumed elsewhere: {problem}")
            self._waiting.put_off(task, 0.0)
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
            # says nothing about the agent
            return
        group = task.group
        quick = min(_QUICK_SECONDS, 0.1 * group.plan.profile.time_limit)
        # a small budget is spent quickly
        is_result = record.state != "failed" or record.reason == "budget-exhausted" or record.has_valid_submission
        if is_result or (record.wall_seconds or 0) > quick:
            self._failed_in_a_row[group.name] = 0
            return
        self._failed_in_a_row[group.name] += 1
        if 0 < self._settings.fail_fast <= self._failed_in_a_row[group.name] and group.name not in self._stopped:
            self._stopped[group.name] = (
                f"{group.name} was stopped: {counted(self._settings.fail_fast, 'run')} in a row failed immediately, the last "
                f"one was "
                f"{record.run_id} ({(record.detail or 'failed').rstrip('.')}); fix it and continue with "
                f"{group.command('run', '--resume', group.name)}"
            )
            self._waiting.abandon(group.name)
            self._overview.paused.pop(group.name, None)
            self._take_back(group)

    def _take_back(self, group: Group) -> None:
        """Withdraw runs of a stopped group that an executor has queued but not begun."""
        for key in self._running:
            task = self._tasks[key]
            if task.group.name == group.name and task.group.record(task.run).state == "pending":
                self._executor.stop(key, group.plan.profile.grace)

    def _obey(self) -> bool:
        """Carry out requests since the last check; returns whether there were any."""
        asked = False
        for group in list(self._groups):
            orders = Orders(is_paused(group.folder)) if group.name in self._deaf else read_orders(group)
            if orders.parallel is not None:
                self._set_parallel(orders.parallel)
            for run_id in orders.cancelled:
                self._cancel_by_name(group, run_id)
            done_again = tuple(run_id for run_id in orders.retried if self._do_again(group, run_id))
            # a group cancelled as a whole has nothing to wait for
            rests = orders.is_paused and group.name not in self._stopped and not os.path.lexists(group.folder / "cancel")
            if rests and not self._waiting.is_aside(group.name):
                self._pause_group(group)
            elif not rests and self._waiting.is_aside(group.name):
                self._go_on(group)
            if not settle(group, orders._replace(retried=done_again)):
                self._deaf.add(group.name)
                self._display.say(f"a request to {group.name} cannot be removed, so further ones are ignored; see its .orders")
            asked = asked or orders != Orders(orders.is_paused)
        return asked

    def _set_parallel(self, parallel: int) -> None:
        self._executor.set_parallel(parallel)
        self._groups = [group.with_settings(group.settings.changed({"parallel": parallel})) for group in self._groups]
        self._count_slots()
        self._display.say(f"at most {counted(parallel, 'run')} at once from now on, as requested")

    def _pause_group(self, group: Group) -> None:
        self._waiting.set_aside(group.name)
        self._executor.hold(group)
        goes_on = group.command("runs", group.name, "--continue")
        self._overview.paused[group.name] = goes_on
        self._display.say(f"{group.name} is paused: no further run of it starts; {goes_on} continues it")

    def _go_on(self, group: Group) -> None:
        self._overview.paused.pop(group.name, None)
        for task in self._waiting.take_up(group.name):
            self._expect(task)
        self._executor.release(group)
        if group.name not in self._stopped and not os.path.lexists(group.folder / "cancel"):
            self._display.say(f"{group.name} continues")

    def _cancel_by_name(self, group: Group, run_id: str) -> None:
        """Cancel a waiting run now rather than at its turn; a running one finds the marker itself."""
        task = self._tasks.get(f"{group.name}/{run_id}")
        if task is None or not is_cancelled(task) or task.group.record(task.run).state != "pending":
            return
        if task.key in self._running:
            self._executor.stop(task.key, group.plan.profile.grace)
            return
        self._waiting.remove(task)
        self._cancel_pending(task)

    def _do_again(self, group: Group, run_id: str) -> bool:
        """Reset a run as requested; False while its outcome has not arrived yet."""
        run = next(run for run in group.plan.runs if run.run_id == run_id)
        record = group.record(run)
        task = self._tasks.setdefault(f"{group.name}/{run_id}", RunTask(group, run, self._secrets, self._settings.keep))
        if record.has_ended and task.key in self._running:
            return False
        try:
            require_retriable(group, record)
        except UsageError as problem:
            self._display.say(str(problem))
            return True
        put_back(group, record)
        self._overview.runs[task.key].update(record)
        self._attempts_left[task.key] = self._settings.retries
        self._breakaways.pop(task.key, None)
        if group.name in self._stopped:
            self._display.say(f"{task.key} is pending again; {group.command('run', '--resume', group.name)} starts it")
        else:
            self._display.say(f"{task.key} is repeated, as requested")
            self._waiting.put_first(task)
        return True

    def _status(self, group: Group) -> HarnessStatus:
        rests = self._waiting.is_aside(group.name)
        queued = {key: words for key, words in self._executor.queued().items() if self._tasks[key].group.name == group.name}
        waiting = {self._tasks[key].run.run_id: words for key, words in islice(queued.items(), MOST_WAITING)}
        for task, seconds in islice(self._waiting.due_in(group.name), MOST_WAITING - len(waiting)):
            waiting[task.run.run_id] = _PAUSED if rests else f"is retried at {_clock(seconds)}"
        others = _PAUSED
        if not rests:
            others = self._executor.lacking(Need.of(group.plan.profile))
            for task, place in self._waiting.places(group.name, MOST_WAITING - len(waiting)):
                stands = f"{counted(place, 'run')} before it" if place else "next in the queue"
                waiting[task.run.run_id] = "; ".join(filter(None, (others, stands)))
        return HarnessStatus(
            now(), self._overview.slots, self._executor.parallel, is_paused=rests, waiting=waiting, others=others
        )

    def _leave(self, *, stop: bool) -> None:
        """Ctrl-C stops running runs; SIGTERM detaches them, to be found again."""
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


def _clock(seconds: float) -> str:
    """The time of day in that many seconds, as the text may be read later than it was written."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%H:%M:%S} UTC"


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
