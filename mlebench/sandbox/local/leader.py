"""Runs an agent and supervises all its processes: `python -I -S leader.py`, with the order as JSON on standard input.

Two processes, so that a run does not depend on the harness, and no single kill sets an agent's processes free:

- the keeper, started by the harness, copies the agent's output to the run's log and exits when everything is over;
- the leader, its child, starts the agent, ends the processes that the agent left behind and records how it ended.

Both adopt orphans (on Linux), so every descendant of the agent stays below them, whatever it does to its environment, session,
group or signals. The agent has a separate session: no signal to a group reaches the two. It may still lower their limits; the
keeper then ends what the leader cannot, and a keeper that cannot either stays until a harness has done so.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

    from mlebench.sandbox.local.watchdog import Watchdog
    from mlebench.sandbox.run_log import RunLog

ENDING, WATCHED = "ending.json", "watched.json"
"""Files in the run's state folder: how the agent ended, and the watchdog's record."""
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
_BUSY = (errno.ETXTBSY, errno.EAGAIN)
_BUSY_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
_KILLED = 128 + signal.SIGKILL
_END_SECONDS = 10.0
_DRAIN_SECONDS = 5.0
_WRITE_SECONDS = 10.0
"""Seconds between records of a running agent's usage."""
_BLOCK = 2**16
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_DEFAULTS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1)

_limits = {
    kind: resource.getrlimit(kind)
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
}
"""The limits from before the agent started."""
_is_stopping = False
"""Whether the harness asked the agent to exit: its other processes may save their work, too."""


def main() -> NoReturn:
    """Be the keeper; exits with the agent's code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, _stop)
    order = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    _control(_SET_CHILD_SUBREAPER, 1)
    output, agents_end = os.pipe()
    life, leaders_end = os.pipe()
    started = time.time()
    leader = _fork()
    if leader == 0:
        os.close(output)
        os.close(life)
        _lead(order, agents_end, started)
    os.close(agents_end)
    os.close(leaders_end)
    # an agent may open the pipe and read from it
    os.set_blocking(output, False)
    log = _open_log(order)
    watchdog = _open_watchdog(order, leader) if order["limits"] else None
    _copy_while(log, output, life, order, watchdog)
    status = os.waitpid(leader, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        # the leader itself was killed, which only the agent can have done
        code = _KILLED
        _outlast_everything(order)
        _write_ending(order, code, started)
    _outlast_everything(order)
    _copy_rest(log, output)
    log.finish()
    os._exit(code)


def _open_log(order: dict[str, Any]) -> RunLog:
    sys.path[:] = order["import_path"]
    from mlebench.sandbox.run_log import RunLog

    return RunLog(order["log"], order["secrets"], order["largest_log"])


def _open_watchdog(order: dict[str, Any], leader: int) -> Watchdog:
    from pathlib import Path

    from mlebench.sandbox.local.watchdog import Limits, Watchdog

    return Watchdog(leader, Limits(**order["limits"]), [Path(folder) for folder in order["watched_folders"]])


def _copy_while(log: RunLog, output: int, life: int, order: dict[str, Any], watchdog: Watchdog | None) -> None:
    """Copy the agent's output until the other end of `life` is closed; meanwhile enforce the agent's limits."""
    waiting = [output, life]
    due = time.monotonic()
    next_write = due + _WRITE_SECONDS
    while life in waiting:
        left = None if watchdog is None else max(0.0, due - time.monotonic())
        for descriptor in select.select(waiting, [], [], left)[0]:
            with contextlib.suppress(BlockingIOError):
                if block := os.read(descriptor, _BLOCK):
                    log.copy([block])
                else:
                    waiting.remove(descriptor)
        if watchdog is not None and time.monotonic() >= due:
            if watchdog.look():
                # the reason first, so that a later harness finds it
                _write_watched(order, watchdog)
                watchdog.end()
            elif time.monotonic() >= next_write:
                _write_watched(order, watchdog)
                next_write = time.monotonic() + _WRITE_SECONDS
            due = time.monotonic() + watchdog.pause
    if watchdog is not None:
        _write_watched(order, watchdog)
        _leave(order)


def _write_watched(order: dict[str, Any], watchdog: Watchdog) -> None:
    from pathlib import Path

    from mlebench.sandbox.local.cgroups import used_in

    # the observed excess takes precedence over what the kernel did as a result
    counted = used_in(Path(order["cgroup"])) if order["cgroup"] else {}
    with contextlib.suppress(OSError):
        _write(order, WATCHED, {**counted, **watchdog.seen, **_largest(counted, watchdog.seen)})


def _largest(counted: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    return {key: max(counted[key], seen[key]) for key in ("peak_memory_bytes", "cpu_seconds") if key in counted}


def _leave(order: dict[str, Any]) -> None:
    """Remove the agent's control group, which is empty without its own processes."""
    from pathlib import Path

    from mlebench.sandbox.local.cgroups import remove_group

    if order["cgroup"]:
        remove_group(Path(order["cgroup"]))


