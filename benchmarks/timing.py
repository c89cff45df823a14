"""How every benchmark measures: rivals in turn, medians and their spread, and the peak memory of what was measured."""

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
"""What the kernel takes in `clear_refs` to forget a process's peak."""


@dataclass(frozen=True)
class Spread:
    """The median of some values, and the least and the largest of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def to_dict(self) -> dict[str, float]:
        """JSON-ready, with as many digits as mean something."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def alternate(
    works: Mapping[str, Callable[[], Any]],
    rounds: int = 5,
    *,
    clock: Callable[[], float] = time.process_time,
    most_seconds: float = float("inf"),
    between: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds that each of some works takes, one round after the other, after one that only warms up.

    Args:
        works: each is called once a round; what stands first in one round stands last in the next.
        rounds: how many count.
        clock: by default this process's own processor time, which other programs do not lengthen.
        most_seconds: no further round begins after so many; the round that warms up counts where no other does.
        between: called before each work, and not timed.
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
    """How many times as long as ours the others take, round by round."""
    return Spread.of([other / max(own, 1e-9) for own, other in zip(ours, theirs, strict=True)])


class Used(NamedTuple, Generic[Result]):
    """What a work returned, and what it took."""

    result: Result
    wall: float
    """Seconds."""
    processor: float
    """Seconds of it and its children together."""
    peak: int
    """Bytes of it and its children together; memory that they share counts once."""


def alone(work: Callable[..., Result], *arguments: object) -> Used[Result]:
    """Do `work` in a separate process, so that neither time nor memory of anything else counts.

    The imports that `work` needs before it is called do not count for its time, but for its memory.
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
    """Run a command, whose output is dropped.

    Args:
        options: of `subprocess.Popen`.

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
    # Linux counts as a command's memory what this process had when it started it, too
    most = used.ru_maxrss * 1024
    return Used(process.returncode, wall, used.ru_utime + used.ru_stime, max(peak[0], most if most > before else 0) or most)


def own_peak() -> int:
    """The most bytes that this process held in memory since it began, or since `forget_peak`."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> None:
    """Let `own_peak` count from now on, where the system can."""
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
    """Of this process and of those of its children that have ended."""
    return sum(os.times()[:4])


@contextlib.contextmanager
def _watched(pid: int) -> Any:
    """Looks all the while how much memory a process and its children hold; a list of the most bytes."""
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
    """Bytes that a process and its children hold now."""
    total = 0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                # a child's shared pages are those of the first process, mostly
                total += memory.rss if process == first else getattr(memory, "uss", memory.rss)
    return total
