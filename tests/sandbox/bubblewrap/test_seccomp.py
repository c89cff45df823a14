"""The filter of system calls refuses what it says, and ordinary programs do not notice it."""

from __future__ import annotations

import platform
import struct
import sys

import pytest

from mlebench.sandbox.bubblewrap.seccomp import filter_for
from tests.bubblewrap import needs_bubblewrap
from tests.sandbox.bubblewrap.conftest import Bench

REFUSED = r"""
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
calls = {"keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
         "io_uring_setup": 425, "mount": 165, "umount2": 166, "pivot_root": 155, "setns": 308, "unshare": 272,
         "kexec_load": 246, "init_module": 175, "finit_module": 313, "open_by_handle_at": 304, "shmget": 29,
         "memfd_secret": 447, "fsopen": 430, "open_tree": 428, "clock_settime": 227, "swapon": 167, "reboot": 169}
for name, number in calls.items():
    assert libc.syscall(number, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EPERM, name
for flag in (0x20000, 0x10000000, 0x20000000, 0x40000000):
    assert libc.syscall(56, flag | 17, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EPERM, hex(flag)
assert libc.syscall(435, 0, 0) == -1 and ctypes.get_errno() == errno.ENOSYS
assert libc.syscall(0x40000000 + 39) == -1 and ctypes.get_errno() == errno.EPERM
for family in (38, 40):
    try:
        socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_SEQPACKET)
        raise AssertionError(family)
    except PermissionError:
        pass
print("all refused")
"""
WORK = r"""
import concurrent.futures, multiprocessing, os, sqlite3, subprocess, tempfile, threading
import numpy, pandas
from sklearn.ensemble import RandomForestClassifier

data = numpy.random.default_rng(0).normal(size=(300, 4))
assert numpy.linalg.svd(data)[1].shape == (4,)
frame = pandas.DataFrame(data, columns=list("abcd"))
frame.to_csv("/tmp/frame.csv")
RandomForestClassifier(20, n_jobs=2).fit(frame, frame["a"] > 0)
def square(x):
    return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, [1, 2, 3]) == [1, 4, 9]
    lock, memory = multiprocessing.Lock(), multiprocessing.Array("d", 10)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(square, range(4))) == 14
    sqlite3.connect("/home/code/x.db").execute("create table t (a)")
    assert subprocess.run(["sh", "-c", "echo 1 | tr 1 2"], capture_output=True, text=True).stdout == "2\n"
    print("all worked on", os.cpu_count(), "cores")
"""


def decide(steps: bytes, call: int, arguments: tuple[int, ...] = (), architecture: int = 0xC00000B7) -> int:
    """What the kernel would do: runs the filter on a call."""
    content = struct.pack("<iIQ6Q", call, architecture, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    accumulator = place = 0
    program = [struct.unpack_from("<HBBI", steps, offset) for offset in range(0, len(steps), 8)]
    while True:
        code, if_so, if_not, number = program[place]
        place += 1
        if code == 0x06:
            return int(number)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", content, number)
            continue
        holds = {0x15: accumulator == number, 0x35: accumulator >= number, 0x45: bool(accumulator & number)}[code]
        place += if_so if holds else if_not


@pytest.mark.parametrize(
    ("call", "arguments", "decision"),
    [
        (219, (), 0x00050001),  # keyctl
        (40, (), 0x00050001),  # mount
        (435, (), 0x00050026),  # clone3
        (220, (0x10000011,), 0x00050001),  # clone with a namespace of users
        (220, (0x11,), 0x7FFF0000),  # clone as fork does
        (29, (0, 0x5412), 0x00050001),  # ioctl TIOCSTI
        (29, (0, 0x5401), 0x7FFF0000),  # ioctl TCGETS
        (198, (40,), 0x00050001),  # socket AF_VSOCK
        (198, (2,), 0x7FFF0000),  # socket AF_INET
        (63, (), 0x7FFF0000),  # read
    ],
)
def test_decisions_on_the_other_machine(call: int, arguments: tuple[int, ...], decision: int) -> None:
    steps = filter_for("aarch64")
    assert steps is not None
    assert decide(steps, call, arguments) == decision


def test_calls_by_the_numbers_of_another_machine_are_refused() -> None:
    steps = filter_for("aarch64")
    assert steps is not None
    assert decide(steps, 63, architecture=0x40000028) == 0x00050001


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    assert filter_for("s390x") is None


@needs_bubblewrap
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers in the agent are those of x86_64")
def test_what_is_refused_fails_as_not_permitted(bench: Bench) -> None:
    ended = bench.run(f"exec {sys.executable} /home/agent/a.py", files={"a.py": REFUSED})
    assert ended.said == ["all refused"], ended.log


@needs_bubblewrap
def test_ordinary_work_goes_on(bench: Bench) -> None:
    ended = bench.run(f"exec {sys.executable} /home/agent/a.py", files={"a.py": WORK}, profile={"cpus": 2, "memory": 2**31})
    assert ended.outcome.state == "finished" and "all worked on" in ended.log, ended.log