def _copy_rest(log: RunLog, output: int) -> None:
    """Copy the remaining output; a writer that could not be ended is not waited for."""
    end = time.monotonic() + _DRAIN_SECONDS
    with contextlib.suppress(BlockingIOError):
        while select.select([output], [], [], max(0.0, end - time.monotonic()))[0] and (block := os.read(output, _BLOCK)):
            log.copy([block])


def _lead(order: dict[str, Any], output: int, started: float) -> NoReturn:
    """Start the agent, wait for its end, end what it left, and exit with its code."""
    _control(_SET_CHILD_SUBREAPER, 1)
    keeper = os.getppid()
    signal.signal(signal.SIGUSR1, lambda *_: _follow_keeper(order, keeper, started))
    _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGUSR1)
    _follow_keeper(order, keeper, started)
    agent = _fork()
    if agent == 0:
        _become_agent(order, output)
    os.close(output)
    status = None
    while status is None:
        pid, ended = os.wait()
        if pid == agent:
            status = ended
    left = time.time()
    code = os.waitstatus_to_exitcode(status)
    # as in a shell
    code = code if code >= 0 else 128 - code
    try:
        if _is_stopping:
            _wait_for_everybody(order["longest_grace"])
        _end_everything(order)
        _write_ending(order, code, started, left)
    finally:
        # the recorded end is valid, whatever limits the agent imposed on this process
        os._exit(code)


def _follow_keeper(order: dict[str, Any], keeper: int, started: float) -> None:
    """Handle the loss of the keeper, which only the agent would kill."""
    if os.getppid() != keeper:
        _outlast_everything(order)
        _write_ending(order, _KILLED, started)
        os._exit(_KILLED)


def _become_agent(order: dict[str, Any], output: int) -> NoReturn:
    try:
        os.setsid()
        for number in _DEFAULTS:
            signal.signal(number, signal.SIG_DFL)
        if order["outlasts_signals"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if order["limits"]:
            _be_first_to_go()
        if order["cgroup"]:
            _enter(order["cgroup"])
        if order["cpu_ids"]:
            _take_cores(order["cpu_ids"])
        os.chdir(order["folder"])
        _lay_inputs(order["inputs"])
        _execute(order["command"], order["environment"])
    except OSError as error:
        os.write(2, f"cannot start {order['command'][0]}: {error.strerror}\n".encode("utf-8", "backslashreplace"))
        os._exit(127 if error.errno == errno.ENOENT else 126)
    except BaseException as error:
        os.write(2, f"cannot start the agent: {error}\n".encode("utf-8", "backslashreplace"))
    os._exit(126)


def _lay_inputs(inputs: list[str]) -> None:
    """Provide the command's inputs at descriptors 3, 4, …"""
    if not inputs:
        return
    import base64
    import fcntl

    # first open all of them at high numbers, so that none is overwritten
    first = 64
    for number, text in enumerate(inputs):
        content = os.memfd_create("input")
        os.write(content, base64.b64decode(text))
        os.lseek(content, 0, os.SEEK_SET)
        fcntl.fcntl(content, fcntl.F_DUPFD_CLOEXEC, first + number)
        os.close(content)
    for number in range(len(inputs)):
        os.dup2(first + number, 3 + number)


def _be_first_to_go() -> None:
    """Make the agent the first victim if the machine itself runs out of memory before the watchdog notices."""
    with contextlib.suppress(OSError):
        adjustment = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(adjustment, b"1000")
        os.close(adjustment)


def _enter(group: str) -> None:
    try:
        processes = os.open(f"{group}/cgroup.procs", os.O_WRONLY)
        os.write(processes, str(os.getpid()).encode())
        os.close(processes)
    except OSError as error:
        os.write(2, f"cannot enter {group} ({error.strerror}); limits are only watched\n".encode())


def _take_cores(cpu_ids: list[int]) -> None:
    try:
        os.sched_setaffinity(0, cpu_ids)
    except (AttributeError, OSError) as error:
        os.write(2, f"cannot keep to the cores {cpu_ids}: {error}\n".encode())


def _execute(command: list[str], environment: dict[str, str]) -> None:
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            os.execve(command[0], command, environment)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                os.execve("/bin/sh", ["sh", *command], environment)
            # a process forked while the file was written keeps it open until it executes another program
            if error.errno not in _BUSY or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE_SECONDS)


