"""What GPUs do is asked once for all runs of a machine, and a driver that says nothing costs no run anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench._support import gpu_load
from mlebench._support.gpu_load import GpuLoad, gpu_loads
from tests.nvidia import Driver

UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
TWO = f"0, {UUID}, 97, 24576\n1, GPU-46f70fe4-0c11-35b2-8f2a-1f0a1c9be000, 0, 3\n"
UNKNOWN = GpuLoad(None, None)


def test_loads_are_found_by_index_and_by_uuid(driver: Driver) -> None:
    driver.says(TWO)
    assert gpu_loads(["1", UUID, "7"]) == [GpuLoad(0.0, 3 * 2**20), GpuLoad(0.97, 24 * 2**30), UNKNOWN]


@pytest.mark.parametrize("ids", [["4", "6"], ["6", "4"]])
def test_a_job_that_sees_its_own_gpus_alone_finds_them_in_their_order(driver: Driver, ids: list[str]) -> None:
    """Slurm names GPUs as the machine numbers them, and a driver within the job counts from 0."""
    driver.says(TWO)
    assert dict(zip(ids, gpu_loads(ids), strict=True)) == {"4": GpuLoad(0.97, 24 * 2**30), "6": GpuLoad(0.0, 3 * 2**20)}


def test_of_parts_nothing_is_known_and_nobody_is_asked(driver: Driver) -> None:
    driver.says(TWO)
    assert gpu_loads(["MIG-8932f937-d72c"]) == [UNKNOWN]
    assert driver.asked == 0


@pytest.mark.parametrize(
    "answer",
    ["", "Failed to initialize NVML: Driver/library version mismatch\n", "0\n0, 1, 2\n", f"0, {UUID}, [N/A], [Not Supported]\n",
     f"0, {UUID}, 101, -1\n", f"0, {UUID}, {'9' * 5000}, {'9' * 5000}\n", "\udcff\n"],
    ids=["nothing", "a fault", "too few words", "not supported", "out of range", "very long", "no text"],
)  # fmt: skip
def test_what_a_driver_does_not_say_is_unknown(driver: Driver, answer: str) -> None:
    driver.says(answer)
    assert gpu_loads(["0"]) == [UNKNOWN]


@pytest.fixture
def nothing_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is."""
    monkeypatch.setattr(gpu_load, "_FRESH_SECONDS", 1e6)


@pytest.mark.usefixtures("nothing_is_old")
def test_a_driver_that_fails_is_not_asked_by_one_run_after_the_other(driver: Driver) -> None:
    driver.says(TWO, code=9)
    assert [gpu_loads(["0"]) for _ in range(3)] == [[UNKNOWN]] * 3
    assert driver.asked == 1


def test_without_a_driver_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_loads(["0"]) == [UNKNOWN]


@pytest.mark.usefixtures("nothing_is_old")
def test_runs_that_ask_at_once_share_an_answer_whatever_process_they_are_in(driver: Driver) -> None:
    driver.says(TWO)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: gpu_loads(["0"]), range(8))) == [[GpuLoad(0.97, 24 * 2**30)]] * 8
    words = "from mlebench._support import gpu_load as g; g._FRESH_SECONDS = 1e6; print(g.gpu_loads(['0'])[0].utilization)"
    other = subprocess.run([sys.executable, "-c", words], env=os.environ, capture_output=True, text=True, check=True)
    assert (other.stdout, driver.asked) == ("0.97\n", 1)


@pytest.mark.parametrize("lay", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_what_lies_in_the_place_of_the_answer_ends_nothing(driver: Driver, lay: Callable[[Path], None]) -> None:
    driver.says(TWO)
    driver.folder_of_answers.mkdir(mode=0o700)
    lay(driver.folder_of_answers / "gpu-load.csv")
    assert gpu_loads(["0"])[0] in (UNKNOWN, GpuLoad(0.97, 24 * 2**30))
