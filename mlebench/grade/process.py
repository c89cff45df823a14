"""A process that grades and checks, seen from the harness: warm between submissions, watched and ended by the harness.

It is started by `python -m mlebench.grade.serve`, not forked, so that neither threads of the harness nor a program without an
`if __name__` guard come into its way. Questions go to it as pickles; what comes back was computed on what nobody vouches for
and is JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlebench.errors import Interrupted
from mlebench.grade.limits import LONGEST_START, Limits
from mlebench.grade.question import Question

if TYPE_CHECKING:
    import psutil

    from mlebench.registry import Competition

Resource = Literal["time", "memory"]

_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.02, 0.1
_FASTEST_GROWTH = 4 * 2**30
"""Bytes a second by which no process grows faster: while much of its limit is left, it need not be looked at often."""
_SEND_SECONDS = 60.0
_END_SECONDS = 10.0
_LONGEST_ANSWER = 16 * 2**20
_BLOCK = 2**16
_FIRST_OF_ITS_OWN = 3
"""The first file descriptor behind those of the standard streams."""
_MOST_KEPT = 2 * 2**30
_MOST_GROWTH = 2**29
"""Bytes that a process may hold between submissions, and by which one submission may leave it larger."""
_PASSED_ON = (
    "CONDA_PREFIX", "HOME", "LANG", "LANGUAGE", "LOGNAME", "MPLCONFIGDIR", "NLTK_DATA", "PATH", "SHELL", "SYSTEMROOT", "TEMP",
    "TMP", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
)  # fmt: skip
_PREFIXES_PASSED_ON = ("LC_", "LD_", "DYLD_", "PYTHON", "XDG_")
_OF_THE_HARNESS = ("MLEBENCH_COMPETITIONS_PATH", "MLEBENCH_DATA_DIR")
_ONE_THREAD = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Keep numerical libraries to one thread: submissions are graded beside each other, and limits count all threads."""


