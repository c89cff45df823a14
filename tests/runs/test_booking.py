"""Booking: the machine is never oversold, and no two runs ever share a GPU."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlebench.profiles import Profile
from mlebench.runs.executors.base import no_room
from mlebench.runs.executors.booking import Booking, Need
from mlebench.runs.leases import Leases
from tests.runs.conftest import local_executor

GPUS = [str(number) for number in range(8)]
NEEDS = st.builds(Need, cpus=st.sampled_from([0.5, 1, 3, 8]), memory=st.integers(1, 40), gpus=st.integers(0, 5))


@given(st.lists(st.one_of(NEEDS, st.integers(0, 20)), max_size=60))
def test_never_oversold_and_no_gpu_shared(steps: list[Need | int]) -> None:
    """A need asks for room; a number ends the run at that place."""
    booking = Booking(cpus=16, memory=100, gpu_ids=GPUS)
    at_work: dict[str, tuple[Need, tuple[str, ...]]] = {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            if step < len(at_work):
                key = list(at_work)[step]
                booking.give_back(key)
                del at_work[key]
            continue
        gpus = booking.take(f"run {number}", step)
        if gpus is not None:
            assert len(gpus) == step.gpus
            at_work[f"run {number}"] = (step, gpus)
        held = [gpu for _, taken in at_work.values() for gpu in taken]
        assert len(held) == len(set(held))
        assert set(held) <= set(GPUS)
        assert sum(need.cpus for need, _ in at_work.values()) <= 16
        assert sum(need.memory for need, _ in at_work.values()) <= 100


@given(st.lists(NEEDS, max_size=20))
def test_everything_is_free_again_at_the_end(needs: list[Need]) -> None:
    booking = Booking(cpus=16, memory=100, gpu_ids=GPUS)
    taken = [str(number) for number, need in enumerate(needs) if booking.take(str(number), need) is not None]
    for key in taken:
        booking.give_back(key)
    assert sorted(booking.take("all", Need(16, 100, 8)) or ()) == GPUS


def test_run_that_is_at_work_already_keeps_its_gpus() -> None:
    booking = Booking(cpus=2, memory=10, gpu_ids=["0", "1"])
    booking.take_over("old", Need(1, 1, 1), ["1"])
    assert booking.take("new", Need(1, 1, 1)) == ("0",)
    assert booking.take("more", Need(1, 1, 0)) is None
    booking.give_back("old")
    assert booking.take("more", Need(1, 1, 1)) == ("1",)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 9)), max_size=40))
def test_two_harnesses_never_share_a_gpu(steps: list[tuple[bool, int, int]]) -> None:
    """Each step: which harness, how many GPUs it asks for (0: it ends a run instead), and which run it ends."""
    with tempfile.TemporaryDirectory() as folder:
        harnesses = [(Booking(100, 100, GPUS), Leases("gpus", Path(folder), free_without_lock=True)) for _ in range(2)]
        held: list[dict[str, tuple[str, ...]]] = [{}, {}]
        for number, (second, gpus, place) in enumerate(steps):
            (booking, leases), mine = harnesses[second], held[second]
            if gpus:
                taken = booking.take(str(number), Need(1, 1, gpus), leases)
                if taken is not None:
                    mine[str(number)] = taken
            elif place < len(mine):
                key = list(mine)[place]
                leases.release(*booking.give_back(key))
                del mine[key]
            in_use = [gpu for runs in held for ids in runs.values() for gpu in ids]
            assert len(in_use) == len(set(in_use))
        for _, leases in harnesses:
            leases.close()


def test_gpus_that_do_not_suffice_are_left_to_the_other_harness(tmp_path: Path) -> None:
    first, second = (Booking(100, 100, GPUS[:3]) for _ in range(2))
    leases = [Leases("gpus", tmp_path, free_without_lock=True) for _ in range(2)]
    assert first.take("a", Need(1, 1, 2), leases[0])
    assert second.take("b", Need(1, 1, 2), leases[1]) is None
    assert first.take("c", Need(1, 1, 1), leases[0]) == ("2",)


def test_a_shortage_names_what_is_missing_and_the_settings_that_fit() -> None:
    booking = Booking(cpus=2, memory=2**30, gpu_ids=[])
    assert booking.shortage(Need(2, 2**30, 0)) is None
    assert booking.shortage(Need(4, 1, 0)) == "it needs 4 CPUs, but this machine has 2 CPUs; `--profile-set cpus=2` fits"
    assert booking.shortage(Need(1, 1, 1)) == "it needs 1 GPU, but this machine has 0 GPUs; `--profile-set gpus=0` fits"
    assert booking.shortage(Need(8, 2**31, 1)) == (
        "it needs 8 CPUs and 2.0 GiB of memory and 1 GPU, but this machine has 2 CPUs and 1.0 GiB and 0 GPUs; "
        "`--profile-set cpus=2 --profile-set memory=1024m --profile-set gpus=0` fits"
    )


def test_a_profile_that_has_no_room_names_those_that_fit() -> None:
    executor = local_executor(cpus=2, memory=2 * 2**30)
    gpu = Profile(name="gpu", cpus=1, memory=2**20, gpus=1, time_limit=60)
    assert no_room(executor, gpu) == (
        "no run of profile gpu can start: it needs 1 GPU, but this machine has 0 GPUs; `--profile-set gpus=0` fits; "
        "choose `--profile demo`"
    )
    assert no_room(executor, gpu.changed({"gpus": 0})) is None


def test_capacity_is_what_the_scarcest_allows() -> None:
    booking = Booking(cpus=16, memory=100, gpu_ids=GPUS)
    assert booking.capacity(Need(1, 10, 0)) == 10
    assert booking.capacity(Need(1, 1, 3)) == 2
    assert booking.capacity(Need(0.1, 1, 0)) == 100
