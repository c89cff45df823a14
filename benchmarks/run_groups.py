"""What the harness itself costs a run, whether its memory grows, and how close its schedule comes to the best one.

    python benchmarks/run_groups.py [overhead] [memory] [schedule]

overhead   1,000 runs of an agent that does nothing in the local sandbox, one at a time, against starting the same
           processes bare.
memory     10,000 simulated runs through the real scheduler, every record written.
schedule   the 225 runs of 75 competitions × 3 seeds on 1, 8 and 64 GPUs with a simulated clock; the figure is the
           makespan over a lower bound that no schedule can beat.
"""

from __future__ import annotations

import heapq
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.toy import make_agent, make_competition
from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Booking, Need
from mlebench.runs.executors.local import LocalExecutor
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.schedule.overview import Overview, RunView, Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Outcome

HOUR = 3600.0


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    benchmarks: dict[str, Callable[[Path], None]] = {"overhead": overhead, "memory": memory, "schedule": schedule}
    for name in sys.argv[1:] or benchmarks:
        with tempfile.TemporaryDirectory() as folder:
            benchmarks[name](Path(folder))


def overhead(root: Path, count: int = 1000) -> None:
    """Wall time per run, with and without the harness."""
    agent = _agent(root, 'cp "$DATA_DIR/s.csv" "$SUBMISSION_DIR/submission.csv"')
    make_competition(root)
    os.environ["MLEBENCH_COMPETITIONS_PATH"] = str(root / "competitions")
    group = Group.create(root / "runs", _plan(agent, ["toy"], count, root / "data"), {}, "group")
    executor = LocalExecutor(RunSettings(parallel=1))
    started, processor = time.perf_counter(), time.process_time()
    run_groups([group], executor, RunSettings())
    with_harness = (time.perf_counter() - started) / count
    processor = (time.process_time() - processor) / count
    assert all(record.has_valid_submission for record in group.records())
    bare = _bare_start(agent, root, count)
    print(
        f"overhead: {count} runs, {1000 * with_harness:.1f} ms each with the harness, {1000 * bare:.1f} ms for the bare "
        f"processes: {1000 * (with_harness - bare):.1f} ms of harness per run, "
        f"grading included ({1000 * processor:.1f} ms of processor time)"
    )


