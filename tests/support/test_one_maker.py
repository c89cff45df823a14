"""What runs share is made by one thread of one process at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench._support import one_maker as module
from mlebench._support.one_maker import one_maker

HOLD = """
import sys
from pathlib import Path
from mlebench._support import one_maker
one_maker.socket_dir = lambda: Path(sys.argv[1])
with one_maker.one_maker("thing"):
    print("inside", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module, "socket_dir", lambda: tmp_path / "own")


def test_threads_enter_one_after_the_other() -> None:
    inside: list[int] = []
    most: list[int] = []

    def make(_: int) -> None:
        with one_maker("thing"):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(16)))
    assert most == [1] * 16


def test_another_process_waits_and_one_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "own")]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "inside\n"
    entered = threading.Event()

    def make() -> None:
        with one_maker("thing"):
            entered.set()

    waiting = threading.Thread(target=make)
    waiting.start()
    assert not entered.wait(0.2)
    holder.kill()
    holder.communicate()
    assert entered.wait(120)
    waiting.join()


def test_what_is_made_of_another_kind_is_not_waited_for() -> None:
    with one_maker("one"), one_maker("other"):
        pass
