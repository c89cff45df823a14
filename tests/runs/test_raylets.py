"""A raylet that gives up on a busy machine is started again, and one that never comes up is a failure."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil
import pytest

from tests.runs.raylets import DidNotStart, add_node
from tests.runs.test_survival import is_running
from tests.waiting import wait_until


class Fragile:
    """A cluster whose first nodes do not come up, and leave a process behind."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.nodes: list[Any] = []

    def list_all_nodes(self) -> list[Any]:
        return self.nodes

    def add_node(self, **words: Any) -> str:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"])
        if self.left:
            self.left -= 1
            raise Exception("The current node timed out during startup.")
        process.kill()
        process.wait()
        self.nodes.append(words)
        return "up"


def running() -> list[psutil.Process]:
    return [process for process in psutil.Process().children() if is_running(process)]


def test_a_node_is_started_until_one_stays_and_nothing_is_left_of_the_others() -> None:
    before = running()
    cluster = Fragile(failures=2)
    assert add_node(cluster, num_cpus=3) == "up"
    assert [node["num_cpus"] for node in cluster.nodes] == [3]
    wait_until(lambda: set(running()) <= set(before), explain=running)


def test_one_that_never_comes_up_is_said() -> None:
    cluster = Fragile(failures=100)
    with pytest.raises(DidNotStart, match="timed out during startup"):
        add_node(cluster)
    assert cluster.left == 90