class Breach(Exception):
    """A submission took more than its limit, and its process was ended.

    Attributes:
        resource: of what.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self.resource = resource


class Overdue(Exception):
    """Nothing came in far more time than a submission could use up, and the process was ended."""


class ProcessDied(Exception):
    """The process ended for a reason of its own.

    Attributes:
        had_begun: whether it had begun with the submission.
    """

    def __init__(self, status: str, *, had_begun: bool) -> None:
        super().__init__(status)
        self.had_begun = had_begun


class GradingProcess:
    """One process; one thread talks to it at a time."""

    def __init__(self) -> None:
        """Start the process and return at once, while it is still importing."""
        ours, theirs = _socket_pair()
        life, self._lifeline = map(_above_standard, os.pipe())
        try:
            command = [sys.executable, "-P", "-m", "mlebench.grade.serve", str(theirs.fileno()), str(life)]
            self._process = subprocess.Popen(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), life),
                # a Ctrl-C at the terminal is for the harness alone
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(life)
        # imported while the process starts
        import psutil

        self._seen = psutil.Process(self._process.pid)
        self._channel = ours
        self._received = bytearray()
        self.knows: dict[Competition, str] = {}
        """Competitions that it was asked about, each with the state that its files were in."""
        self.is_swollen = False
        """Whether it kept so much memory that it is better ended."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, question: Question, is_stopped: Callable[[], bool]) -> dict[str, Any]:
        """The answer to a question; whatever is raised, the process has ended then.

        Args:
            question: the question.
            is_stopped: looked at all the time; once it is true, the answer is not waited for.

        Raises:
            Breach: the submission took more than its limits allow.
            Overdue: nothing came.
            ProcessDied: the process ended for another reason.
            Interrupted: `is_stopped` was true.
        """
        watch = _Watch(self._seen, question.limits)
        try:
            self._send(pickle.dumps(question), watch)
            while True:
                message = self._message(watch)
                if message is not None and "begun" not in message:
                    self.is_swollen = watch.is_swollen()
                    return message
                if message is not None:
                    watch.begin()
                    continue
                if is_stopped():
                    raise Interrupted("grading was interrupted")
                watch.look()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._channel.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        # a process that waits for a dead disk ends when the disk answers
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def _send(self, content: bytes, watch: _Watch) -> None:
        self._channel.settimeout(_SEND_SECONDS)
        try:
            self._channel.sendall(content)
        except TimeoutError:
            raise Overdue from None
        except OSError:
            raise self._died(watch) from None

    def _message(self, watch: _Watch) -> dict[str, Any] | None:
        """The next message; None where there is none yet."""
        if b"\n" not in self._received:
            if not _is_readable(self._channel, watch.pause):
                return None
            try:
                block = self._channel.recv(_BLOCK)
            except OSError:
                block = b""
            if not block or len(self._received) > _LONGEST_ANSWER:
                raise self._died(watch)
            self._received += block
            if b"\n" not in block:
                return None
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return _parsed(line, watch.has_begun)

    def _died(self, watch: _Watch) -> Breach | ProcessDied:
        """Why the process closed its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        code = self._process.returncode
        if code == -signal.SIGXCPU and watch.has_begun:
            return Breach("time")
        return ProcessDied(_status(code), had_begun=watch.has_begun)


class _Watch:
    """Holds a process against the limits of one submission, from when it has begun with it."""

    def __init__(self, process: psutil.Process, limits: Limits) -> None:
        self._process, self._limits = process, limits
        self._deadline = time.monotonic() + LONGEST_START
        self._cpu_seconds, self._memory = 0.0, 0
        self.has_begun = False
        self.pause = _LONGEST_LOOK_SECONDS
        """Seconds until the next look."""

    def begin(self) -> None:
        """What was used so far is none of the submission's."""
        self.has_begun = True
        self._deadline = time.monotonic() + self._limits.wall_seconds
        self._cpu_seconds, self._memory = self._used()

    def look(self) -> None:
        """Raises Breach or Overdue."""
        if time.monotonic() > self._deadline:
            raise Overdue
        if not self.has_begun:
            return
        cpu_seconds, memory = self._used()
        if cpu_seconds - self._cpu_seconds > self._limits.cpu_seconds:
            raise Breach("time")
        left = self._limits.memory - (memory - self._memory)
        if left < 0:
            raise Breach("memory")
        self.pause = min(max(left / _FASTEST_GROWTH, _LOOK_SECONDS), _LONGEST_LOOK_SECONDS)

    def is_swollen(self) -> bool:
        """Whether the process holds much more than before."""
        _, memory = self._used()
        return memory > _MOST_KEPT or memory - self._memory > _MOST_GROWTH

    def _used(self) -> tuple[float, int]:
        """Processor seconds and bytes of memory of its own; files that it maps are not counted."""
        import psutil

        try:
            times, memory = self._process.cpu_times(), self._process.memory_info()
        except psutil.Error:
            # it has ended, which the channel says
            return self._cpu_seconds, self._memory
        return times.user + times.system, memory.rss - getattr(memory, "shared", 0)


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = (socket.socket(fileno=_above_standard(end.detach())) for end in socket.socketpair())
    return ours, theirs


def _above_standard(descriptor: int) -> int:
    """The same under a number that is none of the standard streams', which programs without a terminal may have closed."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_OF_ITS_OWN)
    os.close(descriptor)
    return moved


def _environment() -> dict[str, str]:
    """What the process needs of the environment; no secret of agents, and no split key, which competitions carry where needed."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name in _OF_THE_HARNESS or name.startswith(_PREFIXES_PASSED_ON)
    }
    # it finds what this process finds, wherever it was started
    path = os.pathsep.join(_absolute(sys.path))
    return {**passed_on, **dict.fromkeys(_ONE_THREAD, "1"), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": path}


def _absolute(entries: Iterable[str]) -> Iterator[str]:
    for entry in entries:
        # nothing is found below a working directory that was removed
        with contextlib.suppress(FileNotFoundError):
            yield str(Path(entry).absolute())


def _is_readable(channel: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _parsed(line: bytes, had_begun: bool) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProcessDied("its answer cannot be read", had_begun=had_begun)
    return content


def _status(code: int | None) -> str:
    if code is None:
        return "it does not answer"
    if code >= 0:
        return f"it exited with code {code}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it was ended by signal {-code}"
