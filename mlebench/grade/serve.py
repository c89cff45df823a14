"""The process that grades and checks: answers the questions of the harness until that is gone.

    python -m mlebench.grade.serve CHANNEL LIFELINE

CHANNEL is the number of a socket: pickled questions come in, and for each a line `{"begun": true}` when everything of the
competition is read and the submission's limits begin, and a line with the answer go out. LIFELINE is the number of a pipe whose
other end the harness holds as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import logging
import os
import pickle
import resource
import select
import signal
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mlebench.errors import MlebenchError, NotPrepared, UsageError
from mlebench.grade.limits import Limits
from mlebench.grade.one import check, judge, make_report, prepared_answers, verdict, what_is_no_csv
from mlebench.grade.question import Question

if TYPE_CHECKING:
    from mlebench.registry import Competition

logger = logging.getLogger("mlebench")
_PRELOADED = ("pandas", "grading.grader", "mlebench.registry", "mlebench.preparation.record")
_KEPT = 4
"""Competitions whose answers are kept."""
_MOST_RECORDS, _LONGEST_RECORD = 100, 20_000
_EASIER_VICTIM = "500"


def main(channel: int, lifeline: int) -> None:
    """Answer until the harness closes the channel."""
    _end_with(lifeline)
    _behave()
    with socket.socket(fileno=channel) as connection, connection.makefile("rb") as questions:
        for name in _PRELOADED:
            importlib.import_module(name)
        known: OrderedDict[Competition, Competition] = OrderedDict()
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                _serve(connection, questions, known)


def _serve(connection: socket.socket, questions: BinaryIO, known: OrderedDict[Competition, Competition]) -> None:
    def send(content: dict[str, Any]) -> None:
        connection.sendall(json.dumps(content).encode() + b"\n")

    question: Question = pickle.load(questions)
    competition = known.setdefault(question.competition, question.competition)
    known.move_to_end(competition)
    if len(known) > _KEPT:
        known.popitem(last=False)
    if question.submission.path is not None and not question.submission.path.is_absolute():
        os.chdir(question.working_dir)
    with _kept_log(question.log_level) as log:
        answer = _answer(question, competition, lambda: send({"begun": True}))
    _unlimit()
    send({**answer, "log": log})


def _answer(question: Question, competition: Competition, begun: Callable[[], None]) -> dict[str, Any]:
    has_begun = False

    def begin() -> None:
        nonlocal has_begun
        begun()
        _limit(question.limits)
        has_begun = True

    try:
        return _ANSWERS[question.kind](question, competition, begin)
    except MlebenchError as error:
        kind = "not prepared" if isinstance(error, NotPrepared) else "usage" if isinstance(error, UsageError) else "work failed"
        return {"error": [kind, str(error)]}
    except MemoryError:
        if has_begun:
            return {"breach": "memory"}
        return {"error": ["work failed", f"there is not enough memory to read the answers of {competition.id}"]}
    except Exception as error:
        logger.exception("grading of %s failed", competition.id)
        return {
            "error": ["work failed", f"grading of {competition.id} failed ({type(error).__name__}); the log holds its traceback"]
        }


def _graded(question: Question, competition: Competition, begin: Callable[[], None]) -> dict[str, Any]:
    found = question.found
    if found is None:
        answers = prepared_answers(competition)
        competition.grader  # noqa: B018
        begin()
        found = judge(question.submission, competition, answers)
    report = make_report(found, question.submission, competition, live_thresholds=question.live_thresholds)
    return {"report": report.to_dict()}


def _checked(question: Question, competition: Competition, begin: Callable[[], None]) -> dict[str, Any]:
    found = what_is_no_csv(question.submission)
    if found is None:
        answers = prepared_answers(competition)
        competition.grader  # noqa: B018
        begin()
        found = check(question.submission, competition, answers)
    return {"verdict": list(verdict(found))}


def _loaded(question: Question, competition: Competition, begin: Callable[[], None]) -> dict[str, Any]:
    competition.grader  # noqa: B018
    return {}


_ANSWERS = {"grade": _graded, "check": _checked, "load": _loaded}


@contextlib.contextmanager
def _kept_log(level: int) -> Iterator[list[list[Any]]]:
    """What is logged meanwhile: level, name of the logger and text of each record, tracebacks included."""
    records: list[list[Any]] = []
    handler = _Keeper(records)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield records
    finally:
        root.removeHandler(handler)


class _Keeper(logging.Handler):
    """Keeps the first records, the beginning of each."""

    def __init__(self, records: list[list[Any]]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._records) < _MOST_RECORDS:
            self._records.append([record.levelno, record.name, self.format(record)[:_LONGEST_RECORD]])


def _limit(limits: Limits) -> None:
    """A second line behind the harness's own watch, for when that is stopped or cannot look."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 1.25 * limits.cpu_seconds) + 2)
    if (data := _data_bytes()) is not None:
        _set_soft(resource.RLIMIT_DATA, data + 2 * limits.memory)


def _unlimit() -> None:
    for kind in (resource.RLIMIT_CPU, resource.RLIMIT_DATA):
        _set_soft(kind, resource.RLIM_INFINITY)


def _set_soft(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard):
        value = hard
    resource.setrlimit(kind, (value, hard))


def _data_bytes() -> int | None:
    """What the kernel counts as this process's data; None where it does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)


def _end_with(lifeline: int) -> None:
    """End when the harness does, whatever this process is doing then."""
    if sys.platform == "linux":
        # the kernel's own signal at the death of a parent comes at the end of the parent's thread
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        poll = select.poll()
        poll.register(lifeline, select.POLLIN)
        if poll.poll(0):
            sys.exit(0)
        return

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _behave() -> None:
    """What is printed goes to the messages; no core is dumped; where memory runs out, the harness is not the first to go."""
    sys.stdout.flush()
    os.dup2(2, 1)
    _set_soft(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EASIER_VICTIM)


if __name__ == "__main__":
    from mlebench._support.terminal import printable_streams

    with printable_streams():
        main(*map(int, sys.argv[1:]))
