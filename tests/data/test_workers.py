"""Processes that share work give results in order, hand errors on, and leave nothing behind."""

import gc
import operator
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlebench.data.workers import Workers, allow, allowed
from mlebench.errors import WorkFailed
from tests.waiting import wait_until


@pytest.fixture(params=[1, 2])
def processes(request):
    found = Workers(request.param)
    yield found
    found.close()


def test_results_come_in_the_order_of_the_tasks(processes):
    assert [*processes.map(operator.mul, ((k, 2) for k in range(20)))] == [2 * k for k in range(20)]


def test_errors_are_handed_on_and_do_no_harm_to_what_comes_after(processes):
    with pytest.raises(ZeroDivisionError):
        list(processes.map(operator.truediv, [(1, 1), (1, 0), (1, 1)]))
    assert [*processes.map(operator.neg, [(3,)])] == [-3]


def test_only_a_few_tasks_are_taken_ahead():
    processes = Workers(2)
    taken = []
    results = processes.map(operator.neg, ((k,) for k in range(100) if not taken.append(k)))
    assert next(results) == 0 and len(taken) <= 5
    results.close()
    processes.close()


def test_large_tasks_and_results_pass_each_other(processes):
    big = os.urandom(2**21)
    assert all(result == big for result in processes.map(operator.getitem, ((big, slice(None)) for _ in range(8))))


@pytest.mark.parametrize(
    ("end", "argument", "expected"), [(signal.raise_signal, signal.SIGKILL, MemoryError), (os._exit, 3, WorkFailed)]
)
def test_a_process_that_ends_is_told(end, argument, expected):
    processes = Workers(2)
    with pytest.raises(expected, match="a process that was reading a table"):
        list(processes.map(end, [(argument,)]))
    processes.close()


def test_processes_end_with_the_last_reference():
    processes = Workers(2)
    list(processes.map(operator.neg, [(1,)]))
    started = [*processes._processes.values()]
    del processes
    gc.collect()
    assert all(process.poll() is not None for process in started)


def test_processes_end_when_their_parent_is_killed():
    program = (
        "import operator, os, signal\n"
        "from mlebench.data.workers import Workers\n"
        "workers = Workers(2)\n"
        "list(workers.map(operator.neg, [(1,), (2,)]))\n"
        "print(*(process.pid for process in workers._processes.values()), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    children = [int(number) for number in ended.stdout.split()]
    assert len(children) == 2
    wait_until(lambda: not any(map(_is_running, children)))


def test_a_program_without_a_main_guard_is_not_run_again(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import operator\nfrom mlebench.data.workers import Workers\nprint(*Workers(2).map(operator.neg, [(1,), (2,)]))\n"
    )
    assert subprocess.run([sys.executable, program], capture_output=True, text=True).stdout == "-1 -2\n"


def test_processes_are_bounded(monkeypatch):
    monkeypatch.setattr("mlebench.data.workers._allowed", None)
    assert allowed() >= 1
    allow(0)
    assert allowed() == 1
    allow(1000)
    assert allowed() == 8


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
