"""The system calls refused to agents, as a filter for the kernel.

They are those that Docker's default profile refuses to a process without capabilities, and those that would hide memory from
measurement. A refused call fails with "operation not permitted"; `clone3`, whose flags no filter can see, fails as if the kernel
lacked it, so that the C library falls back to `clone`. A request for other cores succeeds without effect: the process keeps its
run's cores, as in a container it keeps those of its control group.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterator
from typing import NamedTuple

_ENOSYS, _EPERM, _NOTHING_WRONG = 38, 1, 0
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Offsets of a call's parts; for arguments, those of the lower halves, as both machines are little-endian."""
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX inject input into a user's terminal."""
_FAMILIES = (38, 40)
"""AF_ALG, the kernel's ciphers, and AF_VSOCK, which reaches out of a virtual machine."""


class _Machine(NamedTuple):
    architecture: int
    set_cores: int
    clone: int
    ioctl: int
    socket: int
    refused: dict[str, int]


_EVERYWHERE = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447,
}  # fmt: skip
_CLONE3 = 435
_MACHINES = {
    "x86_64": _Machine(0xC000003E, 203, 56, 16, 41, {
        "shmget": 29, "syslog": 103, "uselib": 134, "ustat": 136, "sysfs": 139, "vhangup": 153, "pivot_root": 155, "_sysctl": 156,
        "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
        "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "create_module": 174,
        "init_module": 175, "delete_module": 176, "get_kernel_syms": 177, "query_module": 178, "quotactl": 179,
        "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227, "kexec_load": 246, "add_key": 248, "request_key": 249,
        "keyctl": 250, "unshare": 272, "perf_event_open": 298, "fanotify_init": 300, "open_by_handle_at": 304,
        "clock_adjtime": 305, "setns": 308, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    }),
    "aarch64": _Machine(0xC00000B7, 122, 220, 29, 198, {
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "nfsservctl": 42, "chroot": 51, "vhangup": 58,
        "quotactl": 60, "acct": 89, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "clock_settime": 112, "syslog": 116, "reboot": 142, "sethostname": 161, "setdomainname": 162, "settimeofday": 170,
        "shmget": 194, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225, "perf_event_open": 241,
        "fanotify_init": 262, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "finit_module": 273, "bpf": 280,
        "userfaultfd": 282, "kexec_file_load": 294,
    }),
}  # fmt: skip


class _Step(NamedTuple):
    """One instruction: `code`, the jump offsets if true and if false, and its constant."""

    code: int
    if_so: int
    if_not: int
    number: int


def filter_for(machine: str | None = None) -> bytes | None:
    """The filter; None for an architecture whose system call numbers are unknown here.

    Args:
        machine: a value of `platform.machine`; by default this machine's.
    """
    known = _MACHINES.get(machine or platform.machine())
    return None if known is None else b"".join(struct.pack("<HBBI", *step) for step in _steps(known))


def _steps(machine: _Machine) -> Iterator[_Step]:
    # calls with the numbers of another architecture, as in 32-bit programs
    yield _Step(_LOAD, 0, 0, _ARCHITECTURE)
    yield _Step(_EQUAL, 1, 0, machine.architecture)
    yield _refuse()
    yield _Step(_LOAD, 0, 0, _NUMBER)
    yield _Step(_AT_LEAST, 0, 1, _X32)
    yield _refuse()
    for number in sorted({**_EVERYWHERE, **machine.refused}.values()):
        yield _Step(_EQUAL, 0, 1, number)
        yield _refuse()
    yield _Step(_EQUAL, 0, 1, _CLONE3)
    yield _refuse(_ENOSYS)
    yield _Step(_EQUAL, 0, 1, machine.set_cores)
    yield _refuse(_NOTHING_WRONG)
    yield from _where(machine.clone, _FIRST, [_Step(_ANY_BIT, 0, 1, _NEW_NAMESPACES)])
    yield from _where(machine.ioctl, _SECOND, [_Step(_EQUAL, 0, 1, request) for request in _TERMINAL_INPUT])
    yield from _where(machine.socket, _FIRST, [_Step(_EQUAL, 0, 1, family) for family in _FAMILIES])
    yield _Step(_RETURN, 0, 0, _ALLOW)


def _where(call: int, argument: int, tests: list[_Step]) -> Iterator[_Step]:
    """Refuse a call if one of the tests of an argument is true."""
    # skip the argument, the tests with what follows each, and the reload of the call number
    yield _Step(_EQUAL, 0, 2 * len(tests) + 2, call)
    yield _Step(_LOAD, 0, 0, argument)
    for test in tests:
        yield test
        yield _refuse()
    yield _Step(_LOAD, 0, 0, _NUMBER)


def _refuse(number: int = _EPERM) -> _Step:
    return _Step(_RETURN, 0, 0, _ERRNO | number)
