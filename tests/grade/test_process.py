"""How often a process that grades is looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mlebench.grade.limits import Limits
from mlebench.grade.process import Breach, _Watch

MIB = 2**20


class FakeProcess:
    """What `psutil` says of a process."""

    def __init__(self) -> None:
        self.seconds, self.bytes = 1.0, 100 * MIB

    def cpu_times(self) -> Any:
        return SimpleNamespace(user=self.seconds, system=0.0)

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=self.bytes, shared=0)


@pytest.fixture
def process() -> FakeProcess:
    return FakeProcess()


@pytest.fixture
def watch(process: FakeProcess) -> _Watch:
    watch = _Watch(process, Limits(cpu_seconds=8.0, memory=768 * MIB))  # type: ignore[arg-type]
    watch.begin()
    return watch


def test_the_nearer_the_limit_of_memory_the_sooner_is_the_next_look(process: FakeProcess, watch: _Watch) -> None:
    pauses = []
    for used in (0, 600, 760):
        process.bytes = (100 + used) * MIB
        watch.look()
        pauses.append(watch.pause)
    assert pauses == [0.1, pytest.approx(168 / 4096), 0.02]


def test_what_is_used_beyond_a_limit_is_a_breach(process: FakeProcess, watch: _Watch) -> None:
    process.bytes = 869 * MIB
    with pytest.raises(Breach, match="memory"):
        watch.look()
    process.bytes, process.seconds = 100 * MIB, 9.5
    with pytest.raises(Breach, match="time"):
        watch.look()
