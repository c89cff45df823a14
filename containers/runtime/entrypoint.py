"""First process of an agent sandboxed by bubblewrap, where there is no socat: the counterpart of `entrypoint.sh` in a container.

    python -I -S entrypoint.py PROCESSES DATA START_SCRIPT [ARGUMENT...]

Serves the submission checker on port 5000 and, if the run has one, the gateway to models on port 5001; runs the agent and exits
with its exit code. PROCESSES limits the number of processes of the agent's user, DATA the data of one process in bytes; 0 means
no limit. A request to stop goes to the agent and to its other processes. Standard library only; Python 3.11 or later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import asyncio

FOLDER = "/run/mlebench"
SERVED = {5000: "checker.sock", 5001: "models.sock"}
_BLOCK = 2**16
_PAUSE_SECONDS = 0.1
_ASKING = (signal.SIGTERM, signal.SIGINT)
_is_asked_to_leave = False


def main() -> NoReturn:
    """Be process 1."""
    most_processes, largest_data, *command = sys.argv[1:]
    for number in _ASKING:
        signal.signal(number, _note_leaving)
    # before the agent starts, because its first command may call the checker
    listening = {opened: name for port, name in SERVED.items() if _exists(name) for opened in _listen(port)}
    forwarder = _fork_forwarder(listening) if listening else None
    for opened in listening:
        opened.close()
    agent = os.fork()
    if agent == 0:
        _become_agent(command, int(most_processes), int(largest_data))
    code = _await(agent)
    while _is_asked_to_leave and _others_work(forwarder):
        # background processes of the agent are saving their work, too
        time.sleep(_PAUSE_SECONDS)
        _collect()
    os._exit(code)


def _note_leaving(*_: object) -> None:
    global _is_asked_to_leave
    _is_asked_to_leave = True


def _exists(name: str) -> bool:
    return os.access(f"{FOLDER}/{name}", os.F_OK)


def _listen(port: int) -> list[socket.socket]:
    # some clients resolve localhost to ::1 and try nothing else
    opened = []
    for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
        with contextlib.suppress(OSError):
            opened.append(socket.create_server((host, port), family=family, backlog=512))
    return opened


def _fork_forwarder(listening: dict[socket.socket, str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    for number in _ASKING:
        # the agent may call the checker while it saves its work
        signal.signal(number, signal.SIG_IGN)
    try:
        # imports for serving are deferred until the first call
        select.select(list(listening), [], [])
        _forward(listening)
    finally:
        os._exit(1)


def _forward(listening: dict[socket.socket, str]) -> None:
    """Relay each listening socket to the Unix socket of the given name and back, forever."""
    import asyncio

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
        writer.write_eof()

    async def attend(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a hang-up on either side is not an error
        with contextlib.suppress(OSError):
            behind, to_behind = await asyncio.open_unix_connection(f"{FOLDER}/{name}")
            try:
                await asyncio.gather(pass_on(reader, to_behind), pass_on(behind, writer))
            finally:
                to_behind.close()
        writer.close()

    async def serve() -> None:
        servers = [
            await asyncio.start_server(lambda reader, writer, name=name: attend(name, reader, writer), sock=opened)
            for opened, name in listening.items()
        ]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    asyncio.run(serve())


def _become_agent(command: list[str], most_processes: int, largest_data: int) -> NoReturn:
    try:
        os.setsid()
        for number in (*_ASKING, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        # with 0, a machine that pipes core dumps to a program would still start that program, outside the sandbox
        _limit(resource.RLIMIT_CORE, 1)
        if most_processes:
            _limit(resource.RLIMIT_NPROC, most_processes)
        if largest_data:
            _limit(resource.RLIMIT_DATA, largest_data)
        if not os.access(command[0], os.X_OK) and os.access(command[0], os.F_OK):
            command = ["/bin/sh", *command]
        os.execv(command[0], command)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            os.execv("/bin/sh", ["sh", *command])
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode("utf-8", "backslashreplace"))
        os._exit(127 if error.errno == errno.ENOENT else 126)
    finally:
        os._exit(126)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _await(agent: int) -> int:
    """The agent's exit code in a shell's convention; also reaps any other process that ends."""
    while True:
        pid, status = os.wait()
        if pid == agent:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _collect() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _others_work(forwarder: int | None) -> bool:
    return any(name.isdigit() and int(name) not in (1, forwarder) for name in _names("/proc"))


def _names(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


if __name__ == "__main__":
    main()
