"""Starts a command in an isolated network with a working loopback device: `python -I -S own_network.py COMMAND [WORD...]`.

For sites where ordinary users get an isolated network from the kernel but not from Apptainer. The user id stays the same.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NoReturn

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_NAME_AND_FLAGS = "16sh22x"


def main() -> NoReturn:
    """Become the command; exits with 125 if the kernel does not allow an isolated network."""
    try:
        _leave_network()
        _raise_loopback()
    except OSError as error:
        print(f"no isolated network: {error.strerror}", file=sys.stderr)
        sys.exit(125)
    os.execv(sys.argv[1], sys.argv[1:])


def _leave_network() -> None:
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(content, encoding="ascii")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, _GET_FLAGS, struct.pack(_NAME_AND_FLAGS, b"lo", 0))
        flags = struct.unpack(_NAME_AND_FLAGS, answer)[1]
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack(_NAME_AND_FLAGS, b"lo", flags | _UP))


if __name__ == "__main__":
    main()
