"""Waiting ends with what was waited for, or says what stands instead."""

from __future__ import annotations

import pytest

from tests import waiting
from tests.waiting import wait_until


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def test_the_value_that_was_waited_for_is_returned_without_a_pause(clock: Clock) -> None:
    assert wait_until(lambda: "ready") == "ready"
    assert clock.now == 0


def test_polling_goes_on_until_the_condition_is_true(clock: Clock) -> None:
    assert wait_until(lambda: clock.now >= 3, seconds=10, every=1)
    assert clock.now == 3


def test_a_condition_that_stays_false_fails_at_the_deadline_and_says_what_stands(clock: Clock) -> None:
    def finished() -> int:
        return 0

    with pytest.raises(AssertionError, match=r"finished did not come true within 2 s; it returned 0"):
        wait_until(finished, seconds=2, every=0.5)
    assert clock.now == 2
    with pytest.raises(AssertionError, match=r"found \['pending'\]"):
        wait_until(finished, seconds=2, explain=lambda: ["pending"])


def test_a_condition_that_comes_true_at_the_deadline_counts(clock: Clock) -> None:
    assert wait_until(lambda: clock.now >= 2, seconds=2, every=2)


def test_what_the_condition_raises_ends_the_waiting(clock: Clock) -> None:
    with pytest.raises(KeyError):
        wait_until(lambda: {}["missing"])
