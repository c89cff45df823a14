"""What a machine has is what the limits around this process leave of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench._support.machine import cgroup_limits, usable_gpus


@pytest.mark.parametrize(
    ("group", "limits"),
    [
        ("0::/slurm/job_7/step_0\n", ["4000", "9000", "max"]),
        ("0::/\n", ["max"]),
        ("4:memory:/old\n", ["max"]),
        ("0::/unseen/one", ["max"]),
    ],
)
def test_limits_of_every_group_around_this_process_count(tmp_path: Path, group: str, limits: list[str]) -> None:
    own, tree = tmp_path / "cgroup", tmp_path / "tree"
    own.write_text(group)
    (tree / "slurm" / "job_7" / "step_0").mkdir(parents=True)
    for place, limit in ((".", "max"), ("slurm/job_7", "9000"), ("slurm/job_7/step_0", "4000")):
        (tree / place / "memory.max").write_text(limit + "\n")
    assert cgroup_limits("memory.max", own, tree) == limits


def test_without_control_groups_there_are_no_limits(tmp_path: Path) -> None:
    assert cgroup_limits("memory.max", tmp_path / "cgroup", tmp_path / "tree") == []


WHOLE = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-46f70fe4-0c11-35b2-8f2a-1f0a1c9be000)
GPU 2: NVIDIA H100 80GB HBM3 (UUID: GPU-46f70fe5-0c11-35b2-8f2a-1f0a1c9be000)
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
  MIG 3g.20gb     Device  0: (UUID: MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde)
  MIG 1g.5gb      Device  1: (UUID: MIG-56c30729-347f-5dd1-9a52-6b6f2d3a1aa1)
  MIG 1g.10gb+me  Device  2: (UUID: MIG-56c30730-347f-5dd1-9a52-6b6f2d3a1aa1)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-46f70fe4-0c11-35b2-8f2a-1f0a1c9be000)
"""
DIVIDED_BY_PLACE = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
  MIG 3g.20gb Device 0: (UUID: MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/0)
  MIG 3g.20gb Device 1: (UUID: MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/01)
"""
BY_PLACE = "MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/0"
MEMORY = """\
GPU-8932f937-d72c-4106-c12f-20bd9faed9f6, 81559
GPU-46f70fe4-0c11-35b2-8f2a-1f0a1c9be000, [N/A]
GPU-46f70fe5-0c11-35b2-8f2a-1f0a1c9be000, 81559
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts an `nvidia-smi` on the path that lists the given GPUs."""

    def install(listing: str, visible: str | None = None, code: int = 0) -> None:
        (tmp_path / "list").write_text(listing)
        (tmp_path / "memory").write_text(MEMORY)
        script = f'#!/bin/sh\ncase "$1" in --list-gpus) cat {tmp_path}/list ;; *) cat {tmp_path}/memory ;; esac\nexit {code}\n'
        (tmp_path / "nvidia-smi").write_text(script)
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return install


def ids() -> list[str]:
    return [gpu.id.removeprefix("MIG-")[:8] for gpu in usable_gpus()]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["0", "1", "2"]),
        ("", []),
        (" ", []),
        ("1", ["1"]),
        # the order of the list is the order of the devices
        ("2,0", ["2", "0"]),
        (" 2 , 0 ", ["2", "0"]),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", ["0"]),
        ("GPU-8932f937", ["0"]),
        ("1,GPU-8932", ["1", "0"]),
        # an entry that names nothing ends the list
        ("-1", []),
        ("0,2,-1,1", ["0", "2"]),
        ("0,7,1", ["0"]),
        ("NoDevFiles", []),
        ("0,,1", ["0"]),
        ("0,MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde", ["0"]),
        # the beginning of two UUIDs names neither
        ("0,GPU-46f70,1", ["0"]),
        # a GPU that is named twice counts once
        ("1,1,0", ["1", "0"]),
        ("1,GPU-46f70fe4", ["1"]),
    ],
)
def test_gpus_are_those_that_the_variable_leaves(driver: Callable[..., None], visible: str | None, expected: list[str]) -> None:
    driver(WHOLE, visible)
    assert ids() == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["7089d0f3", "56c30729", "56c30730", "1"]),
        ("MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde", ["7089d0f3"]),
        ("MIG-56c30730-347f-5dd1-9a52-6b6f2d3a1aa1,MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde", ["56c30730", "7089d0f3"]),
        ("MIG-7089", ["7089d0f3"]),
        ("MIG-56c30,1", []),
        ("1,MIG-7089", ["1", "7089d0f3"]),
        # a GPU that is divided stands for its parts
        ("0", ["7089d0f3", "56c30729", "56c30730"]),
        ("GPU-8932,1", ["7089d0f3", "56c30729", "56c30730", "1"]),
        (BY_PLACE, ["GPU-8932"]),
        ("MIG-GPU-46f70fe4-0c11-35b2-8f2a-1f0a1c9be000/1/0", []),
        ("MIG-GPU-00000000-0c11-35b2-8f2a-1f0a1c9be000/1/0", []),
    ],
)
def test_parts_of_a_divided_gpu_are_gpus(driver: Callable[..., None], visible: str | None, expected: list[str]) -> None:
    driver(DIVIDED, visible)
    assert ids() == expected


def test_parts_that_an_old_driver_lists_by_place(driver: Callable[..., None]) -> None:
    driver(DIVIDED_BY_PLACE, BY_PLACE)
    assert [gpu.id for gpu in usable_gpus()] == [BY_PLACE]
    driver(DIVIDED_BY_PLACE, BY_PLACE.replace("/1/0", "/2/0"))
    assert usable_gpus() == []


def test_name_and_memory_are_told(driver: Callable[..., None]) -> None:
    driver(DIVIDED)
    part, *_, whole = usable_gpus()
    assert (part.name, part.memory) == ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 20 * 2**30)
    assert (whole.name, whole.memory) == ("NVIDIA A100-SXM4-40GB", 0)
    driver(WHOLE)
    assert usable_gpus()[0].memory == 81559 * 2**20


def test_a_driver_that_fails_is_said(driver: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    driver(WHOLE, code=9)
    assert usable_gpus() == []
    assert "nvidia-smi" in caplog.text


def test_without_a_driver_there_are_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert usable_gpus() == []
