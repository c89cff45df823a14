"""Cores: a run's own where there are enough, those least in use where there are not, and never a wait."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench.runs.cores import Cores

FLAT = Path("/nonexistent")
Make = Callable[[], Cores]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Cores of a run; all share one folder of locks, as the runs of all harnesses of a machine do."""
    made: list[Cores] = []

    def make() -> Cores:
        # what nothing refers to any more is closed, and so given back
        made.append(Cores(tmp_path / "locks", FLAT))
        return made[-1]

    return make


def topology(folder: Path, physical: list[tuple[int, list[int]]]) -> Path:
    """The kernel's description of physical cores, each with its package and its threads."""
    for package, threads in physical:
        for thread in threads:
            place = folder / f"cpu{thread}" / "topology"
            place.mkdir(parents=True)
            (place / "physical_package_id").write_text(f"{package}\n")
            (place / "thread_siblings_list").write_text(",".join(map(str, threads)) + "\n")
    return folder


@given(st.lists(st.integers(1, 4), max_size=8))
def test_no_two_runs_share_a_core_while_there_are_enough(needs: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = [Cores(Path(folder), FLAT) for _ in needs]
        taken = [run.take(cpus, range(32)) for run, cpus in zip(runs, needs, strict=True)]
        assert [len(cores) for cores in taken] == needs
        assert len({core for cores in taken for core in cores}) == sum(needs)
        for run in runs:
            run.close()


def test_a_run_gets_cores_of_those_that_the_harness_may_use(make: Make) -> None:
    assert make().take(2, {3, 5, 7}) == (3, 5)
    assert make().take(1, {3, 5, 7}) == (7,)


def test_what_ended_is_free_again(make: Make) -> None:
    first, second = make(), make()
    assert first.take(2, range(4)) == (0, 1)
    first.close()
    assert second.take(2, range(4)) == (0, 1)


def test_parts_of_a_cpu_share_a_core_and_leave_whole_ones_alone(make: Make) -> None:
    runs = [make() for _ in range(6)]
    assert [run.take(cpus, range(4)) for run, cpus in zip(runs, (0.5, 0.5, 0.25, 2, 0.75, 1), strict=True)] == [
        (3,), (3,), (2,), (0, 1), (2,), (0,),
    ]  # fmt: skip


def test_more_than_one_cpu_and_a_part_is_a_core_of_its_own_and_a_shared_one(make: Make) -> None:
    runs = [make(), make(), make()]
    assert [run.take(cpus, range(4)) for run, cpus in zip(runs, (1.5, 0.5, 1), strict=True)] == [(0, 3), (3,), (1,)]


def test_more_than_three_quarters_are_a_whole_core(make: Make) -> None:
    assert make().take(0.9, range(2)) == (0,)
    assert make().take(0.1, range(2)) == (1,)


def test_where_no_core_is_free_those_in_least_use_are_shared_and_nobody_waits(
    make: Make,
) -> None:
    runs = [make() for _ in range(6)]
    assert [run.take(1, range(2)) for run in runs] == [(0,), (1,), (0,), (1,), (0,), (1,)]
    runs[3].close()
    assert make().take(1, range(2)) == (1,)
    assert make().take(2, range(2)) == (0, 1)
    assert len(make().take(0.5, range(2))) == 1


def test_sharing_is_said_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    from mlebench.runs import cores

    cores._say_shared.cache_clear()
    held = [make() for _ in range(4)]
    for run in held:
        run.take(1, range(2))
    assert [message for message in caplog.messages if "share" in message] == [
        "other mlebench processes use this machine's cores, so runs share some of them and may take longer"
    ]


def test_fewer_cores_than_asked_for_are_all_taken(make: Make) -> None:
    assert make().take(8, range(2)) == (0, 1)
    assert make().take(1.5, {4}) == (4,)


def test_a_system_that_names_no_cores_gives_none(make: Make) -> None:
    assert make().take(2, ()) == ()


def test_without_locks_a_run_is_bound_to_no_core(tmp_path: Path) -> None:
    """All runs would be bound to the same ones."""
    (tmp_path / "locks").write_text("no folder")
    assert Cores(tmp_path / "locks", FLAT).take(1, range(4)) == ()


def test_one_run_gets_whole_physical_cores(tmp_path: Path) -> None:
    machine = topology(tmp_path / "sys", [(0, [0, 4]), (0, [1, 5]), (1, [2, 6]), (1, [3, 7])])
    runs = [Cores(tmp_path / "locks", machine) for _ in range(5)]
    assert [run.take(cpus, range(8)) for run, cpus in zip(runs, (2, 1, 2, 1, 1), strict=True)] == [
        (0, 4),
        (1,),
        (2, 6),
        (3,),
        # no physical core is free: the other thread of one
        (5,),
    ]


def test_cores_of_one_package_lie_together(tmp_path: Path) -> None:
    machine = topology(tmp_path / "sys", [(number % 2, [number]) for number in range(8)])
    runs = [Cores(tmp_path / "locks", machine) for _ in range(2)]
    assert [run.take(4, range(8)) for run in runs] == [(0, 2, 4, 6), (1, 3, 5, 7)]


def test_a_run_that_goes_on_keeps_its_cores(make: Make) -> None:
    make().take_again(2.5, [1, 2, 3])
    again = make()
    again.take_again(2.5, [1, 2, 3])
    assert make().take(1, range(4)) == (0,)
    assert make().take(0.5, range(4)) == (3,)


def test_cores_that_are_taken_meanwhile_do_not_keep_a_run_from_going_on(make: Make) -> None:
    other = make()
    assert other.take(1, range(2)) == (0,)
    make().take_again(1, [0])
    make().take_again(1, [])
    make().take_again(1, [10**4000, -1])
