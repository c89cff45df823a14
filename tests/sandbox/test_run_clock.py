"""How long an attempt has been running."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from mlebench.sandbox.run_clock import RunClock, age_of, start_of


def test_time_counts_from_the_start_on():
    clock = RunClock(datetime.now(UTC) - timedelta(seconds=100))
    assert 100 <= clock.elapsed < 130


def test_a_known_age_beats_a_wall_clock_that_was_set_back():
    in_the_future = datetime.now(UTC) + timedelta(hours=2)
    assert 50 <= RunClock(in_the_future, age=50).elapsed < 80


def test_an_attempt_that_seems_to_start_in_the_future_starts_now():
    assert 0 <= RunClock(datetime.now(UTC) + timedelta(hours=2)).elapsed < 30


def test_the_age_of_a_process_is_the_kernels():
    own = age_of(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        younger = age_of(child.pid)
    assert own is not None and younger is not None
    assert 0 <= younger <= own


@pytest.mark.parametrize("stat", ["", "1 (a) b) S 1", "no numbers"])
def test_the_age_of_what_is_no_process_is_unknown(tmp_path: Path, stat: str):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(stat)
    assert age_of(7, tmp_path) is None
    assert age_of(8, tmp_path) is None


def test_the_start_of_a_process_is_right_to_a_tick_of_the_kernel():
    """A boot time in whole seconds, from which psutil counts, makes it wrong by up to one."""
    for _ in range(5):
        before = datetime.now(UTC)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            started = start_of(psutil.Process(child.pid))
        assert before - timedelta(seconds=0.02) <= started <= datetime.now(UTC)


def test_the_start_of_a_process_whose_age_is_unknown_is_what_the_system_says():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        process = psutil.Process(child.pid)
    assert start_of(process) == datetime.fromtimestamp(process.create_time(), UTC)
