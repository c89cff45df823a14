"""Keeps a node that was believed dead from continuing a run that has been restarted elsewhere.

A node whose daemon died, or whose network was cut, may still execute its run after the harness has given it up. If the folder is
shared, the record shows this: it holds the attempt and the node that owns it.
"""

from __future__ import annotations

import threading

from mlebench.errors import MlebenchError
from mlebench.runs.control import Control
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask
from mlebench.sandbox import get_sandbox

_LOOK_SECONDS = 2.0


class Fence:
    """While entered, a run that another node has taken over is given up here, and its agent ended."""

    def __init__(self, task: RunTask, record: RunRecord, control: Control) -> None:
        """Args:
        task: the run.
        record: as this node wrote it; a copy is kept.
        control: used to give up the run.
        """
        self._run_dir = task.run_dir
        self._attempt, self._place = record.attempt, record.place
        self._control = control
        self._sandbox = task.group.plan.sandbox
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"fence {task.key}", daemon=True)

    def __enter__(self) -> None:
        # on one machine, the group's lock excludes others
        if self._place is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            # a job's process ends with it, and what it was about to end would survive
            self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            if self.is_crossed():
                return

    def is_crossed(self) -> bool:
        """Check whether another node has the run; if so, give it up here."""
        if self._place is None:
            return False
        try:
            now = RunRecord.read(self._run_dir)
        except MlebenchError:
            # a shared file system may fail for a while
            return False
        if now.state == "running" and (now.attempt, now.place) == (self._attempt, self._place):
            return False
        self._control.give_up()
        if now.attempt != self._attempt or now.state != "running":
            get_sandbox(self._sandbox).end_left(self._run_dir, self._attempt)
        return True
