"""How every benchmark measures: rivals in turn, medians with their spread, and peak memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import psutil

Result = TypeVar("Result")

_LOOK_EVERY = 0.05
_RESET_PEAK = "5"
"""Written to `clear_refs`, makes the kernel reset a process's peak."""


@dataclass(frozen=True)
class Spread:
    """The median, minimum and maximum of some values."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def to_dict(self) -> dict[str, float]:
        """JSON-ready, rounded to significant digits."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def alternate(
    works: Mapping[str, Callable[[], Any]],
    rounds: int = 5,
    *,
    clock: Callable[[], float] = time.process_time,
    most_seconds: float = float("inf"),
    between: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds that each of some functions takes in each round, after a warm-up round.

    Args:
        works: each is called once per round; the order is reversed from round to round.
        rounds: the number of rounds that count.
        clock: by default this process's own processor time, which other programs do not affect.
        most_seconds: no further round begins after this time; the warm-up round counts if no other does.
        between: called before each function, and not timed.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    warm_up: dict[str, list[float]] = {}
    names, started = list(works), clock()
    for number in range(rounds + 1):
        if number > 0 and clock() - started > most_seconds:
            break
        for name in names:
            between()
            start = clock()
            works[name]()
            taken[name].append(clock() - start)
        names.reverse()
        if number == 0:
            warm_up, taken = taken, {name: [] for name in works}
    return taken if all(taken.values()) else warm_up


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The others' times divided by ours, round by round."""
    return Spread.of([other / max(own, 1e-9) for own, other in zip(ours, theirs, strict=True)])


class Used(NamedTuple, Generic[Result]):
    """What a function returned, and what it used."""

    result: Result
    wall: float
    """Seconds."""
    processor: float
    """Seconds of the process and its children together."""
    peak: int
    """Bytes of the process and its children together; shared memory counts once."""


def alone(work: Callable[..., Result], *arguments: object) -> Used[Result]:
    """Run `work` in a separate process, so that time and memory of anything else do not count.

    Imports that `work` needs before it is called count towards its memory, but not its time.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    assert process.pid is not None
    try:
        with _watched(process.pid) as peak:
            result, error, wall, processor, most = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process that did `{work.__name__}` died with exit code {process.exitcode}") from None
    finally:
        process.join()
    if error is not None:
        raise error
    return Used(result, wall, processor, max(peak[0], most))


def command(words: Sequence[str | Path], **options: Any) -> Used[int]:
    """Run a command and discard its output.

    Args:
        options: passed to `subprocess.Popen`.

    Raises:
        RuntimeError: it failed.
    """
    before, started = own_peak(), time.perf_counter()
    process = subprocess.Popen([*map(str, words)], stdout=subprocess.DEVNULL, **options)
    with _watched(process.pid) as peak:
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with exit code {process.returncode}")
    # Linux includes the memory of this process at the start of a command in that command's peak
    most = used.ru_maxrss * 1024
    return Used(process.returncode, wall, used.ru_utime + used.ru_stime, max(peak[0], most if most > before else 0) or most)


def own_peak() -> int:
    """Peak memory of this process in bytes, since it started or since `forget_peak`."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> None:
    """Make `own_peak` count from now on, if the system supports it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def _answer(pipe: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    forget_peak()
    before, started = _processor(), time.perf_counter()
    try:
        result, error = work(*arguments), None
    except Exception as problem:
        result, error = None, problem
    pipe.send((result, error, time.perf_counter() - started, _processor() - before, own_peak()))


def _processor() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


@contextlib.contextmanager
def _watched(pid: int) -> Any:
    """Samples the memory of a process and its children; yields a list with the peak in bytes."""
    peak, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            peak[0] = max(peak[0], _held(pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _held(pid: int) -> int:
    """Bytes that a process and its children currently hold."""
    total = 0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                # a child's shared pages mostly belong to the first process
                total += memory.rss if process == first else getattr(memory, "uss", memory.rss)
    return total
