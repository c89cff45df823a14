"""Reports the harness's progress to observers: a small, rarely written file in each group's folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mlebench.runs.group import Group
from mlebench.runs.harness_status import RENEW_SECONDS, HarnessStatus, write_harness_status

_WRITE_EVERY_SECONDS = 1.0


class StatusFiles:
    """Writes at most once per second and group, if something has changed or the file would look stale."""

    def __init__(self) -> None:
        self._looked = float("-inf")
        self._written: dict[str, tuple[float, HarnessStatus]] = {}

    def tell(self, groups: Sequence[Group], status: Callable[[Group], HarnessStatus], seconds_left: Callable[[], float]) -> None:
        """Write what has changed.

        Args:
            groups: groups whose locks are held.
            status: returns the status of a group, without the time left.
            seconds_left: time until the last run ends; called only when something is written, as it considers every run.
        """
        moment = time.monotonic()
        if moment - self._looked < _WRITE_EVERY_SECONDS:
            return
        self._looked = moment
        left: float | None = None
        for group in groups:
            found = status(group)
            written = self._written.get(group.name)
            if written is not None and moment - written[0] < RENEW_SECONDS and replace(found, at=written[1].at) == written[1]:
                continue
            self._written[group.name] = (moment, found)
            if not found.is_paused:
                left = seconds_left() if left is None else left
                found = replace(found, seconds_left=round(left, 1))
            # a full disk must not stop the supervision of runs
            with contextlib.suppress(OSError):
                write_harness_status(group.folder, found)
