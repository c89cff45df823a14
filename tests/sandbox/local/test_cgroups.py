"""Groups of control are made where the tree is ours to divide, with a profile's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.profiles import Profile
from mlebench.sandbox.local.cgroups import divisible, make_group, remove_group, used_in

PROFILE = Profile(name="toy", cpus=1.5, memory=2**30, pids=100, time_limit=60)
FILES = ("memory.max", "memory.swap.max", "pids.max", "cpu.max")


class Tree:
    """A tree as the kernel shows it, of plain files."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.own = folder / "own"
        self.own.write_text("0::/user.slice/app.slice/run.scope\n")

    def group(self, path: str, controllers: str = "", divided: str = "", processes: str = "") -> Path:
        group = self.root / path
        group.mkdir(parents=True, exist_ok=True)
        for name, text in (("controllers", controllers), ("subtree_control", divided), ("procs", processes)):
            (group / f"cgroup.{name}").write_text(text)
        return group

    def make(self, name: str = "x") -> Path | None:
        return make_group(PROFILE, name, self.root, self.own)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_run_stands_beside_the_harness_in_the_group_around_it(tree: Tree) -> None:
    tree.group("user.slice/app.slice/run.scope", "memory pids", processes="12\n")
    around = tree.group("user.slice/app.slice", "cpu memory pids", divided="memory pids")
    for name in FILES:
        (around / "mlebench-x").mkdir(exist_ok=True)
        (around / "mlebench-x" / name).write_text("max")

    group = tree.make()

    assert group == around / "mlebench-x"
    assert {name: (group / name).read_text() for name in FILES} == {
        "memory.max": str(2**30),
        "memory.swap.max": "0",
        "pids.max": "100",
        "cpu.max": "150000 100000",
    }


def test_an_empty_group_is_divided(tree: Tree) -> None:
    tree.group("user.slice/app.slice/run.scope", processes="12\n")
    around = tree.group("user.slice/app.slice", "cpu io memory pids")
    assert divisible(tree.root, tree.own) == around
    assert (around / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


@pytest.mark.parametrize(
    ("controllers", "divided", "processes"),
    [("memory pids", "", "1\n"), ("memory", "", ""), ("", "cpu", "")],
    ids=["holds processes", "cannot limit processes", "divided for something else"],
)
def test_a_group_that_cannot_be_divided_is_left_alone(tree: Tree, controllers: str, divided: str, processes: str) -> None:
    tree.group("user.slice/app.slice/run.scope", processes="12\n")
    around = tree.group("user.slice/app.slice", controllers, divided, processes)
    assert tree.make() is None
    assert (around / "cgroup.subtree_control").read_text() == divided


def test_no_tree_of_version_2_is_no_group(tree: Tree) -> None:
    tree.own.write_text("4:memory:/a\n1:cpu:/\n")
    assert tree.make() is None
    tree.own.unlink()
    assert tree.make() is None


def test_a_group_outside_of_the_tree_is_none(tree: Tree) -> None:
    tree.own.write_text("0::/../../elsewhere\n")
    assert tree.make() is None


def test_what_was_used_is_told(tree: Tree) -> None:
    group = tree.group("x")
    assert used_in(group) == {}
    (group / "memory.peak").write_text("4096\n")
    (group / "memory.max").write_text("8192\n")
    (group / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 0\n")
    assert used_in(group) == {"peak_memory_bytes": 4096, "cpu_seconds": 1.5}
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    assert used_in(group) == {"peak_memory_bytes": 4096, "cpu_seconds": 1.5, "reason": "out-of-memory", "used": 8192}


@pytest.mark.skipif(divisible() is None, reason="this machine's tree of control groups is not ours to divide")
def test_the_kernel_takes_the_limits() -> None:
    group = make_group(PROFILE, "test-of-limits")
    assert group is not None
    try:
        assert (group / "pids.max").read_text().strip() == "100"
        assert int((group / "memory.max").read_text()) == 2**30
    finally:
        remove_group(group)
    assert not group.exists()
