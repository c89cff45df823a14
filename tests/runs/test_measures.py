"""What a run uses is written down while its agent works, whatever the agent does, and read whatever the file holds."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.gpu_load import GpuLoad
from mlebench.runs import measuring
from mlebench.runs.control import Control
from mlebench.runs.group import Group
from mlebench.runs.measures import FILE, GpuUse, Measure, read_measures
from mlebench.runs.plan import Plan
from mlebench.runs.task import RunTask
from mlebench.runs.worker import execute
from tests.nvidia import Driver
from tests.scripted import SUBMIT
from tests.waiting import wait_until

Plans = Callable[..., Plan]
NOW = 1_764_463_800.0


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line every tenth of a second."""
    monkeypatch.setattr(measuring, "_FIRST_EVERY", 0.1)


@pytest.fixture
def task(plan: Plans, runs_dir: Path, tmp_path: Path, fast: None) -> Callable[..., RunTask]:
    """Makes a run of an agent that says that it has begun, runs `script` and waits for `go`."""

    def make(script: str = "", **parts: Any) -> RunTask:
        waits = f"touch {tmp_path}/begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done\n"
        parts = {"competitions": ("toy-a",), "limits": {"time_limit": 600}, **parts}
        group = Group.create(runs_dir, plan(f"{script}\n{waits}{SUBMIT}", **parts), {}, "group")
        return RunTask(group, group.plan.runs[0])

    return make


def play(task: RunTask, tmp_path: Path, until: Callable[[], object], *gpu_ids: str) -> None:
    """Do a run, whose agent goes on once `until` is true."""
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(execute, task, gpu_ids)
        try:
            wait_until(until, explain=lambda: (task.group.record(task.run), read_measures(task.run_dir)))
        finally:
            (tmp_path / "go").touch()
        assert done.result().has_valid_submission


