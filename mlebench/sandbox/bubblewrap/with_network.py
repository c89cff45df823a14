"""Starts bwrap and sets up a network within it: `python -I -S with_network.py SLIRP FREE FAULT BWRAP WORD…`.

The agent starts once the network is ready, and this process exits with the agent's code. Without a network the agent does not
start, and the reason is in the file FAULT. Standard library only.

Termination signals are meant for the agent: this process and the network outlast it. FREE is the first descriptor that bwrap does
not use.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
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
_GET_USER_NAMESPACE = 0xB701
"""`NS_GET_USERNS` of ioctl_ns(2)."""
_LONGEST_FAULT = 2000
_OPTIONS = ("--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox")


def main() -> NoReturn:
    slirp, free, fault, bwrap, *words = sys.argv[1:]
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
    try:
        if content:
            network = _lay_on(slirp, int(json.loads(content)["child-pid"]))
        with contextlib.suppress(BrokenPipeError):
            os.write(unblocks, b"x")
    except OSError as error:
        os.write(os.open(fault, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), str(error)[:_LONGEST_FAULT].encode())
        os.kill(inner, signal.SIGKILL)
    os.close(unblocks)
    code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    if network is not None:
        os.kill(network, signal.SIGKILL)
    os._exit(code if code >= 0 else 128 - code)


def _above(descriptor: int, lowest: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest + 1)


def _lay_on(slirp: str, pid: int) -> int:
    """Start the network of a process's namespace, and wait until it is ready.

    Args:
        slirp: the program.
        pid: the process, within bwrap.

    Returns:
        The network's own process.

    Raises:
        OSError: It did not become ready.
    """
    if not _has_loopback(pid):
        raise OSError("the loopback device was not set up in time")
    space = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    # bwrap's process moves on into a second user namespace at any moment, which does not own the network
    owner = fcntl.ioctl(space, _GET_USER_NAMESPACE)
    ready, tells = os.pipe()
    messages = os.memfd_create("messages", os.MFD_ALLOW_SEALING)
    network = _fork()
    if network == 0:
        for descriptor in (space, owner, tells):
            os.set_inheritable(descriptor, True)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for standard in (1, 2):
            os.dup2(messages, standard)
        place = (f"--userns-path=/proc/self/fd/{owner}", "--netns-type=path", f"/proc/self/fd/{space}")
        os.execve(slirp, [slirp, *_OPTIONS, f"--ready-fd={tells}", *place, "tap0"], {"PATH": os.defpath})
    for descriptor in (space, owner, tells):
        os.close(descriptor)
    is_ready = bool(select.select([ready], [], [], _READY_SECONDS)[0]) and bool(os.read(ready, 1))
    os.close(ready)
    said = os.pread(messages, _LONGEST_FAULT, 0).decode(errors="replace")
    # what is printed later has no reader, and must not fill the memory
    fcntl.fcntl(messages, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    os.close(messages)
    if is_ready:
        return network
    os.kill(network, signal.SIGKILL)
    raise OSError(" ".join(said.split()) or "slirp4netns printed nothing")


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
