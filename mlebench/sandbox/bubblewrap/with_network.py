"""Starts bwrap and sets up a network within it: `python -I -S with_network.py SLIRP FREE BWRAP WORD…`.

The agent starts once the network is ready, and this process exits with the agent's code. Standard library only.

Termination signals are meant for the agent: this process and the network outlast it. FREE is the first descriptor that bwrap does
not use.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import NoReturn

_SET_PARENT_DEATH_SIGNAL = 1
_READY_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_OPTIONS = ("--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox")


def main() -> NoReturn:
    slirp, free, bwrap, *words = sys.argv[1:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told, tells = os.pipe()
    blocked, unblocks = os.pipe()
    info, block = int(free), int(free) + 1
    inner = _fork()
    if inner == 0:
        # the pipe ends may themselves have these numbers
        ends = [os.dup(tells), os.dup(blocked)]
        ends = [_above(end, block) for end in ends]
        for end, target in zip(ends, (info, block), strict=True):
            os.dup2(end, target)
        os.execv(bwrap, [bwrap, "--info-fd", str(info), "--block-fd", str(block), *words])
    os.close(tells)
    os.close(blocked)
    network = None
    with os.fdopen(told, "rb") as answer:
        # empty if bwrap failed before that; its message is in the run's log
        content = answer.read()
    if content:
        network = _lay_on(slirp, int(json.loads(content)["child-pid"]))
    if content and network is None:
        os.write(2, b"cannot set up a network\n")
        os.kill(inner, signal.SIGKILL)
    else:
        with contextlib.suppress(OSError):
            os.write(unblocks, b"x")
    os.close(unblocks)
    code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    if network is not None:
        os.kill(network, signal.SIGKILL)
    os._exit(code if code >= 0 else 128 - code)


def _above(descriptor: int, lowest: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest + 1)


def _lay_on(slirp: str, pid: int) -> int | None:
    """Start the network of a process's namespace; its own process, or None where it does not get ready."""
    if not _has_loopback(pid):
        return None
    ready, tells = os.pipe()
    network = _fork()
    if network == 0:
        os.set_inheritable(tells, True)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.execve(slirp, [slirp, *_OPTIONS, f"--ready-fd={tells}", str(pid), "tap0"], {"PATH": os.defpath})
    os.close(tells)
    is_ready = bool(select.select([ready], [], [], _READY_SECONDS)[0]) and bool(os.read(ready, 1))
    os.close(ready)
    if is_ready:
        return network
    os.kill(network, signal.SIGKILL)
    return None


def _has_loopback(pid: int) -> bool:
    """Wait until bwrap has set up the loopback device, which would fail if the network had done so already."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            addresses = os.open(f"/proc/{pid}/net/fib_trie", os.O_RDONLY)
            try:
                if b"127.0.0.1" in os.read(addresses, 2**16):
                    return True
            finally:
                os.close(addresses)
        time.sleep(_PAUSE_SECONDS)
    return False


def _fork() -> int:
    """A child that dies with this process."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    return pid


if __name__ == "__main__":
    main()