def write(folder: Path, *entries: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_a_run_says_over_time_what_it_uses(task: Callable[..., RunTask], tmp_path: Path) -> None:
    hungry = "python -c 'import time; x = bytearray(40 * 2**20)\nwhile True: time.sleep(0.001)' &\n"
    run = task(hungry)
    begun = time.time()

    def is_full() -> bool:
        found = read_measures(run.run_dir)
        return len(found) > 3 and (found[-1].memory_bytes or 0) > 40 * 2**20 and (found[-1].cpu_seconds or 0) > 0

    play(run, tmp_path, is_full)
    found = read_measures(run.run_dir)
    assert begun - 1 <= found[0].at <= found[-1].at <= time.time() + 1
    # the start script and the program in the background, and what sleeps for a moment
    assert 2 <= max(measure.processes or 0 for measure in found) <= 6
    assert max(measure.memory_bytes or 0 for measure in found) < 400 * 2**20
    assert all(measure.gpus == () and measure.disk_bytes is None for measure in found)


def test_gpus_of_a_run_are_among_it(task: Callable[..., RunTask], tmp_path: Path, driver: Driver) -> None:
    driver.says("0, GPU-0, 3, 1\n1, GPU-1, 97, 24576\n2, GPU-2, 0, 0\n")
    run = task()
    play(run, tmp_path, lambda: read_measures(run.run_dir), "1", "MIG-1")
    assert read_measures(run.run_dir)[0].gpus == (GpuUse("1", 0.97, 24 * 2**30), GpuUse("MIG-1", None, None))


def test_runs_without_gpus_ask_no_driver(task: Callable[..., RunTask], tmp_path: Path, driver: Driver) -> None:
    driver.says("0, GPU-0, 3, 1\n")
    run = task()
    play(run, tmp_path, lambda: read_measures(run.run_dir))
    assert driver.asked == 0


@pytest.mark.parametrize(
    "lay",
    [f"mkfifo ../{FILE}", f"ln -s $LOGS_DIR/elsewhere ../{FILE}", f"mkdir ../{FILE}", f"head -c 5000000 /dev/zero > ../{FILE}"],
    ids=["a pipe", "a link", "a folder", "a large file"],
)
def test_an_agent_without_walls_that_takes_the_files_place_keeps_nobody_waiting(
    task: Callable[..., RunTask], tmp_path: Path, lay: str
) -> None:
    run = task(f"cd $MLEBENCH_HOME; rm -rf ../{FILE}; until {lay}; do rm -rf ../{FILE}; done; touch {tmp_path}/laid")
    play(run, tmp_path, (tmp_path / "laid").exists)
    assert not (run.run_dir / "logs" / "elsewhere").exists()
    assert read_measures(run.run_dir) == []


def test_whoever_attaches_again_goes_on_in_the_same_file_after_a_torn_line(task: Callable[..., RunTask], tmp_path: Path) -> None:
    run = task()
    control = Control()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(execute, run, (), control)
        wait_until(lambda: read_measures(run.run_dir))
        control.detach()
        assert first.result().state == "running"
    before = read_measures(run.run_dir)
    with (run.run_dir / FILE).open("a") as file:
        file.write('{"at": 1764')
    play(run, tmp_path, lambda: len(read_measures(run.run_dir)) > len(before) + 1)
    after = read_measures(run.run_dir)
    assert after[: len(before)] == before
    lines = (run.run_dir / FILE).read_text().splitlines()
    assert [line for line in lines if not line.endswith("}")] == ['{"at": 1764']


def test_the_next_attempt_has_a_file_of_its_own(task: Callable[..., RunTask], tmp_path: Path) -> None:
    until = f"until [ -s $MLEBENCH_HOME/../{FILE} ]; do sleep 0.05; done"
    run = task(f"[ -e {tmp_path}/again ] || {{ touch {tmp_path}/again; {until}; exit 3; }}")
    record = execute(run, ())
    assert record.exit_code == 3
    record.again()
    record.write(run.run_dir)
    first = read_measures(run.run_dir)
    play(run, tmp_path, lambda: (tmp_path / "begun").exists() and read_measures(run.run_dir))
    assert read_measures(run.run_dir / "attempts" / "1") == first != []
    assert read_measures(run.run_dir)[0].at > first[-1].at


class Slow:
    """A handle of which only the start is asked."""

    def __init__(self, age: float) -> None:
        self.started_at = datetime.fromtimestamp(time.time() - age, UTC)


@pytest.mark.parametrize(("gpus", "longest"), [(0, 10.0), (1, 12.0), (8, 60.0)])
def test_a_day_of_lines_is_below_one_and_a_half_megabytes(
    task: Callable[..., RunTask], gpus: int, longest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_FIRST_EVERY", 3.0)
    ids = tuple(str(number) for number in range(gpus))
    run = task(limits={"time_limit": 86400.0})
    monkeypatch.setattr(measuring, "gpu_loads", lambda ids: [GpuLoad(0.97, 85899345920) for _ in ids])
    line = measuring._line(measuring.Measured(1000000.25, 2**38, 10_000, 2**40), ids)
    early = measuring.Measuring(run, Slow(1), ids)  # type: ignore[arg-type]
    late = measuring.Measuring(run, Slow(3600), ids)  # type: ignore[arg-type]
    late._line_bytes = len(line)
    assert 0 < early._pause() <= 3
    assert 0 < late._pause() <= longest
    every = max(10.0, 86400 * len(line) / measuring._MOST_BYTES)
    assert every <= longest and (86400 / every + 30) * len(line) < 1_500_000


def test_what_takes_long_to_count_is_counted_seldom(task: Callable[..., RunTask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000 * 300.0 + 1)
    slow = measuring.Measuring(task(), Slow(3600), ())  # type: ignore[arg-type]
    pauses = []
    for slow._took in (0.05, 0.5, 3.0, 100.0):
        pauses.append(round(slow._pause()))
    assert pauses == [9, 49, 299, 599]


def test_what_is_no_measure_is_left_out(tmp_path: Path) -> None:
    good = {"at": NOW - 600, "cpu_seconds": 1.5, "memory_bytes": 2**20, "processes": 3, "disk_bytes": 7}
    write(tmp_path, good, [], 1, "x", None, {}, {"at": None}, {"at": True}, {"at": "1"}, {"at": 1e6}, {"at": 1e300}, {"at": -1})
    with (tmp_path / FILE).open("ab") as file:
        file.write(
            b'{"at": NaN}\n{"at": 1e999}\n\xff\xfe\n{"at": 17649\n\n'
            + b"[" * 200_000
            + b"\n"
            + b'{"at":'
            + b"9" * 70_000
            + b"}\n"
        )
        file.write(b'{"at": 1764463300, "gpus": {}}\n{"at": 1764463')
    expected = [Measure(NOW - 600, 1.5, 2**20, 3, 7), Measure(NOW - 500)]
    assert read_measures(tmp_path) == expected


def test_values_that_cannot_be_are_unknown(tmp_path: Path) -> None:
    gpus = [1, {"id": 0, "utilization": 7, "memory_bytes": -1}, {"id": "x" * 500, "utilization": "1"}, {}]
    write(tmp_path, {"at": NOW, "cpu_seconds": -1, "memory_bytes": "1", "processes": 2**70, "disk_bytes": 1.9, "gpus": gpus * 40})
    [found] = read_measures(tmp_path)
    assert found.gpus[:3] == (GpuUse("0", 1.0, None), GpuUse("x" * 100, None, None), GpuUse("None", None, None))
    assert len(found.gpus) <= 64
    assert found == Measure(NOW, None, None, None, 1, found.gpus)


def test_times_of_the_future_are_left_out_and_the_order_is_that_of_time(tmp_path: Path) -> None:
    write(tmp_path, {"at": NOW - 5}, {"at": time.time() + 1000}, {"at": NOW - 9}, {"at": NOW})
    assert [measure.at for measure in read_measures(tmp_path)] == [NOW - 9, NOW - 5, NOW]


def test_processor_time_never_falls(tmp_path: Path) -> None:
    write(tmp_path, *({"at": NOW + number, "cpu_seconds": cpu} for number, cpu in enumerate((1, 3, 2, 3, 4))))
    assert [measure.cpu_seconds for measure in read_measures(tmp_path)] == [1, 3, 3, 4]


def test_a_day_is_thinned_evenly_in_time_and_keeps_its_peak(tmp_path: Path) -> None:
    day = [{"at": NOW - 86400 + 10 * number, "cpu_seconds": number, "memory_bytes": 2**20} for number in range(8640)]
    day[4321]["memory_bytes"] = 2**35
    write(tmp_path, *day)
    found = read_measures(tmp_path, 100)
    assert 90 <= len(found) <= 100
    assert (found[0].at, max(measure.memory_bytes or 0 for measure in found)) == (day[0]["at"], 2**35)
    gaps = [second.at - first.at for first, second in itertools.pairwise(found)]
    assert max(gaps) < 3 * 864
    assert len(read_measures(tmp_path, 10_000)) == 8640


def test_many_measures_of_one_moment_end_nothing(tmp_path: Path) -> None:
    write(tmp_path, *[{"at": NOW, "memory_bytes": number} for number in range(50)])
    assert [measure.memory_bytes for measure in read_measures(tmp_path, 10)] == [49]


@pytest.mark.parametrize("lay", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd"), lambda path: None])
def test_what_is_no_file_has_no_measures(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    lay(tmp_path / FILE)
    assert read_measures(tmp_path) == []


def test_of_a_file_without_end_the_beginning_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"at": NOW})
    with (tmp_path / FILE).open("r+b") as file:
        file.truncate(2**40)
    assert read_measures(tmp_path) == [Measure(NOW)]
