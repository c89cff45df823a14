"""Child processes that call one function with their end of a pipe.

They are plain Python programs. Unlike the processes of `multiprocessing` they do not import the program that starts them, so it
needs no `if __name__ == "__main__"` guard.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pkgutil import resolve_name

# the parent ends its children itself: a Ctrl-C at the terminal must not reach them, not even while they import
_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from mlebench._support.children import call; call(sys.argv[1], int(sys.argv[2]))"
)


def start_child(
    function: Callable[[Connection], object], environment: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a process that calls a function and then exits. It ignores Ctrl-C and reads nothing from stdin.

    If the parent dies, the child's end of the pipe reports the end of the file.

    Args:
        function: A function of a module, found there by its name. It gets the child's end of the pipe.
        environment: Variables to set in addition to those of this process.

    Returns:
        The process, and the parent's end of the pipe.

    Raises:
        OSError: The process cannot be started.
    """
    ours, theirs = Pipe()
    place = f"{function.__module__}:{function.__qualname__}"
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, place, str(theirs.fileno()), json.dumps(sys.path)],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, **(environment or {})},
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


def call(place: str, descriptor: int) -> None:
    """Call the function at `module:name` with the pipe's end; the main program of a child."""
    # a process that outlives this one must not keep its end open
    os.set_inheritable(descriptor, False)
    with Connection(descriptor) as connection:
        resolve_name(place)(connection)