def memory(root: Path, count: int = 10_000) -> None:
    """Peak memory of the harness after a tenth of the runs and after all."""
    group = Group.create(root / "runs", _plan(_agent(root), ["toy"], count, root), {}, "group")
    peaks: list[int] = []

    class Watch(Silent):
        ended_runs = 0

        def ended(self, view: RunView, overview: Overview) -> None:
            self.ended_runs += 1
            if self.ended_runs in (count // 10, count):
                peaks.append(_resident())

    started = time.perf_counter()
    run_groups([group], Simulated(64, lambda task: HOUR, write=True), RunSettings(), Watch())
    seconds = time.perf_counter() - started
    print(
        f"memory: {peaks[0] / 2**20:.1f} MiB after {count // 10} runs, {peaks[1] / 2**20:.1f} MiB after {count}; "
        f"{1000 * seconds / count:.2f} ms of scheduler per run"
    )


def schedule(root: Path) -> None:
    """Makespan over the lower bound, for runs that use their whole limit and for runs of known, very different length."""
    competitions = [f"competition-{number:02d}" for number in range(75)]
    rng = random.Random(0)
    typical = {name: min(24 * HOUR, rng.lognormvariate(2.0, 0.8) * HOUR) for name in competitions}
    agent = _agent(root)
    plan = _plan(agent, competitions, 3, root, gpus=1, time_limit=24 * HOUR)
    _history(root / "known", plan, typical)
    noise = {(name, seed): rng.uniform(0.85, 1.15) for name in competitions for seed in range(3)}
    cases: dict[str, tuple[str, Callable[[RunTask], float]]] = {
        "every run takes its 24 hours": ("unknown", lambda task: 24 * HOUR),
        "lengths known to 15 %": (
            "known",
            lambda task: typical[task.run.competition_id] * noise[task.run.competition_id, task.run.seed],
        ),
        "lengths not known": ("unknown", lambda task: typical[task.run.competition_id]),
    }
    for title, (folder, duration) in cases.items():
        for gpus in (1, 8, 64):
            group = Group.create(root / folder, plan, {}, f"{gpus}-{len(title)}")
            executor = Simulated(gpus, duration)
            run_groups([group], executor, RunSettings())
            bound = lower_bound(list(executor.durations.values()), gpus)
            print(
                f"schedule: {title}, {gpus} GPUs: {executor.now / HOUR:.1f} h, "
                f"{100 * abs(executor.now / bound - 1):.1f} % over the lower bound of {bound / HOUR:.1f} h"
            )


def lower_bound(durations: list[float], slots: int) -> float:
    """No schedule ends earlier: the work spread evenly, the longest run, and k + 1 runs that must share a slot.

    Of the k · slots + 1 longest runs some slot does k + 1, which take at least as long as the shortest of them together.
    """
    longest = sorted(durations, reverse=True)
    bounds = [sum(longest) / slots, longest[0]]
    for k in range(1, (len(longest) - 1) // slots + 1):
        bounds.append(sum(longest[k * slots - k : k * slots + 1]))
    return max(bounds)


class Simulated(Executor):
    """An executor whose runs take no time: `wait` moves the clock to the next end."""

    name = "simulated"

    def __init__(self, gpus: int, duration: Callable[[RunTask], float], *, write: bool = False) -> None:
        self.now = 0.0
        self.durations: dict[str, float] = {}
        self._booking = Booking(1e9, 2**60, [str(number) for number in range(gpus)])
        self._slots = gpus
        self._duration = duration
        self._write = write
        self._at_work: list[tuple[float, str, RunTask]] = []

    def shortage(self, need: Need) -> str | None:
        return None

    def slots(self, need: Need) -> int:
        return self._slots

    def submit(self, task: RunTask) -> bool:
        need = Need(1, 1, 1)
        if self._booking.take(task.key, need) is None:
            return False
        self.durations[task.key] = self._duration(task)
        heapq.heappush(self._at_work, (self.now + self.durations[task.key], task.key, task))
        return True

    def wait(self, seconds: float) -> list[Ended]:
        self.now, key, task = heapq.heappop(self._at_work)
        self._booking.give_back(key)
        record = task.group.record(task.run)
        record.begin("simulated", [])
        record.end(_finished(self.durations[key]))
        record.report = {"valid_submission": True, "score": 0.5, "bronze_medal": True, "competition_id": "toy", "any_medal": True}
        if self._write:
            record.write(task.run_dir)
        return [Ended(key, record)]

    def stop(self, key: str, grace: float) -> None:
        """Never asked for."""

    def stop_all(self, grace: float) -> None:
        """Never asked for."""

    def detach_all(self) -> None:
        """Never asked for."""

    def close(self) -> None:
        """Nothing is held."""


def _finished(seconds: float) -> Outcome:
    end = datetime.now(UTC)
    return Outcome("finished", "exited", "ended", 0, None, end - timedelta(seconds=seconds), end)


def _history(runs_dir: Path, plan: Plan, typical: dict[str, float]) -> None:
    """An earlier group of the same agent, from which the scheduler learns how long each competition takes."""
    group = Group.create(runs_dir, plan, {}, "earlier")
    for run in plan.runs:
        record: RunRecord = group.record(run)
        record.begin("simulated", [])
        record.end(_finished(typical[run.competition_id]))
        record.write(group.run_dir(run.run_id))


def _agent(root: Path, script: str = "true") -> AgentSpec:
    return make_agent(root / "agents" / "nothing", script)


def _plan(agent: AgentSpec, competitions: list[str], seeds: int, data: Path, gpus: int = 0, time_limit: float = 60.0) -> Plan:
    profile = Profile(name="benchmark", cpus=1, memory=2**20, gpus=gpus, time_limit=time_limit, snapshot_every=0)
    return Plan(agent, tuple(competitions), tuple(range(seeds)), profile, "local", data_dir=data)


def _bare_start(agent: AgentSpec, root: Path, count: int) -> float:
    """Seconds for the agent's processes alone."""
    (root / "bare").mkdir()
    environment = {**os.environ, "DATA_DIR": str(root / "data/toy/prepared/public"), "SUBMISSION_DIR": str(root / "bare")}
    command = ["sh", "-c", '"$@"; echo $? > exit_code', "sh", str(agent.directory / "start.sh")]
    started = time.perf_counter()
    for _ in range(count):
        with (root / "bare" / "log").open("ab") as log:
            subprocess.run(
                command, cwd=root / "bare", env=environment, stdout=log, stderr=log, check=True, start_new_session=True
            )
    return (time.perf_counter() - started) / count


def _resident() -> int:
    """Bytes in memory now; the peak where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
