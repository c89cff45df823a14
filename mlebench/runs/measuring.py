"""Writes down what a run uses while its agent works; `measures` reads it."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from mlebench._support.gpu_load import gpu_loads
from mlebench._support.plain_files import append_plain
from mlebench.runs.measures import FILE
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Handle, Measured

_logger = logging.getLogger("mlebench")
_FIRST_SECONDS, _FIRST_EVERY, _EVERY = 60.0, 3.0, 10.0
"""For so long, and how often then and later."""
_MOST_BYTES = 1_400_000
"""Of a file for a whole time limit; where lines are long, as with many GPUs, there are fewer."""
_END_BYTES = 2 * 2**20
"""Nothing more is written to a file that is larger, whoever made it so."""
_SHARE = 0.01
"""Of a processor that counting may take; there are fewer lines of an agent with thousands of processes."""
_LONGEST_PAUSE = 600.0


class Measuring:
    """While it is entered, a line is written every so often. Nothing that fails reaches the run."""

    def __init__(self, task: RunTask, handle: Handle, gpu_ids: Sequence[str]) -> None:
        """Args:
        task: the run.
        handle: its attempt.
        gpu_ids: those that it has.
        """
        self._path = task.run_dir / FILE
        self._key = task.key
        self._handle = handle
        self._gpu_ids = gpu_ids
        self._time_limit = task.group.plan.profile.time_limit
        self._line_bytes = 0
        self._took = 0.0
        self._is_said = False
        self._is_torn = True
        """Whether a harness that was killed may have left half a line."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"measures of {task.key}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        # not waited for: a driver or a disk may hang
        self._over.set()

    def _work(self) -> None:
        while not self._over.wait(self._pause()):
            begun = time.thread_time()
            measured = self._handle.measure()
            if measured is not None:
                line = _line(measured, self._gpu_ids)
                self._line_bytes = len(line)
                self._append(line)
            self._took = time.thread_time() - begun

    def _pause(self) -> float:
        """Seconds to the next line. All runs write at the same moments, so that what they share is counted once."""
        now = time.time()
        every = _FIRST_EVERY
        if now - self._handle.started_at.timestamp() >= _FIRST_SECONDS:
            every = max(_EVERY, self._time_limit * self._line_bytes / _MOST_BYTES)
        every = min(_LONGEST_PAUSE, max(every, self._took / _SHARE))
        return every - now % every

    def _append(self, line: bytes) -> None:
        try:
            with append_plain(self._path) as file:
                size = os.fstat(file.fileno()).st_size
                if size <= _END_BYTES and not self._over.is_set():
                    file.write(b"\n" + line if self._is_torn and size else line)
                    self._is_torn = False
        except OSError as error:
            if not self._is_said:
                _logger.warning("what %s uses is not written down: %s is %s", self._key, FILE, error.strerror)
                self._is_said = True


def _line(measured: Measured, gpu_ids: Sequence[str]) -> bytes:
    """What is known, without what is not."""
    counted = {"cpu_seconds": measured.cpu_seconds, "memory_bytes": measured.memory_bytes, "processes": measured.processes}
    content: dict[str, Any] = {**counted, "disk_bytes": measured.disk_bytes}
    if gpu_ids:
        content["gpus"] = [
            _known({"id": id_, "utilization": load.utilization, "memory_bytes": load.memory_bytes})
            for id_, load in zip(gpu_ids, gpu_loads(gpu_ids), strict=True)
        ]
    return json.dumps({"at": round(time.time(), 1), **_known(content)}, separators=(",", ":")).encode() + b"\n"


def _known(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value is not None}
