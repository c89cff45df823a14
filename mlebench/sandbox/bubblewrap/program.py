"""The program `bwrap`: its path and version, and whether this machine lets it set up walls; checked once."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from mlebench.sandbox.bubblewrap import system

_SECONDS = 30.0
_SIZED, _CLOSED = (0, 7), (0, 8)
"""First versions that can limit the memory of a file system, and refuse further user namespaces."""
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try")
_INSTALL = "install bubblewrap, on Debian and Ubuntu with `apt-get install bubblewrap`"
_ALLOW = (
    "allow user namespaces, on Ubuntu with `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, elsewhere with "
    "`sysctl user.max_user_namespaces=10000`"
)


class Program(NamedTuple):
    """A working bwrap."""

    path: str
    version: tuple[int, ...]

    @property
    def release(self) -> str:
        """Its version as text."""
        return ".".join(map(str, self.version))

    @property
    def limits_sizes(self) -> bool:
        """Whether it can limit the memory of a file system."""
        return self.version >= _SIZED

    @property
    def closes_namespaces(self) -> bool:
        """Whether it can refuse further user namespaces; if not, only the system call filter does."""
        return self.version >= _CLOSED


@functools.cache
def find_program() -> Program | str:
    """The program, or a sentence on why none works, with a remedy."""
    path = shutil.which("bwrap")
    if path is None:
        return f"bwrap was not found; {_INSTALL}"
    path = str(Path(path).absolute())
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
        found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", answer)
        if found is None:
            return f"{path} does not report its version; {_INSTALL}"
        program = Program(path, tuple(int(part) for part in found.groups() if part is not None))
        # not the whole machine: bwrap fails where a mount anywhere below, such as a container's, vanishes meanwhile
        tried = [path, *namespaces(program), *system.shown(), "--proc", "/proc", "--dev", "/dev", "/bin/true"]
        done = subprocess.run(tried, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{path} cannot be run ({error}); {_INSTALL}"
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
        return f"bwrap {program.release} cannot create namespaces here ({said}); {_ALLOW}"
    return program


def namespaces(program: Program, *, with_network: bool = False) -> list[str]:
    """Arguments for new namespaces of every kind.

    Args:
        program: the program.
        with_network: whether another process enters them afterwards and sets up a network.
    """
    closed = ["--disable-userns"] if program.closes_namespaces and not with_network else []
    return [*_NAMESPACES, *closed]
