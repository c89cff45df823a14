"""Nodes on which runs fail one after the other are avoided, and those of which nothing bad is known are not."""

from __future__ import annotations

import pytest

from mlebench.runs.executors.conduct import Conduct
from mlebench.runs.record import RunRecord
from mlebench.sandbox.base import FailureClass, Outcome

NODES = ("one", "two", "three")


def ended(reason: str, failure_class: FailureClass | None) -> RunRecord:
    record = RunRecord("toy_seed0", "group", "toy", 0, "agent", "v1")
    record.begin("one", [])
    record.end(Outcome("failed", reason, f"it was {reason}", failure_class=failure_class))
    return record


def test_three_failures_in_a_row_keep_runs_away_and_say_so() -> None:
    conduct = Conduct()
    said = [conduct.note(f"run {number}", "one", ended("image-missing", "infrastructure")) for number in range(3)]
    assert said[:2] == [None, None]
    assert said[2] is not None and "node one gets no more runs" in said[2] and "it was image-missing" in said[2]
    assert conduct.excluded("another run", NODES) == {"one"}
    # it is said once
    assert conduct.note("late", "one", ended("image-missing", "infrastructure")) is None


def test_a_run_that_works_there_ends_the_row() -> None:
    conduct = Conduct()
    for reason, failure_class in (
        [("gpu-unavailable", "infrastructure")] * 2 + [("exit-code", "agent")] + [("gpu-unavailable", "infrastructure")] * 2
    ):
        assert conduct.note("run", "one", ended(reason, failure_class)) is None  # type: ignore[arg-type]
    assert conduct.excluded("another run", NODES) == set()


@pytest.mark.parametrize("reason", ["grader-error", "agent-changed", "lost", "place-lost", "node-lost"])
def test_what_is_no_fault_of_the_node_counts_for_nothing(reason: str) -> None:
    conduct = Conduct()
    for _ in range(5):
        assert conduct.note("run", "one", ended(reason, "infrastructure")) is None
    assert conduct.excluded("run", NODES) == set()


def test_a_run_is_tried_again_on_a_node_where_it_has_not_failed() -> None:
    conduct = Conduct()
    conduct.note("run", "one", ended("start-failed", "infrastructure"))
    assert conduct.excluded("run", NODES) == {"one"}
    assert conduct.excluded("another run", NODES) == set()
    assert conduct.excluded("run", ["one"]) == set(), "there is no other"


def test_where_every_node_is_avoided_all_are_tried_again() -> None:
    conduct = Conduct()
    for node in NODES[:2]:
        for number in range(3):
            conduct.failed(f"run {number}", node, "its worker died")
    assert conduct.excluded("another run", NODES) == {"one", "two"}
    assert conduct.excluded("another run", NODES[:2]) == set()
    assert conduct.avoided == set()
