"""Which run starts next among those that wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.waiting_runs import WaitingRuns
from mlebench.runs.task import RunTask

Plans = Callable[..., Plan]
LONGEST_FIRST = {"toy-c": 1, "toy-a": 2, "toy-b": 3}


def rank(task: RunTask) -> tuple[float, float, float]:
    return (LONGEST_FIRST[task.run.competition_id], 0.0, 0.0)


def started(waiting: WaitingRuns, submit: Callable[[RunTask], bool] = lambda task: True) -> list[str]:
    return [task.key for task in waiting.start(submit, lambda task: False)]


@pytest.fixture
def small(plan: Plans, runs_dir: Path) -> list[RunTask]:
    group = Group.create(runs_dir, plan("true"), {}, "small")
    return [RunTask(group, run) for run in group.plan.runs]


@pytest.fixture
def large(plan: Plans, runs_dir: Path) -> list[RunTask]:
    group = Group.create(runs_dir, plan("true", seeds=tuple(range(10)), limits={"cpus": 2}), {}, "large")
    return [RunTask(group, run) for run in group.plan.runs]


def filled(*tasks: RunTask) -> WaitingRuns:
    waiting = WaitingRuns(rank)
    waiting.fill((task, False) for task in tasks)
    return waiting


def test_the_longest_goes_first_and_what_is_to_go_at_once_before_it(small: list[RunTask]) -> None:
    waiting = filled(*small)
    [first] = [task for task in small if task.run.competition_id == "toy-b"]
    waiting.remove(first)
    waiting.put_first(first)
    assert started(waiting) == ["small/toy-b_seed0", "small/toy-c_seed0", "small/toy-a_seed0"]
    assert not waiting


def test_a_run_that_needs_more_room_is_overtaken_only_so_often(small: list[RunTask], large: list[RunTask]) -> None:
    [longest] = [task for task in small if task.run.competition_id == "toy-c"]
    waiting = filled(longest, *large)
    has_room = [False]
    first = started(waiting, lambda task: task.group.name == "large" or has_room[0])
    assert 0 < len(first) < len(large)
    assert set(first) <= {task.key for task in large}
    assert started(waiting, lambda task: task.group.name == "large" or has_room[0]) == []
    has_room[0] = True
    assert longest.key in started(waiting)
    assert not waiting


def test_a_group_that_is_set_aside_starts_nothing_until_it_is_taken_up(small: list[RunTask], large: list[RunTask]) -> None:
    waiting = filled(*small[1:], large[0])
    waiting.set_aside("small")
    waiting.put_off(small[0], 0.0)
    waiting.bring_back_due()
    assert started(waiting) == [large[0].key]
    assert waiting and not waiting.has_queued
    assert {task.key for task in waiting.take_up("small")} == {task.key for task in small}
    # put off and brought back, it goes before the others
    assert started(waiting)[0] == small[0].key


def test_a_run_that_is_put_off_waits_for_its_moment(small: list[RunTask]) -> None:
    waiting = filled()
    waiting.put_off(small[0], 3600.0)
    waiting.bring_back_due()
    assert started(waiting) == []
    seconds = waiting.seconds_until_due()
    assert seconds is not None and 3500 < seconds <= 3600
    assert [task.key for task, _ in waiting.due_in("small")] == [small[0].key]
    waiting.abandon("small")
    assert not waiting


def test_runs_that_are_not_to_start_any_more_leave_the_queue(small: list[RunTask]) -> None:
    waiting = filled(*small)
    given_up: list[str] = []

    def gives_up(task: RunTask) -> bool:
        given_up.append(task.key)
        return task.run.competition_id != "toy-a"

    assert [task.key for task in waiting.start(lambda task: True, gives_up)] == ["small/toy-a_seed0"]
    assert set(given_up) == {task.key for task in small}
    assert not waiting


def test_places_are_counted_over_the_queue_whoever_waits_in_it(plan: Plans, runs_dir: Path, small: list[RunTask]) -> None:
    other = Group.create(runs_dir, plan("true"), {}, "other")
    waiting = filled(*small, *(RunTask(other, run) for run in other.plan.runs))
    assert [(task.key, place) for task, place in waiting.places("other", 2)] == [
        ("other/toy-c_seed0", 0),
        ("other/toy-a_seed0", 2),
    ]
