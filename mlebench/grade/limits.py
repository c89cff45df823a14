"""What a submission may use while it is checked or graded, told by its size alone."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 2**20
_WALL_PER_CPU_SECOND = 20
_WALL_SECONDS = 60.0
_LARGEST = 4 * 2**30
"""Bytes of the largest submission that is kept of a run: no file buys itself more by being larger."""
LONGEST_START = 900.0
"""Seconds by the clock until a process has started and read the answers; submissions have no part in that."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use, beyond what its process holds already.

    Attributes:
        cpu_seconds: processor time, which a busy machine does not use up.
        memory: bytes.
    """

    cpu_seconds: float
    memory: int

    @property
    def wall_seconds(self) -> float:
        """Seconds by the clock, after which machine or disk must be at fault and not the submission."""
        return _WALL_SECONDS + _WALL_PER_CPU_SECOND * self.cpu_seconds


def limits_of_check(size: int) -> Limits:
    """The limits of a check.

    Checks read the file and look at its cells, which takes up to 3 s and 500 MB for a valid submission of 50 MB; the slowest ones
    are bounded at 8 s and 768 MiB, so that with the start of a process every answer comes within 10 s and 1 GB.

    Args:
        size: bytes of the submission.
    """
    share = max(1.0, min(size, _LARGEST) / (50 * 10**6))
    return Limits(8.0 * share, int(768 * _MIB * share))


def limits_of_grading(size: int) -> Limits:
    """The limits of grading, ten times what the costliest metrics take on valid submissions of the true size (some 30 s).

    Args:
        size: bytes of the submission.
    """
    size = min(size, _LARGEST)
    return Limits(300.0 + 10.0 * size / 10**6, 6 * 2**30 + 32 * size)
