"""The process that runs the checks of a job: the code of a folder never runs in the process of the user.

It gets a job as JSON, and sends a line when a check begins and what it found when it ends. It ends with its parent, whatever the
code of the folder does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mlebench.scaffold.check.job import Check, Job
from mlebench.scaffold.check.todo import Todo, of_error


def work(connection: Connection) -> None:
    """Run the checks of a job; the function of `start_child`."""
    # what the folder's code starts is ended together with it
    os.setsid()
    # its prints must not mix with output of the command
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    logging.getLogger().addHandler(logging.NullHandler())
    order = json.loads(connection.recv_bytes())
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    job = Job(**{**order["job"], "editions": tuple(order["job"]["editions"])})
    done, failed = set(order["done"]), set(order["failed"])
    for check in job.checks():
        if check.name in done:
            continue
        if not failed.isdisjoint(check.needs):
            failed.add(check.name)
            continue
        _send(connection, {"begun": check.name})
        started = time.monotonic()
        found, raised = _found(check, Path(job.folder))
        if raised:
            failed.add(check.name)
        seconds = time.monotonic() - started
        _send(connection, {"ended": check.name, "raised": raised, "seconds": seconds, "todo": [todo.to_dict() for todo in found]})


def _found(check: Check, folder: Path) -> tuple[list[Todo], bool]:
    """What a check found, and whether it was raised by the folder's code."""
    try:
        return check.run(), False
    except (Exception, SystemExit) as error:
        return [of_error(error, folder, f"{check.file} ({check.name})", check.file)], True


def _end_with(connection: Connection) -> None:
    """End with the parent, even if a check never does."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv_bytes()
    os._exit(1)


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())
