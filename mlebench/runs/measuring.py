"""Records a run's resource usage while its agent works; `measures` reads it."""

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
"""Duration of the first phase, and the intervals during and after it."""
_MOST_BYTES = 1_400_000
"""Target size of a file for a full time limit; if lines are long, as with many GPUs, there are fewer of them."""
_END_BYTES = 2 * 2**20
"""Nothing more is written to a larger file, whoever wrote it."""
_SHARE = 0.01
"""Share of a CPU that measuring may take; an agent with thousands of processes gets fewer lines."""
_LONGEST_PAUSE = 600.0


class Measuring:
    """While entered, writes a line at intervals. No failure affects the run."""

    def __init__(self, task: RunTask, handle: Handle, gpu_ids: Sequence[str]) -> None:
        """Args:
        task: the run.
        handle: the attempt.
        gpu_ids: its GPUs.
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
        """Whether a killed harness may have left an incomplete line."""
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
        """Seconds until the next line. All runs write at the same moments, so that shared usage is counted once."""
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
                _logger.warning("the resource usage of %s is not recorded: %s is %s", self._key, FILE, error.strerror)
                self._is_said = True


def _line(measured: Measured, gpu_ids: Sequence[str]) -> bytes:
    """The line without unknown values."""
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
