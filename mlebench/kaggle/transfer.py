"""How downloads are made: how patiently, and how fast at most."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized

from mlebench.kaggle.patience import PATIENCE


class RateLimit:
    """A bandwidth that all downloads of all worker processes share."""

    def __init__(self, rate: float) -> None:
        """`rate` is in bytes a second."""
        self.rate = rate
        self._free_at: Synchronized[float] = multiprocessing.get_context("spawn").Value("d", 0.0)

    def take(self, count: int) -> None:
        """Wait until `count` bytes more are allowed."""
        with self._free_at.get_lock():
            now = time.monotonic()
            start = max(now, self._free_at.value)
            self._free_at.value = start + count / self.rate
        time.sleep(start - now)


@dataclass(frozen=True)
class Transfer:
    """Settings of downloads."""

    patience: float = PATIENCE
    """Seconds of failures in a row after which a download gives up."""
    limit: RateLimit | None = None
