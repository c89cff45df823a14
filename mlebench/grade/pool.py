"""Grades and checks in processes of their own: a submission that takes too much is refused, whatever it holds.

Processes stay warm and are shared: each keeps the answers of the last competitions, and a question goes to one that has those
of its competition, where there is a choice. A submission that breaks its limits costs its process, which the next question
replaces.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench._support.folders import state_of
from mlebench.errors import Interrupted, MlebenchError, NotPrepared, UsageError, WorkFailed
from mlebench.grade.limits import limits_of_check, limits_of_grading
from mlebench.grade.one import Judgement, Submission
from mlebench.grade.process import Breach, GradingProcess, Overdue, ProcessDied, Resource
from mlebench.grade.question import Question, QuestionKind

if TYPE_CHECKING:
    from mlebench.registry import Competition

logger = logging.getLogger("mlebench")
_LOOK_SECONDS = 0.1
_TRIES = 2
"""A process that dies of itself may have been a victim; a second one that does so is a sign of a fault of the grader."""

_ERRORS: dict[str, type[MlebenchError]] = {"not prepared": NotPrepared, "usage": UsageError}


def _never() -> bool:
    return False


class GradingPool:
    """Up to `size` processes; any thread may ask, and whoever asks waits for the answer.

    It is a context manager, which ends the processes.
    """

    def __init__(self, size: int, *, started: int = 1, kept_for_checks: int = 0) -> None:
        """Start processes, which import what they need while the caller goes on.

        Args:
            size: processes at most.
            started: how many of them are certain to be needed; the others start when they are.
            kept_for_checks: how many of them never grade, so that checks, which are short, need not wait for grading.
        """
        self._most = {"load": size, "check": size, "grade": size - kept_for_checks}
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[object]] = {kind: deque() for kind in self._most}
        self._busy: dict[GradingProcess, str] = {}
        self._idle: list[GradingProcess] = []
        self._is_closed = False
        try:
            for _ in range(started):
                self._idle.append(GradingProcess())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> GradingPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes at once; whoever waits for an answer gets `Interrupted`."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for process in idle:
            process.end()

    def grade(
        self,
        submission: Submission,
        competition: Competition,
        *,
        live_thresholds: bool = False,
        is_stopped: Callable[[], bool] = _never,
    ) -> CompetitionReport:
        """Grade one submission, as `mlebench.grade.grade_csv` does.

        Args:
            submission: the submission.
            competition: the competition, in the edition that the submission was made for.
            live_thresholds: place the score on the refreshed leaderboard instead of the published thresholds.
            is_stopped: looked at all the time; once it is true, the process is ended and nothing is waited for.

        Returns:
            The report. A submission that takes more than its limits is `invalid`; one at which two processes died is a
            `grader_error`, as is one that was not done in far more time by the clock than it could use up.

        Raises:
            NotPrepared, UsageError: as `grade_csv`.
            WorkFailed: no process can be had, or the competition itself is at fault.
            Interrupted: `is_stopped` was true, or the pool was closed.
        """
        question = _question("grade", submission, competition, live_thresholds=live_thresholds)
        try:
            content = self._ask(question, is_stopped)
        except Breach as breach:
            content = self._ask(replace(question, found=_refusal(breach.resource, question)), is_stopped)
        except (Overdue, ProcessDied) as fault:
            found = Judgement(error_kind="grader_error", error=_what_happened(fault, question))
            content = self._ask(replace(question, found=found), is_stopped)
        try:
            return CompetitionReport.from_dict(content["report"])
        except (KeyError, ValueError) as error:
            raise WorkFailed(f"a grading process gave no report: {error}") from None

    def check(
        self, submission: Submission, competition: Competition, *, is_stopped: Callable[[], bool] = _never
    ) -> tuple[bool, str]:
        """Check one submission, as `mlebench.grade.validate_submission` does.

        Raises:
            NotPrepared, UsageError: as `validate_submission`.
            WorkFailed: it could not be checked, by no fault of the submission.
            Interrupted: `is_stopped` was true, or the pool was closed.
        """
        question = _question("check", submission, competition)
        try:
            valid, message = self._ask(question, is_stopped)["verdict"]
        except Breach as breach:
            return False, _refusal(breach.resource, question).error or ""
        except (Overdue, ProcessDied) as fault:
            raise WorkFailed(_what_happened(fault, question)) from None
        return bool(valid), str(message)

    def load(self, competition: Competition) -> None:
        """Have a process load the code that grades a competition, which the first submission then need not wait for.

        Raises:
            UsageError: the code is faulty.
            WorkFailed: it cannot be loaded, or no process can be had.
        """
        question = _question("load", Submission(competition.id, None), competition)
        try:
            self._ask(question, _never)
        except (Breach, Overdue, ProcessDied) as fault:
            raise WorkFailed(f"{competition.folder / 'grade.py'} cannot be loaded: {fault}") from None

    def _ask(self, question: Question, is_stopped: Callable[[], bool]) -> dict[str, Any]:
        """The answer to a question.

        Raises:
            MlebenchError: what the process raised.
            Breach, Overdue, ProcessDied, Interrupted: as `GradingProcess.ask`.
        """
        state = _state(question.competition)
        for last in (False, True):
            process = self._take(question, state, is_stopped)
            alive = False
            try:
                content = process.ask(question, lambda: self._is_closed or is_stopped())
                alive = not process.is_swollen
            except ProcessDied as death:
                if last and not death.had_begun:
                    raise WorkFailed(f"the process that grades cannot work: {death}") from None
                if last:
                    raise
                continue
            finally:
                self._give_back(process, alive=alive)
            return _read(content)
        raise AssertionError

    def _take(self, question: Question, state: str, is_stopped: Callable[[], bool]) -> GradingProcess:
        """A process for a question, each kind in the order in which they came."""
        ticket, kind = object(), question.kind
        with self._changed:
            queue = self._waiting[kind]
            queue.append(ticket)
            try:
                while queue[0] is not ticket or not self._has_room(kind):
                    if self._is_closed or is_stopped():
                        raise Interrupted("grading was interrupted")
                    self._changed.wait(_LOOK_SECONDS)
                if self._is_closed:
                    raise Interrupted("grading was interrupted")
                process = self._chosen(question.competition, state)
                self._busy[process] = kind
                return process
            finally:
                queue.remove(ticket)
                self._changed.notify_all()

    def _has_room(self, kind: str) -> bool:
        return len(self._busy) < self._most["load"] and [*self._busy.values()].count(kind) < self._most[kind]

    def _chosen(self, competition: Competition, state: str) -> GradingProcess:
        """An idle process, rather one that has the answers, or a new one."""
        for process in [
            process for process in self._idle if not process.is_alive or process.knows.get(competition, state) != state
        ]:
            # modules and answers that a process has loaded are not those of now
            self._idle.remove(process)
            process.end()
        warm = sorted(self._idle, key=lambda process: competition not in process.knows)
        process = warm[0] if warm else GradingProcess()
        if warm:
            self._idle.remove(process)
        process.knows[competition] = state
        return process

    def _give_back(self, process: GradingProcess, *, alive: bool) -> None:
        with self._changed:
            del self._busy[process]
            is_kept = alive and not self._is_closed
            if is_kept:
                self._idle.append(process)
            self._changed.notify_all()
        if not is_kept:
            process.end()


def _question(kind: QuestionKind, submission: Submission, competition: Competition, **options: Any) -> Question:
    limits = limits_of_grading(submission.size) if kind == "grade" else limits_of_check(submission.size)
    return Question(kind, competition, submission, limits, _working_dir(), logger.getEffectiveLevel(), **options)


def _working_dir() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        # it was removed, and no relative path leads anywhere
        return os.sep


def _state(competition: Competition) -> str:
    """What changes with the files that a process keeps in memory."""
    states = []
    for path in (competition.folder, competition.answers, competition.leaderboard):
        try:
            states.append(state_of(path))
        except (OSError, MlebenchError):
            states.append("")
    return "\n".join(states)


def _read(content: dict[str, Any]) -> dict[str, Any]:
    """An answer, with what the process logged written to the log here.

    Raises:
        MlebenchError: what the process raised.
        Breach: it ran out of memory.
    """
    for level, name, text in content.get("log", ()):
        logging.getLogger(str(name)).log(int(level), "%s", text)
    if "breach" in content:
        raise Breach("memory")
    if "error" in content:
        kind, message = content["error"]
        raise _ERRORS.get(str(kind), WorkFailed)(str(message))
    return content


def _refusal(resource: Resource, question: Question) -> Judgement:
    from mlebench._support.quantities import show_size

    limits = question.limits
    most = f"{limits.cpu_seconds:.0f} s" if resource == "time" else f"{show_size(limits.memory)} of memory"
    doing = "grade" if question.kind == "grade" else "check"
    error = f"the file takes more than {most} to {doing}, far more than any valid submission; see the sample submission"
    return Judgement(error_kind="invalid", error=error)


def _what_happened(fault: Overdue | ProcessDied, question: Question) -> str:
    path = printable(str(question.submission.path), 300)
    if isinstance(fault, Overdue):
        seconds = question.limits.wall_seconds
        return f"{path} was not done within {seconds:.0f} s: this machine is too busy, or its disk does not answer"
    return f"two processes ended over {path} ({fault}): the grader of {question.competition.id} fails, or memory is short"


_shared_lock = threading.Lock()
_shared: tuple[int, GradingPool] | None = None


def shared_pool() -> GradingPool:
    """The pool of all runs of this process, at most one process per core and at least two."""
    global _shared
    with _shared_lock:
        # a copy of a process that was forked has no part in the processes of the original
        if _shared is None or _shared[0] != os.getpid():
            from mlebench._support.machine import this_machine

            pool = GradingPool(max(2, this_machine().cpus), kept_for_checks=1)
            atexit.register(pool.close)
            _shared = os.getpid(), pool
        return _shared[1]
