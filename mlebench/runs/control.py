"""Stops or detaches a run while something waits for it: requested by another thread, or by a file in its folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Handle, Outcome

_LOOK_SECONDS = 1.0


class Control:
    """Lets another thread stop or detach a run while this one waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: Handle | None = None
        self._asked: Callable[[Handle], None] | None = None
        self.instead: Outcome | None = None
        """The outcome of a run that has not started when it is stopped or detached."""
        self.lost: Outcome | None = None
        """The outcome of a run whose node is taken away."""
        self.has_given_up = False
        """Whether another node has taken over the run, so that nothing may be written any more."""

    @property
    def is_asked(self) -> bool:
        """Whether the run has been asked to stop or to detach."""
        return self._asked is not None

    def stop(self, grace: float) -> None:
        """Stop the run; it ends as cancelled."""
        self._ask(lambda handle: handle.stop(grace), Outcome("cancelled", "cancelled", "cancelled before it started"))

    def lose(self, detail: str, grace: float) -> None:
        """The node is being taken away: stop the run, and record an infrastructure failure."""
        self.lost = Outcome("failed", "place-lost", detail, failure_class="infrastructure")
        self._ask(lambda handle: handle.stop(grace), self.lost)

    def give_up(self) -> None:
        """Another node has taken over the run: leave the agent, the record and the folder untouched."""
        self.has_given_up = True
        self.detach()

    def detach(self) -> None:
        """Leave the agent running without a harness."""
        self._ask(lambda handle: handle.detach(), Outcome("cancelled", "detached", "detached before it started"))

    def take(self, handle: Handle) -> None:
        """Send requests to `handle` from now on; an earlier request is passed on."""
        with self._lock:
            self._handle = handle
            asked = self._asked
        if asked is not None:
            asked(handle)

    def _ask(self, request: Callable[[Handle], None], instead: Outcome) -> None:
        with self._lock:
            self._asked, self.instead = request, instead
            handle = self._handle
        if handle is not None:
            request(handle)


class StopMarks:
    """While entered, a file `cancel` in the run's or the group's folder stops the run.

    A file `stop` does the same for executors that cannot reach the run in another way.
    """

    def __init__(self, task: RunTask, control: Control) -> None:
        self._marks = (task.run_dir / "cancel", task.run_dir / "stop", task.group.folder / "cancel")
        self._grace = task.group.plan.profile.grace
        self._control = control
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"cancel {task.key}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            if any(map(os.path.lexists, self._marks)):
                self._control.stop(self._grace)
                return
