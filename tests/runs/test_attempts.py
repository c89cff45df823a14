"""Which attempts a record lists, and where each left its files."""

from __future__ import annotations

from typing import Any

import pytest

from mlebench.runs.attempts import parts_of, said_of_attempts
from mlebench.runs.record import RunRecord


def record_of(attempt: int, *entries: dict[str, Any]) -> RunRecord:
    return RunRecord("r", "g", "c", 0, "agent", "v1", state="running", attempt=attempt, attempts=list(entries))


def test_they_come_in_their_order_and_the_last_is_what_the_record_says_itself() -> None:
    record = record_of(3, {"attempt": 2, "state": "failed"}, {"attempt": 1, "state": "cancelled"})
    assert [(number, said["state"]) for number, said in said_of_attempts(record).items()] == [
        (1, "cancelled"),
        (2, "failed"),
        (3, "running"),
    ]
    assert [parts_of(record, number) for number in (1, 2, 3)] == [("attempts", "1"), ("attempts", "2"), ()]


def test_between_two_attempts_the_last_is_the_one_that_has_ended() -> None:
    record = record_of(1, {"attempt": 1, "state": "failed"})
    assert {number: said["state"] for number, said in said_of_attempts(record).items()} == {1: "failed"}
    assert parts_of(record, 1) == ()


def test_before_the_first_there_is_the_record_alone() -> None:
    assert list(said_of_attempts(record_of(0))) == [0]


@pytest.mark.parametrize("number", [None, "1", "../1", 0, -1, True, 1.0, 10**6, [1]])
def test_an_entry_without_a_number_of_ours_is_none(number: object) -> None:
    assert list(said_of_attempts(record_of(2, {"attempt": number}))) == [2]