def _fork() -> int:
    """Fork; waits if the machine has no room for a process right now."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return os.fork()
        except OSError as error:
            if error.errno not in _BUSY or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE_SECONDS)


def _wait_for_everybody(seconds: float) -> None:
    """Wait until none of the agent's processes are left; they may be saving their work."""
    end = time.monotonic() + seconds
    while _has_children() and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)


def _end_everything(order: dict[str, Any]) -> bool:
    """End all descendants of this process; it adopts orphans, so without children there are none.

    Returns:
        whether everything possible was done; False if the agent's limits prevent this process from doing it.
    """
    if not _has_children():
        return True
    try:
        _take_back_limits()
        sys.path[:] = order["import_path"]
        from mlebench.sandbox.local.descendants import end_below

        left = end_below(os.getpid(), _END_SECONDS, spared=os.getpgrp())
    except (OSError, ImportError, MemoryError):
        left = 0
    return not _has_children() or left > 0


def _outlast_everything(order: dict[str, Any]) -> None:
    """End all descendants of this process, their last supervisor, or stay until another process has."""
    if not _end_everything(order):
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()


def _take_back_limits() -> None:
    """Restore limits, as an agent may lower those of every process of its user: without descriptors no process is found."""
    for kind, (soft, hard) in _limits.items():
        highest = resource.getrlimit(kind)[1]
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            resource.setrlimit(kind, (highest, highest))


def _has_children() -> bool:
    """Whether there are living children; ended ones are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


def _write_ending(order: dict[str, Any], code: int, started: float, left: float | None = None) -> None:
    """Record the end, whatever the agent, which no longer exists, did to the folder."""
    # a waiting harness still gets the exit code
    with contextlib.suppress(OSError, ImportError, MemoryError):
        _write(order, ENDING, _ending(order, code, started, left))


def _ending(order: dict[str, Any], code: int, started: float, left: float | None) -> dict[str, Any]:
    used, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "code": code,
        "started": started,
        "left": time.time() if left is None else left,
        "ended": time.time(),
        "boot": order["boot"],
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        # until a process executes its program, it counts the memory of its parent
        "peak_memory_bytes": used.ru_maxrss * _MAXRSS_UNIT if used.ru_maxrss > own else None,
    }


def _write(order: dict[str, Any], name: str, content: dict[str, Any]) -> None:
    # imported late, as the agent must start quickly
    from pathlib import Path

    state = Path(order["state"])
    target, partial = state / name, state / f".{name}-{os.getpid()}"
    if state.is_symlink() or not state.is_dir():
        _move_aside(state)
        state.mkdir(parents=True)
    state.chmod(0o700)
    _move_aside(partial)
    with partial.open("x") as file:
        json.dump({"mark": order["mark"], **content}, file)
    if target.is_dir() and not target.is_symlink():
        _move_aside(target)
    partial.replace(target)


def _move_aside(path: Path) -> None:
    if os.path.lexists(path):
        path.rename(f"{path}.{time.monotonic_ns()}")


def _stop(*_: object) -> None:
    global _is_stopping
    _is_stopping = True


def _control(option: int, value: int) -> None:
    """`prctl`, which exists only on Linux."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
