"""What a machine has is what the limits around this process leave of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench._support.machine import cgroup_limits, visible_gpus


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


@pytest.mark.parametrize(
    ("visible", "ids"),
    [(None, ["0", "1"]), ("1", ["1"]), ("GPU-8932f937", ["0"]), ("", []), ("-1", []), ("1, GPU-8932", ["0", "1"])],
)
def test_gpus_are_those_that_the_variable_leaves(visible: str | None, ids: list[str]) -> None:
    listing = "0, GPU-8932f937-d72c, NVIDIA H100, 81559\n1, GPU-46f70fe4-0c11, NVIDIA H100, [N/A]\n"
    found = visible_gpus(listing, visible)
    assert [gpu.id for gpu in found] == ids
    assert {gpu.memory for gpu in found} <= {81559 * 2**20, 0}
